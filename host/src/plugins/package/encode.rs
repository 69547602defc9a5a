//! Bytes of any kind that people call a plugin → the bytes of a component. Pure.

use std::{
    borrow::Cow,
    panic::{self, AssertUnwindSafe},
    path::Path,
};

use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME as PREVIEW1, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wit_component::ComponentEncoder;

use super::{
    component,
    contract::{self, Contract},
    error::EncodeError,
    landmarks::Landmarks,
    module,
    outline::{Interface, Outline},
};
use crate::plugins::api::{RESTORE, SAVE};

/// An export by which TinyGo's kit says that its runtime is like Go's, and leaves no memory to others.
const ADAPTER_REALLOC: &str = "cabi_realloc_adapter";

/// The first bytes of every WebAssembly binary.
const MAGIC: &[u8] = b"\0asm";

/// A component, and what is known of the module that it was made of.
pub(super) struct Encoded<'a> {
    pub(super) component: Cow<'a, [u8]>,
    pub(super) landmarks: Landmarks,
}

/// Makes a component of whatever it is.
///
/// # Errors
/// An [`EncodeError`] that says what it is, what is missing and what to do.
pub(super) fn component(bytes: &[u8]) -> Result<Encoded<'_>, EncodeError> {
    // The tools that read component types take them for well-formed, and panic where one is not.
    let read = panic::catch_unwind(AssertUnwindSafe(|| read(bytes)));
    read.unwrap_or_else(|_| Err(EncodeError::damaged("its component type contradicts itself")))
}

fn read(bytes: &[u8]) -> Result<Encoded<'_>, EncodeError> {
    let binary = if bytes.starts_with(MAGIC) { Cow::Borrowed(bytes) } else { Cow::Owned(assemble(bytes)?) };
    let outline = Outline::read(&binary)?;
    let ours = Contract::ours()?;
    let named: Vec<Interface> = outline.interfaces().collect();
    ours.serves(named.iter().map(|interface| &interface.package))?;
    if outline.is_component {
        component::check(&outline, &ours)?;
        return Ok(Encoded { component: binary, landmarks: Landmarks::default() });
    }
    let typed = if outline.has_type {
        let brought = Contract::of(&binary)?;
        ours.serves(brought.packages())?;
        module::check(&outline, &brought)?;
        component::check_world(&brought, &ours)?;
        binary
    } else {
        // Modules of before there was anything to save may call something of their own by one of the names.
        let is_stateful = [SAVE, RESTORE].iter().all(|name| outline.export(name).is_some());
        let ours = if is_stateful { ours.stateful()? } else { ours };
        module::check(&outline, &ours)?;
        Cow::Owned(ours.give_type(binary.into_owned())?)
    };
    Ok(Encoded { component: Cow::Owned(encode(&outline, &typed)?), landmarks: Landmarks::of(&outline) })
}

fn assemble(bytes: &[u8]) -> Result<Vec<u8>, EncodeError> {
    if bytes.is_empty() {
        return Err(EncodeError::NotWasm("an empty file"));
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return Err(EncodeError::NotWasm("some other binary file")) };
    // Only something that could be WebAssembly text is worth an assembler's error message.
    if !text.trim_start_matches('\u{feff}').trim_start().starts_with(['(', ';']) {
        return Err(EncodeError::NotWasm("a text file"));
    }
    wat::parse_str(text).map_err(|mut error| {
        // The place is then given as `text:27:37`, the line and the column.
        error.set_path(Path::new("text"));
        EncodeError::text(error)
    })
}

fn encode(module: &Outline, typed: &[u8]) -> Result<Vec<u8>, EncodeError> {
    // The names tell in a backtrace which import was called.
    let encoder = ComponentEncoder::default().debug_names(true).validate(true);
    let mut encoder = encoder.module(typed).map_err(EncodeError::contract)?;
    if module.imports_from(PREVIEW1) {
        encoder = if module.is_go || module.exports.iter().any(|export| export.name == ADAPTER_REALLOC) {
            encoder.adapter(PREVIEW1, &contract::stateless_adapter()?)
        } else {
            // The adapter needs room before some runtimes have started.
            let encoder = encoder.realloc_via_memory_grow(true);
            encoder.adapter(PREVIEW1, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER)
        }
        .map_err(EncodeError::contract)?;
    }
    encoder.encode().map_err(EncodeError::contract)
}
