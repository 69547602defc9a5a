//! Bytes of any kind that people call a plugin → the bytes of a component. Pure.

use std::{borrow::Cow, fmt::Display, path::Path};

use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME as PREVIEW1, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wasmparser::{Encoding, ExternalKind, Parser, Payload, Validator, WasmFeatures};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::{Resolve, UnresolvedPackageGroup};

use crate::plugins::api::{HANDLE, SETUP};

/// The first bytes of every WebAssembly binary.
const MAGIC: &[u8] = b"\0asm";

/// What begins the name of a custom section with a component type; guest toolchains add an ending of their own.
const TYPE_SECTION: &str = "component-type";

/// The contract and what it builds on, as they lie in `plugin-sdk/wit`.
const CONTRACT: (&str, &str) = ("cometbot.wit", include_str!("../../../../plugin-sdk/wit/cometbot.wit"));
const CONTRACT_DEPENDENCIES: [(&str, &str); 5] = [
    ("deps/clocks.wit", include_str!("../../../../plugin-sdk/wit/deps/clocks.wit")),
    ("deps/config.wit", include_str!("../../../../plugin-sdk/wit/deps/config.wit")),
    ("deps/io.wit", include_str!("../../../../plugin-sdk/wit/deps/io.wit")),
    ("deps/logging.wit", include_str!("../../../../plugin-sdk/wit/deps/logging.wit")),
    ("deps/random.wit", include_str!("../../../../plugin-sdk/wit/deps/random.wit")),
];
const WORLD: &str = "plugin";

/// Why bytes are no plugin.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// Neither a binary nor its text form.
    #[error("it is {0}, not WebAssembly: build the plugin and put the .wasm file (or a .wat text) here")]
    NotWasm(&'static str),
    /// The text form has a mistake.
    #[error("its text does not assemble:\n{0}")]
    Text(String),
    /// A binary that breaks off or contradicts itself.
    #[error("it is a damaged or unfinished WebAssembly binary ({0}): build or copy it again")]
    Damaged(String),
    /// A whole binary that says what cannot be.
    #[error("it is not valid WebAssembly ({0}): that is a mistake of the tool that made it, or of the text's author")]
    Invalid(String),
    /// A program instead of a library.
    #[error(
        "it is a WASI program (it exports `_start`), and a plugin is a library: build it as a reactor \
         (clang: -mexec-model=reactor; Go: -buildmode=c-shared; Rust: crate-type cdylib) and export `setup` and `handle`"
    )]
    Program,
    /// A core module that lacks an export of the contract.
    #[error(
        "it is a core module without the {kind} export `{name}`: {why}; a plugin exports `memory`, `cabi_realloc`, \
         `setup` and `handle`"
    )]
    Export {
        /// `function` or `memory`.
        kind: &'static str,
        /// Its name.
        name: &'static str,
        /// What it is for.
        why: &'static str,
    },
    /// The module and the contract do not fit together.
    #[error("its core module does not fit the contract: {0}")]
    Contract(String),
}

/// Makes a component of whatever it is.
///
/// # Errors
/// An [`EncodeError`] that says what it is, what is missing and what to do.
pub(super) fn component(bytes: &[u8]) -> Result<Cow<'_, [u8]>, EncodeError> {
    let binary = if bytes.starts_with(MAGIC) { Cow::Borrowed(bytes) } else { Cow::Owned(assemble(bytes)?) };
    let module = Outline::read(&binary)?;
    Validator::new_with_features(WasmFeatures::all())
        .validate_all(&binary)
        .map_err(|error| EncodeError::Invalid(error.to_string()))?;
    if module.is_component {
        return Ok(binary);
    }
    let typed = if module.has_type { binary } else { Cow::Owned(give_type(&module, binary.into_owned())?) };
    encode(&module, &typed).map(Cow::Owned)
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
        EncodeError::Text(error.to_string())
    })
}

/// What a core module shows on the outside.
#[derive(Default)]
struct Outline {
    is_component: bool,
    has_type: bool,
    uses_preview1: bool,
    functions: Vec<String>,
    memories: Vec<String>,
}

impl Outline {
    /// Reads a binary's sections. Of a component, which has modules inside, only that it is whole counts.
    fn read(binary: &[u8]) -> Result<Self, EncodeError> {
        let mut outline = Self::default();
        for payload in Parser::new(0).parse_all(binary) {
            match payload.map_err(damaged)? {
                Payload::Version { encoding: Encoding::Component, .. } => outline.is_component = true,
                Payload::ImportSection(imports) => {
                    for import in imports.into_imports() {
                        outline.uses_preview1 |= import.map_err(damaged)?.module == PREVIEW1;
                    }
                }
                Payload::ExportSection(exports) => {
                    for export in exports {
                        let export = export.map_err(damaged)?;
                        match export.kind {
                            ExternalKind::Func => outline.functions.push(export.name.to_owned()),
                            ExternalKind::Memory => outline.memories.push(export.name.to_owned()),
                            _ => {}
                        }
                    }
                }
                Payload::CustomSection(section) => outline.has_type |= section.name().starts_with(TYPE_SECTION),
                _ => {}
            }
        }
        Ok(outline)
    }

    /// Checks what the contract needs, so that the message names the export and not the encoder's idea of it.
    fn check(&self) -> Result<(), EncodeError> {
        if !self.has_function(SETUP) && self.has_function("_start") {
            return Err(EncodeError::Program);
        }
        let missing = |kind, name, why| Err(EncodeError::Export { kind, name, why });
        if !self.memories.iter().any(|name| name == "memory") {
            return missing("memory", "memory", "strings pass through it");
        }
        for (name, why) in [
            (SETUP, "it says what the plugin wants to hear"),
            (HANDLE, "it handles an event"),
            ("cabi_realloc", "the host asks it for room for an event's strings"),
        ] {
            if !self.has_function(name) {
                return missing("function", name, why);
            }
        }
        Ok(())
    }

    fn has_function(&self, name: &str) -> bool {
        self.functions.iter().any(|function| function == name)
    }
}

/// Gives a module that carries no component type the type of the contract.
fn give_type(module: &Outline, mut binary: Vec<u8>) -> Result<Vec<u8>, EncodeError> {
    module.check()?;
    let parse =
        |(path, text): (&str, &str)| UnresolvedPackageGroup::parse(path, text).map_err(|(_, error)| contract(error));
    let main = parse(CONTRACT)?;
    let dependencies = CONTRACT_DEPENDENCIES.into_iter().map(parse).collect::<Result<_, _>>()?;
    let mut resolve = Resolve::default();
    let package = resolve.push_groups(main, dependencies).map_err(contract)?;
    let world = resolve.select_world(&[package], Some(WORLD)).map_err(contract)?;
    embed_component_metadata(&mut binary, &resolve, world, StringEncoding::UTF8).map_err(contract)?;
    Ok(binary)
}

fn encode(module: &Outline, typed: &[u8]) -> Result<Vec<u8>, EncodeError> {
    let mut encoder = ComponentEncoder::default().module(typed).map_err(contract)?.validate(true);
    if module.uses_preview1 {
        // Some runtimes (Go's) cannot allocate before they have started, and the adapter needs room before that.
        encoder = encoder
            .adapter(PREVIEW1, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER)
            .map_err(contract)?
            .realloc_via_memory_grow(true);
    }
    encoder.encode().map_err(contract)
}

fn damaged(error: impl Display) -> EncodeError {
    EncodeError::Damaged(error.to_string())
}

fn contract(error: impl std::fmt::Debug) -> EncodeError {
    // The chain of causes, on one line: `Debug` of the encoder's errors is the only form that has all of it.
    let chain = format!("{error:?}");
    let causes = chain.split("\n\nStack backtrace").next().unwrap_or_default();
    EncodeError::Contract(causes.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use proptest::prelude::*;

    use super::*;

    /// A module without a component type, with all that the contract asks for.
    const WHOLE: &str = r#"(module
        (memory (export "memory") 1)
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
        (func (export "setup") (result i32) (i32.const 0))
        (func (export "handle") (param i32 i32 i32 i32 i32 i32 i32 i64 i32 i64 i32) (result i32) (i32.const 0)))"#;

    #[test]
    fn a_module_becomes_a_component_and_a_component_stays_as_it_is() {
        let made = component(WHOLE.as_bytes()).unwrap().into_owned();
        assert!(Outline::read(&made).unwrap().is_component);
        assert!(matches!(component(&made), Ok(Cow::Borrowed(same)) if same == made));
    }

    #[test]
    fn the_contract_is_written_as_the_interface_tools_read_it() {
        let typed = give_type(&Outline::read(&wat::parse_str(WHOLE).unwrap()).unwrap(), wat::parse_str(WHOLE).unwrap());
        assert!(Outline::read(&typed.unwrap()).unwrap().has_type);
    }

    proptest! {
        /// Whatever lies in the folder: a sentence or a component, never a panic.
        #[test]
        fn any_bytes_give_a_component_or_a_sentence(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
            let _ = component(&bytes);
            let _ = component(&[MAGIC, &[1, 0, 0, 0], &bytes].concat());
            let _ = component(&[MAGIC, &[0x0d, 0, 1, 0], &bytes].concat());
        }

        #[test]
        fn a_module_with_wrong_bytes_gives_a_component_or_a_sentence(
            changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
            cut in any::<prop::sample::Index>(),
        ) {
            let mut bytes = wat::parse_str(WHOLE).unwrap();
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            let _ = component(&bytes);
            bytes.truncate(cut.index(bytes.len()));
            let _ = component(&bytes);
        }
    }
}
