//! A plugin may be text or binary, a core module with or without a component type, a component, or built for WASI 0.1.

use cometbot_tests::{Client, Comet, Home, Plugin, example};

/// The bot with this one file in its folder.
async fn answers(file: &str, bytes: impl AsRef<[u8]>, question: &str, answer: &str) {
    let comet = Comet::start().await;
    let home = Home::at(&comet).plugin(file, bytes);
    let _bot = home.live().await;
    let mut client = Client::join(&comet, ["web_chat"]).await;
    assert_eq!(client.ask("web_chat", question).await, answer);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_text_of_a_core_module() {
    answers("it.wat", Plugin::answering("web_chat", "echo").text(), "hello", "echo hello").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_core_module_without_a_type() {
    answers("it.wasm", Plugin::answering("web_chat", "echo").binary(), "hello", "echo hello").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn either_form_under_the_ending_of_the_other() {
    answers("it.wat", Plugin::answering("web_chat", "echo").binary(), "hello", "echo hello").await;
    answers("it.wasm", Plugin::answering("web_chat", "echo").text(), "hello", "echo hello").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_core_module_with_its_type() {
    answers("it.wasm", example("online.wasm"), "!who", "bot 1 connection is listening to web_chat").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_component() {
    let typed = example("online.wasm");
    let component = wit_component::ComponentEncoder::default().module(&typed).unwrap().validate(true).encode().unwrap();
    assert_ne!(typed, component);
    answers("it.wasm", component, "!who", "bot 1 connection is listening to web_chat").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_module_built_for_wasi_0_1_writes_into_the_log_and_reaches_no_file() {
    let comet = Comet::start().await;
    // Writes a line to standard output and one to standard error, in two pieces; then tries to open a file below each of
    // the first handles and to count the environment, and tells what WASI answers.
    let plugin = Plugin::new()
        .import(r#"(import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))"#)
        .import(
            r#"(import "wasi_snapshot_preview1" "path_open"
            (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))"#,
        )
        .import(
            r#"(import "wasi_snapshot_preview1" "environ_sizes_get" (func $environ_sizes (param i32 i32) (result i32)))"#,
        )
        .import(r#"(import "wasi_snapshot_preview1" "fd_prestat_get" (func $prestat (param i32 i32) (result i32)))"#)
        .function(
            r#"(func $print (param $handle i32) (param $text i32) (param $text_bytes i32)
                (i32.store (i32.const 0x200) (local.get $text))
                (i32.store (i32.const 0x204) (local.get $text_bytes))
                (if (call $fd_write (local.get $handle) (i32.const 0x200) (i32.const 1) (i32.const 0x208))
                    (then (unreachable))))"#,
        )
        .function(
            r#"(func $open (param $below i32) (param $file i32) (param $file_bytes i32) (result i32)
                (call $path_open (local.get $below) (i32.const 0) (local.get $file) (local.get $file_bytes)
                    (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 0x210)))"#,
        )
        .hears("web_chat", [])
        .sends("web_told")
        .handle(
            r#"(call $print (i32.const 1) "first words, ")
            (call $print (i32.const 2) "a complaint")
            (call $print (i32.const 2) (i32.const 0x240) (i32.const 1))
            (call $print (i32.const 1) "last words")
            (call $print (i32.const 1) (i32.const 0x240) (i32.const 1))
            (i32.store (i32.const 0x200) (i32.const 99))
            (if (call $environ_sizes (i32.const 0x200) (i32.const 0x204)) (then (unreachable)))
            (call $send "web_told" "variables" (call $decimal (i64.extend_i32_u (i32.load (i32.const 0x200)))))
            (local.set $i (i32.const 0))
            (loop $next
                (if (i32.eqz (call $prestat (local.get $i) (i32.const 0x200))) (then (unreachable)))
                (if (i32.eqz (call $open (local.get $i) "etc/passwd")) (then (unreachable)))
                (if (i32.eqz (call $open (local.get $i) "bot.toml")) (then (unreachable)))
                (local.set $i (i32.add (local.get $i) (i32.const 1)))
                (br_if $next (i32.lt_u (local.get $i) (i32.const 16))))
            (call $send "web_told" "files" (call $decimal (i64.const 0)))"#,
        );
    let text = plugin.text().replace("(memory (export", "(data (i32.const 0x240) \"\\n\")\n(memory (export");
    let home = Home::at(&comet).variable("A_SECRET_OF_THE_HOST", "hush").plugin("old.wat", text);
    let bot = home.live().await;
    let mut told = Client::join(&comet, ["web_told"]).await;
    let client = Client::join(&comet, []).await;
    client.send("web_chat", "msg", "go");
    assert_eq!(told.next_lines(2).await, ["variables 0", "files 0"]);
    let line = bot.wait_until_it_says("first words, last words").await;
    assert!(line.of("old") && line.is("INFO") && line.field("context") == "stdout", "{}", line.raw);
    let line = bot.wait_until_it_says("a complaint").await;
    assert!(line.of("old") && line.is("WARN") && line.field("context") == "stderr", "{}", line.raw);
}
