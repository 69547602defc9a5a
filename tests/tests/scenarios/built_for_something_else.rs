//! A file that was built for another host, or for another version of the contract, is told so in one sentence.

use cometbot_tests::{Plugin, example};

use crate::what_cannot_be_loaded::check_each;

/// A component that imports and exports interfaces of these names, and functions of the plain names.
fn component(imports: &[&str], exports: &[&str]) -> Vec<u8> {
    let mut text = String::from("(component\n");
    for import in imports {
        text.push_str(&format!("(import \"{import}\" (instance))\n"));
    }
    text.push_str(
        r#"(core module $m (func (export "f")))
        (core instance $i (instantiate $m))
        (func $f (canon lift (core func $i "f")))
        (instance $interface (export "f" (func $f)))"#,
    );
    for export in exports {
        let item = if export.contains(':') { "(instance $interface)" } else { "(func $f)" };
        text.push_str(&format!("(export \"{export}\" {item})\n"));
    }
    text.push(')');
    wat::parse_str(text).unwrap()
}

#[tokio::test]
async fn a_component_for_another_host() {
    let words = "and no plugin of cometbot: write it against the contract cometbot:plugin";
    check_each(&[
        (component(&[], &["wasi:cli/run@0.2.0"]), &["it is a program (it exports `wasi:cli/run@0.2.0`)", "as a library"]),
        (component(&[], &["wasi:http/incoming-handler@0.2.3"]), &[
            "it is a web service (it exports `wasi:http/incoming-handler@0.2.3`)", words,
        ]),
        (component(&["fermyon:spin/key-value@2.0.0"], &["wasi:http/incoming-handler@0.2.0"]), &[
            "it is a Spin application (it imports `fermyon:spin/key-value@2.0.0`)", words,
        ]),
        (component(&[], &["fermyon:spin/inbound-redis"]), &["it is a Spin application", words]),
        (component(&["wasmcloud:bus/lattice@1.0.0"], &["wasi:http/incoming-handler@0.2.0"]), &[
            "it is a wasmCloud component", words,
        ]),
        (component(&["zed:extension/github"], &["init-extension"]), &["it is a Zed extension", words]),
        (component(&[], &["acme:calc/add@0.1.0"]), &[
            "it is a component without the export `setup` (it exports `acme:calc/add@0.1.0`): build it for the world \
             `cometbot:plugin/plugin@1.1.0`",
        ]),
        (component(&[], &["setup"]), &["it is a component without the export `handle`: build it"]),
        (component(&["wasi:http/outgoing-handler@0.2.0"], &["setup", "handle"]), &[
            "it imports `wasi:http/outgoing-handler@0.2.0`, which nobody gives: a plugin can use \
             `cometbot:plugin/comet@1.1.0`, `wasi:logging`, `wasi:config` and WASI 0.2",
        ]),
        (component(&["fermyon:spin/key-value@2.0.0"], &["setup", "handle"]), &["which Spin gives"]),
    ])
    .await;
}

#[tokio::test]
async fn a_core_module_for_another_host() {
    let import = |module: &str, name: &str| {
        format!(r#"(module (import "{module}" "{name}" (func)) (memory (export "memory") 1) (func (export "run")))"#)
            .into_bytes()
    };
    let export = |name: &str| format!(r#"(module (memory (export "memory") 1) (func (export "{name}")))"#).into_bytes();
    check_each(&[
        (
            import("extism:host/env", "input_length"),
            &["it is an Extism plugin (it imports `input_length` of `extism:host/env`)"],
        ),
        (import("env", "extism_input_length"), &["it is an Extism plugin"]),
        (import("gojs", "runtime.ticks"), &["it is a Go program for JavaScript", "GOOS=wasip1"]),
        (import("go", "runtime.ticks"), &["it is a Go program for JavaScript"]),
        (import("wbg", "__wbindgen_throw"), &["it is a module that wasm-bindgen made for JavaScript", "cargo alone"]),
        (import("__wbindgen_placeholder__", "x"), &["it is a module that wasm-bindgen made for JavaScript"]),
        (import("env", "emscripten_memcpy_js"), &["it is a program for emscripten's JavaScript", "-sSTANDALONE_WASM"]),
        (import("spin-http", "handle"), &["it is a Spin application"]),
        (import("wasmbus", "__host_call"), &["it is a wasmCloud component"]),
        (import("wapc", "__host_call"), &["it is a waPC module"]),
        (import("env", "proxy_log"), &["it is a proxy-wasm filter"]),
        (
            export("_start"),
            &["it is a WASI program (it exports `_start`)", "build it as a reactor", "`setup` and `handle`"],
        ),
        (export("main"), &["it is a program (it exports `main`)", "export `setup` and `handle`"]),
    ])
    .await;
}

#[tokio::test]
async fn a_plugin_for_a_later_contract() {
    let sentence = |version: &str| {
        format!(
            "it was built for the contract cometbot:plugin@{version}, and this cometbot ({}) speaks 1.1.0: use a newer \
             cometbot or build it with this one's kit",
            env!("CARGO_PKG_VERSION")
        )
    };
    let (minor, major) = (sentence("1.2.0"), sentence("2.0.0"));
    let module = |version: &str| Plugin::new().text().replace("comet@1.0.0", &format!("comet@{version}")).into_bytes();
    check_each(&[
        (component(&["cometbot:plugin/comet@1.2.0"], &["setup", "handle"]), &[&minor]),
        (component(&["cometbot:plugin/types@2.0.0"], &["setup", "handle"]), &[&major]),
        (component(&[], &["cometbot:plugin/guest@2.0.0"]), &[&major]),
        (module("1.2.0"), &[&minor]),
        (module("2.0.0"), &[&major]),
        (typed("1.2.0"), &[&minor]),
        (typed("2.0.0"), &[&major]),
        (
            module("0.9.0"),
            &["it was built for the contract cometbot:plugin@0.9.0", "build it anew with this one's kit"],
        ),
    ])
    .await;
}

/// An example plugin, whose component type says that it is of another version: as long as the one that it has.
fn typed(version: &str) -> Vec<u8> {
    let (mut bytes, ours) = (example("online.wasm"), b"cometbot:plugin/");
    let mut changed = 0;
    for at in 0..bytes.len() {
        let Some(name) = bytes[at..].strip_prefix(ours) else { continue };
        let length = name.iter().position(|byte| *byte == b'@').unwrap_or(usize::MAX);
        // The custom section has a copy of the names, and so have the imports; both are changed.
        if length < 16 && name[length + 1..].starts_with(b"1.1.0") {
            let at = at + ours.len() + length + 1;
            bytes[at..at + version.len()].copy_from_slice(version.as_bytes());
            changed += 1;
        }
    }
    assert!(changed > 1, "the example names the contract in its type and in its imports");
    bytes
}
