//! Judges a core module before the encoder does, in the terms of whoever wrote it: each mistake names the import or the
//! export, and what was expected.

use wasi_preview1_component_adapter_provider::WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME as PREVIEW1;

use super::{
    component,
    contract::{self, Contract, Given},
    error::{EncodeError, Similar, Wanted},
    origin::{self, Foreign},
    outline::{Import, Interface, Item, Outline},
};
use crate::{
    plugins::api::{HANDLE, RESTORE, SAVE, SETUP},
    report::brief,
};

/// The memory through which strings pass.
const MEMORY: &str = "memory";
/// What gives the host room in that memory.
pub(super) const REALLOC: &str = "cabi_realloc";
/// What begins the name of a function that cleans up after another one.
pub(super) const POST_RETURN: &str = "cabi_post_";
/// What a runtime does before the first call.
const INITIALIZE: &str = "_initialize";
/// The memory that the linker will make of those of all object files.
const LINEAR_MEMORY: &str = "__linear_memory";
/// What begins names of other meanings, which only tools write: they are the encoder's to judge.
const MANGLED: [&str; 3] = ["[", "$", "cm32p2"];
/// Functions are listed in a message when there are so few.
const FEW: usize = 8;

/// Judges a core module.
///
/// # Errors
/// The first mistake that is found.
pub(super) fn check(module: &Outline, contract: &Contract) -> Result<(), EncodeError> {
    let is_mangled = module.exports.iter().any(|export| MANGLED.iter().any(|prefix| export.name.starts_with(prefix)));
    let is_plugin = module.exports_any(&[SETUP, HANDLE]) || is_mangled;
    if let Some(Foreign { what, sign, advice }) = (!is_plugin).then(|| Foreign::of(module)).flatten() {
        return Err(EncodeError::Foreign { what, sign, advice });
    }
    let is_unlinked = module.imports.iter().any(|import| import.name == LINEAR_MEMORY);
    if module.is_object && is_unlinked {
        return Err(EncodeError::Foreign {
            what: "an object file",
            sign: "it has a section `linking`".to_owned(),
            advice: "link it (clang does so without -c)",
        });
    }
    if module.is_library {
        return Err(EncodeError::Foreign {
            what: "a dynamic library",
            sign: "it has a section `dylink.0`".to_owned(),
            advice: "link it without -shared, -pie and -sSIDE_MODULE",
        });
    }
    if !is_plugin {
        // What it lacks says more of it than what it imports.
        check_exports(module, contract, is_mangled)?;
    }
    module.imports.iter().try_for_each(|import| check_import(import, module, contract))?;
    if module.memories > 1 {
        return Err(EncodeError::Memories(module.memories));
    }
    check_exports(module, contract, is_mangled)
}

fn check_import(import: &Import, module: &Outline, contract: &Contract) -> Result<(), EncodeError> {
    let Item::Function(found) = &import.item else { return Err(no_function(import)) };
    if MANGLED.iter().any(|prefix| import.module.starts_with(prefix)) {
        return Ok(());
    }
    let given = match import.module.as_str() {
        PREVIEW1 => contract::adapted(&import.name),
        _ => contract.import(&import.module, &import.name),
    };
    let (name, of) = (brief(&import.name), brief(&import.module));
    match given {
        // A world of its own may have more than there is here.
        Given::Function(wanted) if wanted.is(found) => component::check_import(import, contract),
        Given::Function(wanted) => {
            Err(EncodeError::ImportType { name, module: of, found: found.to_string(), wanted: wanted.to_string() })
        }
        Given::Interface(_) if MANGLED.iter().any(|prefix| name.starts_with(prefix)) => Ok(()),
        Given::Interface(names) => {
            let similar = Similar::to(&name, names.iter().map(String::as_str));
            let listed: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            let others = if listed.len() > FEW { String::new() } else { format!("; it has {}", listed.join(", ")) };
            Err(EncodeError::ImportName { module: of, name, similar, others })
        }
        Given::Nothing => {
            Err(EncodeError::Import { import: import.to_string(), advice: nobody(import, module, contract) })
        }
    }
}

/// What to say of an import that no interface of the contract has.
fn nobody(import: &Import, module: &Outline, contract: &Contract) -> String {
    if let Some(advice) = origin::advice(import) {
        return advice;
    }
    let given: Vec<String> = contract.interfaces().collect();
    let asked = Interface::parse(&import.module);
    let other_version = asked.as_ref().and_then(|asked| {
        given.iter().find(|given| Interface::parse(given).is_some_and(|given| given.is_version_of(asked)))
    });
    if let Some(other) = other_version {
        return format!("nobody gives; the interface is called `{other}` here");
    }
    let similar = Similar::to(&import.module, given.iter().map(String::as_str));
    if asked.is_some_and(|asked| asked.package.namespace == "wasi") && !module.has_type {
        return format!(
            "a core module without a component type cannot have{similar}: of WASI 0.2 there are clocks and random; \
             import `{PREVIEW1}` instead, or make it a component"
        );
    }
    let comet = contract.package().map(|package| package.interface_id("comet")).unwrap_or_default();
    format!(
        "nobody gives{similar}: a core module can import `send`, `log` and `count` of `{comet}`, logging, settings, \
         clocks and random as the contract names them, and `{PREVIEW1}`"
    )
}

fn no_function(import: &Import) -> EncodeError {
    let advice = match import.item {
        Item::Memory { .. } => {
            "a plugin brings itself: export it as `memory` (link without --import-memory; AssemblyScript: without \
             --importMemory)"
                .to_owned()
        }
        _ => origin::advice(import)
            .filter(|_| import.module != "env" || import.name.starts_with("__"))
            .unwrap_or_else(|| format!("is a {}: only functions can be imported", import.item)),
    };
    EncodeError::Import { import: import.to_string(), advice }
}

fn check_exports(module: &Outline, contract: &Contract, is_mangled: bool) -> Result<(), EncodeError> {
    let required = [
        (SETUP, contract.export(SETUP), "which says what the plugin wants to hear"),
        (HANDLE, contract.export(HANDLE), "which handles an event"),
        (SAVE, contract.export(SAVE), "which hands over what the next version shall know"),
        (RESTORE, contract.export(RESTORE), "which takes what an earlier version saved"),
        (MEMORY, Some(Wanted::Memory), "through which strings pass"),
        (REALLOC, Some(contract::realloc()), "which gives the host room for an event's strings"),
    ];
    for (name, wanted, why) in required {
        // A module with a type of its own may export less: what else it calls them the encoder knows.
        let Some(wanted) = wanted else { continue };
        if check_export(module, name, &wanted)? || is_mangled || (module.has_type && name == REALLOC) {
            continue;
        }
        let similar = Similar::to(name, module.exports.iter().map(|export| export.name.as_str()));
        return Err(EncodeError::MissingExport { name, wanted: wanted.to_string(), why, similar });
    }
    for function in [SETUP, HANDLE, SAVE, RESTORE] {
        if let Some(wanted) = contract.post_return(function) {
            check_export(module, &format!("{POST_RETURN}{function}"), &wanted)?;
        }
    }
    check_export(module, INITIALIZE, &contract::initialize())?;
    Ok(())
}

/// Whether the module has the export.
fn check_export(module: &Outline, name: &str, wanted: &Wanted) -> Result<bool, EncodeError> {
    let Some(export) = module.export(name) else { return Ok(false) };
    let name = name.to_owned();
    match (&export.item, wanted) {
        (Item::Function(found), Wanted::Function { .. }) if wanted.is(found) => Ok(true),
        (Item::Function(found), Wanted::Function { .. }) => {
            Err(EncodeError::ExportType { name, found: found.to_string(), wanted: wanted.to_string() })
        }
        (Item::Memory { is_shared: true, .. }, Wanted::Memory) => Err(EncodeError::Memory {
            kind: "shared by threads",
            advice: "a plugin runs in one thread, so build it without them (no -pthread, no atomics)",
        }),
        (Item::Memory { is_64_bit: true, .. }, Wanted::Memory) => Err(EncodeError::Memory {
            kind: "one of 64-bit addresses (memory64)",
            advice: "the contract's addresses have 32 bits, so build it for wasm32",
        }),
        (Item::Memory { .. }, Wanted::Memory) => Ok(true),
        (item, _) => Err(EncodeError::ExportKind { name, kind: item.to_string(), wanted: wanted.to_string() }),
    }
}
