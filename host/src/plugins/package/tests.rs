//! Whatever bytes there are: a component or a sentence, never a panic. And what holds of the contract itself.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::borrow::Cow;

use proptest::prelude::*;

use super::{
    contract::Contract,
    encode,
    error::EncodeError,
    outline::{Interface, Outline},
};

const MAGIC: &[u8] = b"\0asm";

/// A module without a component type, with all that the contract asks for.
const WHOLE: &str = r#"(module
    (memory (export "memory") 1)
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
    (func (export "setup") (result i32) (i32.const 0))
    (func (export "handle") (param i32 i32 i32 i32 i32 i32 i32 i64 i32 i64 i32) (result i32) (i32.const 0)))"#;

/// The same with imports, and a function for each that the host calls of itself.
const LARGER: &str = r#"(module
    (import "cometbot:plugin/comet@1.0.0" "send" (func (param i32 i32 i32 i32 i32 i32 i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
    (func (export "cabi_post_setup") (param i32))
    (func (export "cabi_post_handle") (param i32))
    (func (export "_initialize"))
    (func (export "setup") (result i32) (i32.const 0))
    (func (export "handle") (param i32 i32 i32 i32 i32 i32 i32 i64 i32 i64 i32) (result i32) (i32.const 0)))"#;

fn component(bytes: &[u8]) -> Result<Vec<u8>, EncodeError> {
    encode::component(bytes).map(|encoded| encoded.component.into_owned())
}

#[test]
fn a_module_becomes_a_component_and_a_component_stays_as_it_is() {
    let made = component(WHOLE.as_bytes()).unwrap();
    assert!(Outline::read(&made).unwrap().is_component);
    assert!(matches!(encode::component(&made).unwrap().component, Cow::Borrowed(same) if same == made));
}

#[test]
fn the_contract_is_written_as_the_interface_tools_read_it() {
    let typed = Contract::ours().unwrap().give_type(wat::parse_str(WHOLE).unwrap()).unwrap();
    assert!(Outline::read(&typed).unwrap().has_type);
    assert!(component(&typed).is_ok());
}

#[test]
fn a_plugin_of_an_earlier_minor_version_is_served_by_a_later_one() {
    let later = Contract::later("1.4.0");
    let named = |name: &str| Interface::parse(name).unwrap().package;
    for version in ["1.0.0", "1.3.9", "1.4.0"] {
        assert!(later.serves([named(&format!("cometbot:plugin/comet@{version}"))].iter()).is_ok(), "{version}");
    }
    for version in ["1.4.1", "1.5.0", "2.0.0", "0.9.0"] {
        let refused = later.serves([named(&format!("cometbot:plugin/comet@{version}"))].iter());
        assert!(matches!(refused, Err(EncodeError::Version { built, .. }) if built == version), "{version}");
    }
    assert!(later.serves([named("wasi:clocks/wall-clock@9.0.0")].iter()).is_ok(), "other packages are not its own");
}

#[test]
fn a_core_module_of_an_earlier_minor_version_finds_its_imports_in_a_later_one() {
    let module = wat::parse_str(LARGER).unwrap();
    let later = Contract::later("1.4.0");
    super::module::check(&Outline::read(&module).unwrap(), &later).unwrap();
    // The encoder, which looks for itself, sees it the same way.
    let typed = later.give_type(
        wat::parse_str(LARGER.replace("wasi_snapshot_preview1", "cometbot:plugin/comet@1.0.0").replace(
            "\"fd_write\" (func (param i32 i32 i32 i32) (result i32))",
            "\"log\" (func (param i32 i32 i32 i32))",
        ))
        .unwrap(),
    );
    let made = wit_component::ComponentEncoder::default().module(&typed.unwrap()).unwrap().validate(true).encode();
    let made = Outline::read(&made.unwrap()).unwrap();
    assert!(made.imports.iter().any(|import| import.module == "cometbot:plugin/comet@1.4.0"));
}

#[test]
fn a_component_of_an_earlier_minor_version_links_with_a_later_host() {
    let engine = wasmtime::Engine::default();
    let host = |name: &str| {
        let mut linker = wasmtime::component::Linker::<()>::new(&engine);
        linker.instance(name).unwrap().func_wrap("count", |_, (): ()| Ok(())).unwrap();
        linker
    };
    let plugin = |name: &str| {
        let text = format!("(component (import \"{name}\" (instance (export \"count\" (func)))))");
        wasmtime::component::Component::new(&engine, wat::parse_str(text).unwrap()).unwrap()
    };
    let asks_for_1_0 = plugin("cometbot:plugin/comet@1.0.0");
    assert!(host("cometbot:plugin/comet@1.4.0").instantiate_pre(&asks_for_1_0).is_ok());
    assert!(host("cometbot:plugin/comet@2.0.0").instantiate_pre(&asks_for_1_0).is_err());
    // The other way round the engine would link as well: that is why versions are judged before.
    assert!(host("cometbot:plugin/comet@1.0.0").instantiate_pre(&plugin("cometbot:plugin/comet@1.4.0")).is_ok());
}

/// A module with the world `w` of this package as its component type.
fn of_world(wit: &str, module: &str) -> Vec<u8> {
    let mut resolve = wit_parser::Resolve::default();
    let group = wit_parser::UnresolvedPackageGroup::parse("a.wit", wit).unwrap();
    let package = resolve.push_groups(group, Vec::new()).unwrap();
    let world = resolve.select_world(&[package], Some("w")).unwrap();
    let mut bytes = wat::parse_str(module).unwrap();
    wit_component::embed_component_metadata(&mut bytes, &resolve, world, wit_component::StringEncoding::UTF8).unwrap();
    bytes
}

#[test]
fn a_module_of_another_world_is_told_what_its_world_lacks_and_what_it_has_too_much() {
    let refused = |wit: &str, module: &str| component(&of_world(wit, module)).unwrap_err().to_string();
    let runs = refused(
        "package acme:jobs@1.0.0; world w { export run: func(); }",
        r#"(module (memory (export "memory") 1) (func (export "run")))"#,
    );
    assert!(runs.starts_with("it is a component without the export `setup` (its component type is that of"), "{runs}");
    let serves = refused(
        "package wasi:http@0.2.3; interface incoming-handler { handle: func(); } world w { export incoming-handler; }",
        r#"(module (memory (export "memory") 1) (func (export "wasi:http/incoming-handler@0.2.3#handle")))"#,
    );
    assert!(
        serves.starts_with("it is a web service (it exports `wasi:http/incoming-handler@0.2.3#handle`)"),
        "{serves}"
    );
    let asks = refused(
        "package acme:jobs@1.0.0; interface queue { take: func(); }
        world w { import queue; export setup: func(); export handle: func(); }",
        r#"(module (import "acme:jobs/queue@1.0.0" "take" (func)) (memory (export "memory") 1)
            (func (export "setup")) (func (export "handle")))"#,
    );
    assert!(asks.starts_with("it imports `take` of `acme:jobs/queue@1.0.0`, which nobody gives"), "{asks}");
}

#[test]
fn packages_that_use_each_other_in_a_circle_are_refused() {
    let mut typed = Contract::ours().unwrap().give_type(wat::parse_str(WHOLE).unwrap()).unwrap();
    // The interface `comet` uses `types` of the same package, and the world uses `comet`.
    let name = b"cometbot:plugin/comet@";
    let at = typed.windows(name.len()).position(|bytes| bytes == name).unwrap();
    typed[at + 6] = b'0';
    let refused = component(&typed).unwrap_err();
    assert!(matches!(&refused, EncodeError::Damaged(what) if what.contains("in a circle")), "{refused}");
}

#[test]
fn names_of_interfaces_are_read_and_other_names_are_not() {
    let read = |name: &str| Interface::parse(name).map(|name| (name.package.to_string(), name.name));
    assert_eq!(read("cometbot:plugin/comet@1.0.0"), Some(("cometbot:plugin@1.0.0".into(), "comet".into())));
    assert_eq!(read("wasi:logging/logging@0.1.0-draft"), Some(("wasi:logging@0.1.0-draft".into(), "logging".into())));
    assert_eq!(read("cometbot:plugin/comet"), Some(("cometbot:plugin".into(), "comet".into())));
    assert_eq!(
        read("cometbot:plugin/comet@1"),
        Some(("cometbot:plugin".into(), "comet".into())),
        "a version that is none"
    );
    for name in [
        "",
        "env",
        "a/b",
        ":/",
        "a:/b",
        ":a/b",
        "a:b/",
        "a:b/c/d",
        "a:b:c/d",
        "cm32p2|a:b/c@1",
        "[export]a:b/c",
        "ä:b/c",
    ] {
        assert_eq!(read(name), None, "{name}");
    }
}

#[test]
fn nothing_that_a_file_says_steers_a_terminal_or_floods_the_log() {
    let long = "x".repeat(100_000);
    for file in [
        "(module (func $named`\0\u{1}\u{7f}))".to_owned(),
        format!("(module (func $named` $a{long}))"),
        format!("(module {long}"),
        WHOLE.replace("\"setup\"", "\"se\\1btup\""),
        format!(r#"(module (func) (export "\1b{long}" (func 0)) (export "\1b{long}" (func 0)))"#),
        format!(r#"(component (import "cometbot:plugin/comet@9.0.0-{long}" (instance)))"#),
        format!(r#"(component (component $run) (export "wasi:cli/run@0.2.0-{long}" (component $run)))"#),
    ] {
        let refusal = component(file.as_bytes()).unwrap_err().to_string();
        assert!(!refusal.chars().any(|c| c.is_control() && c != '\n'), "{refusal:?}");
        assert!(refusal.len() < 32 * 1024, "{} bytes: {}", refusal.len(), &refusal[..200]);
    }
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
        which in 0..3_usize,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = match which {
            0 => wat::parse_str(WHOLE).unwrap(),
            1 => wat::parse_str(LARGER).unwrap(),
            _ => Contract::ours().unwrap().give_type(wat::parse_str(WHOLE).unwrap()).unwrap(),
        };
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let _ = component(&bytes);
        bytes.truncate(cut.index(bytes.len()));
        let _ = component(&bytes);
    }

    #[test]
    fn a_component_with_wrong_bytes_stays_one_or_gives_a_sentence(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut bytes = component(WHOLE.as_bytes()).unwrap();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let _ = component(&bytes);
    }

    /// Names are the one thing that a well-formed module may choose at will.
    #[test]
    fn any_names_give_a_component_or_a_sentence(
        module in "\\PC{0,20}|[a-z]{1,4}:[a-z]{1,4}/[a-z]{1,4}(@[0-9.]{1,6})?",
        name in "\\PC{0,20}|cabi_post_[a-z]{0,8}|\\[[a-z]{1,8}\\][a-z]{0,8}",
        replaced in prop::sample::select(vec!["setup", "handle", "memory", "cabi_realloc", "send"]),
    ) {
        let quoted = |text: &str| text.bytes().map(|byte| format!("\\{byte:02x}")).collect::<String>();
        let text = LARGER
            .replace("cometbot:plugin/comet@1.0.0", &quoted(&module))
            .replace(&format!("\"{replaced}\""), &format!("\"{}\"", quoted(&name)));
        let _ = component(text.as_bytes());
        let _ = Interface::parse(&module);
        let _ = Interface::parse(&name);
    }
}
