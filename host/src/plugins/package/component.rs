//! Judges a component by its names before the engine links it.

use super::{
    contract::Contract,
    error::EncodeError,
    origin::{self, Foreign},
    outline::{Import, Interface, Outline},
};
use crate::{
    plugins::api::{HANDLE, SETUP},
    report::brief,
};

/// The packages of which every plugin is given interfaces.
const GIVEN: [(&str, &str); 9] = [
    ("cometbot", "plugin"),
    ("wasi", "cli"),
    ("wasi", "clocks"),
    ("wasi", "config"),
    ("wasi", "filesystem"),
    ("wasi", "io"),
    ("wasi", "logging"),
    ("wasi", "random"),
    ("wasi", "sockets"),
];

/// Judges a component. Which interfaces of a package there are, and their types, is left to the engine.
///
/// # Errors
/// The first mistake that is found.
pub(super) fn check(component: &Outline, contract: &Contract) -> Result<(), EncodeError> {
    if !component.exports_any(&[SETUP, HANDLE])
        && let Some(Foreign { what, sign, advice }) = Foreign::of(component)
    {
        return Err(EncodeError::Foreign { what, sign, advice });
    }
    component.imports.iter().try_for_each(|import| check_import(import, contract))?;
    for name in [SETUP, HANDLE] {
        if component.export(name).is_none() {
            let first = component.exports.first().filter(|_| !component.exports_any(&[SETUP, HANDLE]));
            let instead = first.map(|export| format!(" (it exports `{}`)", brief(&export.name))).unwrap_or_default();
            return Err(EncodeError::ComponentExport { name, instead, world: contract.world_name() });
        }
    }
    Ok(())
}

/// Refuses what is of a package that nobody gives.
///
/// # Errors
/// If it is.
pub(super) fn check_import(import: &Import, contract: &Contract) -> Result<(), EncodeError> {
    // What is no name of an interface, such as a function of the world, is the engine's to judge.
    let Some(asked) = Interface::parse(&import.module) else { return Ok(()) };
    if GIVEN.contains(&(&*asked.package.namespace, &*asked.package.name)) {
        return Ok(());
    }
    let advice = origin::advice(import).unwrap_or_else(|| {
        let comet = contract.package().map(|package| package.interface_id("comet"));
        format!(
            "nobody gives: a plugin can use `{}`, `wasi:logging`, `wasi:config` and WASI 0.2 (without files, sockets and \
             http)",
            comet.as_deref().unwrap_or("cometbot:plugin/comet")
        )
    });
    Err(EncodeError::Import { import: import.to_string(), advice })
}

/// Makes sure that a world that a module brings is one of a plugin.
///
/// # Errors
/// If it lacks an export.
pub(super) fn check_world(brought: &Contract, ours: &Contract) -> Result<(), EncodeError> {
    for name in [SETUP, HANDLE] {
        if brought.export(name).is_none() {
            let instead = " (its component type is that of another world)".to_owned();
            return Err(EncodeError::ComponentExport { name, instead, world: ours.world_name() });
        }
    }
    Ok(())
}
