//! A core module without component tooling is written by hand or by a small compiler: each mistake in what it imports
//! and exports is named in its author's terms, with what was expected.

use cometbot_tests::{Home, Plugin};

use crate::what_cannot_be_loaded::{check_each, without};

/// The plugin of the builder with another import.
fn importing(import: &str) -> Vec<u8> {
    Plugin::new().import(import).binary()
}

const HANDLE: &str = "(func (param i32 i32 i32 i32 i32 i32 i32 i64 i32 i64 i32) (result i32))";

#[tokio::test]
async fn an_export_that_is_missing() {
    check_each(&[
        (
            without("(func $setup (export \"setup\")", "(func $setup"),
            &[
                "it is a core module without the export `setup`, which says what the plugin wants to hear; it has to be a \
                 function `(func (result i32))` (the result is the address of the answer)",
            ],
        ),
        (
            without("(func $handle (export \"handle\")", "(func $handle (export \"hendle\")"),
            &["without the export `handle`", HANDLE, "(is `hendle` meant to be it?)"],
        ),
        (
            without("(export \"cabi_realloc\" (func $allocate))", "(export \"cabi-realloc\" (func $allocate))"),
            &[
                "without the export `cabi_realloc`, which gives the host room for an event's strings (is `cabi-realloc` meant \
                 to be it?); it has to be a function `(func (param i32 i32 i32 i32) (result i32))` (old address: i32, old \
                 bytes: i32, alignment: i32, new bytes: i32; the result is the new address)",
            ],
        ),
        (without("(memory (export \"memory\") 4)", "(memory 4)"), &["without the export `memory`, through which strings pass; it has to be a memory"]),
    ])
    .await;
}

#[tokio::test]
async fn an_exported_function_with_another_signature() {
    check_each(&[
        (
            without("(export \"setup\") (result i32)", "(export \"setup\") (param i64) (result i32)"),
            &["its export `setup` is `(func (param i64) (result i32))`, and the contract wants a function \
               `(func (result i32))`"],
        ),
        (
            without("(param $has_time i32)", "(param $has_time i64)"),
            &[
                "its export `handle` is `(func (param i32 i32 i32 i32 i32 i32 i32 i64 i64 i64 i32) (result i32))`",
                "the contract wants a function",
                HANDLE,
                "(pipe: i32 i32, name: i32 i32, data: i32 i32, user-id: i32 i64, time: i32 i64, history: i32; the result is the \
                 address of the answer)",
            ],
        ),
        (
            without(
                "(export \"cabi_realloc\" (func $allocate))",
                "(func (export \"cabi_realloc\") (param i32) (result i32) (i32.const 0))",
            ),
            &["its export `cabi_realloc` is `(func (param i32) (result i32))`", "alignment: i32"],
        ),
        (
            without(
                "(export \"cabi_post_handle\") (param i32)",
                "(export \"cabi_post_handle\") (result i32) (i32.const 1)",
            ),
            &[
                "its export `cabi_post_handle` is `(func (result i32))`",
                "`(func (param i32))` (the parameter is what `handle` answered)",
            ],
        ),
        (
            Plugin::new()
                .function("(func (export \"cabi_post_setup\"))".replace('"', "\u{1}").as_str())
                .text()
                .replace('\u{1}', "\"")
                .into_bytes(),
            &["its export `cabi_post_setup` is `(func)`", "`(func (param i32))` (the parameter is what `setup` answered)"],
        ),
    ])
    .await;
}

#[tokio::test]
async fn an_export_of_another_kind() {
    let global = |name: &str| format!("(global (export \"{name}\") i32 (i32.const 0))");
    check_each(&[
        (
            without("(func $setup (export \"setup\")", &format!("{} (func $setup", global("setup"))),
            &["its export `setup` is a global, and the contract wants a function `(func (result i32))`"],
        ),
        (
            without("(memory (export \"memory\") 4)", &format!("(memory 4) {}", global("memory"))),
            &["its export `memory` is a global, and the contract wants a memory"],
        ),
        (
            without("(export \"cabi_realloc\" (func $allocate))", "(table (export \"cabi_realloc\") 1 funcref)"),
            &["its export `cabi_realloc` is a table, and the contract wants a function"],
        ),
    ])
    .await;
}

#[tokio::test]
async fn an_imported_function_with_another_signature_or_name() {
    check_each(&[
        (
            without(
                "\"count\" (func $ask_count (param i32 i32 i32)))",
                "\"count\" (func $ask_c (param i32 i32) (result i64)))\n(func $ask_count (param i32 i32 i32))",
            ),
            &["it imports `count` of `cometbot:plugin/comet@1.0.0` as `(func (param i32 i32) (result i64))`, and that is a \
               function `(func (param i32 i32 i32))` (pipe: i32 i32, the address for the answer: i32)"],
        ),
        (
            importing(r#"(import "cometbot:plugin/comet@1.0.0" "sent" (func (param i32)))"#),
            &["it imports `sent` of `cometbot:plugin/comet@1.0.0`, which has no such function (is `send` meant to be it?); \
               it has `send`, `log`, `count`"],
        ),
        (
            importing(r#"(import "cometbot:plugin/commet@1.0.0" "send" (func (param i32)))"#),
            &["it imports `send` of `cometbot:plugin/commet@1.0.0`, which nobody gives (is `cometbot:plugin/comet@1.1.0` \
               meant to be it?)"],
        ),
        (
            importing(r#"(import "cometbot:plugin/comet" "send" (func (param i32)))"#),
            &["`send` of `cometbot:plugin/comet`, which nobody gives; the interface is called \
               `cometbot:plugin/comet@1.1.0` here"],
        ),
        (
            importing(r#"(import "wasi:logging/logging" "log" (func (param i32 i32 i32 i32 i32)))"#),
            &["the interface is called `wasi:logging/logging@0.1.0-draft` here"],
        ),
        (
            importing(r#"(import "wasi:clocks/wall-clock@0.3.0" "now" (func (param i32)))"#),
            &["the interface is called `wasi:clocks/wall-clock@0.2.12` here"],
        ),
        (
            importing(r#"(import "wasi:cli/stdout@0.2.0" "get-stdout" (func (result i32)))"#),
            &["`wasi:cli/stdout@0.2.0`, which a core module without a component type cannot have", "clocks and random"],
        ),
        (
            importing(r#"(import "wasi_snapshot_preview1" "fd_writ" (func (param i32 i32 i32 i32) (result i32)))"#),
            &["`fd_writ` of `wasi_snapshot_preview1`, which has no such function (is `fd_write` meant to be it?)"],
        ),
        (
            importing(r#"(import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32)))"#),
            &["`fd_write` of `wasi_snapshot_preview1` as `(func (param i32 i32))`",
              "`(func (param i32 i32 i32 i32) (result i32))`"],
        ),
        (
            importing(r#"(import "comet" "send" (func (param i32 i32)))"#),
            &["it imports `send` of `comet`, which nobody gives: a core module can import `send`, `log` and `count` of \
               `cometbot:plugin/comet@1.1.0`, logging, settings, clocks and random"],
        ),
    ])
    .await;
}

#[tokio::test]
async fn an_import_that_its_toolchain_left_in() {
    check_each(&[
        (importing(r#"(import "env" "compute" (func (param i32)))"#), &[
            "it imports `compute` of `env`, which is where linkers leave what they did not find: define it or link what \
             has it",
        ]),
        (importing(r#"(import "env" "abort" (func (param i32 i32 i32 i32)))"#), &["AssemblyScript", "--use abort="]),
        (importing(r#"(import "env" "abort" (func))"#), &["where linkers leave what they did not find"]),
        (importing(r#"(import "env" "seed" (func (result f64)))"#), &["AssemblyScript"]),
        (importing(r#"(import "env" "emscripten_resize_heap" (func (param i32) (result i32)))"#), &[
            "emscripten's JavaScript gives; a plugin has no JavaScript around it", "-sSTANDALONE_WASM",
        ]),
        (importing(r#"(import "__wbindgen_placeholder__" "__wbindgen_throw" (func (param i32 i32)))"#), &[
            "wasm-bindgen's JavaScript gives", "`js`",
        ]),
        (importing(r#"(import "wbg" "__wbg_now_1" (func (result f64)))"#), &["wasm-bindgen's JavaScript gives"]),
        (importing(r#"(import "gojs" "runtime.ticks" (func (param i32)))"#), &["GOOS=wasip1", "-buildmode=c-shared"]),
        (importing(r#"(import "wasi_unstable" "fd_write" (func (param i32)))"#), &["wasi_snapshot_preview1", "wasm32-wasip1"]),
        (importing(r#"(import "wasi" "thread-spawn" (func (param i32) (result i32)))"#), &["a plugin runs in one thread"]),
        (importing(r#"(import "wasix_32v1" "futex_wait" (func (param i32)))"#), &["WASIX", "wasm32-wasip1"]),
        (importing(r#"(import "extism:host/env" "input_length" (func (result i64)))"#), &["which Extism gives"]),
        (importing(r#"(import "GOT.mem" "errno" (global (mut i32)))"#), &["a dynamic library gets"]),
        (importing(r#"(import "env" "__memory_base" (global i32))"#), &["a dynamic library gets"]),
        (importing(r#"(import "env" "limit" (global i32))"#), &["it imports `limit` of `env`, which is a global"]),
    ])
    .await;
}

#[tokio::test]
async fn a_memory_of_the_wrong_kind() {
    let memory = |instead: &str| without("(memory (export \"memory\") 4)", instead);
    let of_64_bits = r#"(module (memory (export "memory") i64 1)
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
        (func (export "setup") (result i32) (i32.const 0))
        (func (export "handle") (param i32 i32 i32 i32 i32 i32 i32 i64 i32 i64 i32) (result i32) (i32.const 0)))"#;
    // An import comes before what is defined.
    let imported = Plugin::new().text().replace("(memory (export \"memory\") 4)", "").replacen(
        "(module",
        "(module (import \"env\" \"memory\" (memory $mine 4))",
        1,
    );
    check_each(&[
        (
            memory("(memory (export \"memory\") 4 16 shared)"),
            &["its memory is shared by threads: a plugin runs in one thread"],
        ),
        (of_64_bits.as_bytes().to_vec(), &["its memory is one of 64-bit addresses (memory64)", "build it for wasm32"]),
        (
            imported.clone().into_bytes(),
            &["it imports `memory` of `env`, which a plugin brings itself", "--import-memory"],
        ),
        (
            memory("(memory (export \"memory\") 4) (memory (export \"second\") 1)"),
            &["it has 2 memories, and a core module can have one here: put everything into `memory`"],
        ),
        (
            imported.replace("(memory $mine 4))", "(memory $mine 4)) (export \"memory\" (memory $mine))").into_bytes(),
            &["it imports `memory` of `env`, which a plugin brings itself"],
        ),
    ])
    .await;
}

#[tokio::test]
async fn an_object_file_and_a_dynamic_library() {
    check_each(&[
        (
            br#"(module (import "env" "__linear_memory" (memory 0)) (@custom "linking" "\02"))"#.to_vec(),
            &["it is an object file (it has a section `linking`)", "link it"],
        ),
        (
            br#"(module (@custom "dylink.0" "") (func (export "setup")))"#.to_vec(),
            &["it is a dynamic library", "-shared"],
        ),
    ])
    .await;
}

#[tokio::test]
async fn what_looks_unusual_and_is_no_mistake() {
    let home = Home::new()
        .plugin(
            "starts.wasm",
            Plugin::new().function("(func $begin (global.set $free (i32.const 0x800))) (start $begin)").binary(),
        )
        .plugin("initializes.wasm", without(
                "(func $setup",
                "(func (export \"_initialize\") (call $ask_count (i32.const 0) (i32.const 0) (i32.const 0x140))) (func $setup",
            ))
        .plugin(
            "exports_more.wasm",
            without("(func $setup", "(func (export \"main\") (result i32) (i32.const 0)) (func $setup"),
        )
        .plugin("cleans_up_nothing.wasm", without("(export \"cabi_post_handle\")", ""));
    let ended = home.run(["check"]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.out);
}
