//! Judges a component by its names before the engine links it.

use super::{
    contract::Contract,
    error::EncodeError,
    origin::{self, Foreign},
    outline::{Interface, Outline},
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
    for import in &component.imports {
        let is_given = Interface::parse(&import.module)
            .is_some_and(|asked| GIVEN.contains(&(&*asked.package.namespace, &*asked.package.name)));
        // What is no name of an interface, such as a function of the world, is the engine's to judge.
        if !is_given && import.module.contains(':') {
            let advice = origin::advice(import).unwrap_or_else(|| {
                format!(
                    "nobody gives: a plugin can use `{}`, `wasi:logging`, `wasi:config` and WASI 0.2 (without files, \
                     sockets and http)",
                    contract.package().map(|package| package.interface_id("comet")).unwrap_or_default()
                )
            });
            return Err(EncodeError::Import { import: import.to_string(), advice });
        }
    }
    for name in [SETUP, HANDLE] {
        if component.export(name).is_none() {
            let first = component.exports.first().filter(|_| !component.exports_any(&[SETUP, HANDLE]));
            let instead = first.map(|export| format!(" (it exports `{}`)", brief(&export.name))).unwrap_or_default();
            return Err(EncodeError::ComponentExport { name, instead, world: contract.world_name() });
        }
    }
    Ok(())
}
