//! What a plugin that handles memory by itself can get wrong in a call is named: the function, what it did, and what was
//! expected. One misdeed a plugin.

use cometbot_tests::{Client, Comet, Home, Plugin};

use crate::what_cannot_be_loaded::check_each;

/// Not in a memory of four pages.
const OUTSIDE: &str = "(i32.const 0x7ffffff0)";

/// A plugin whose `setup` answers these words, laid down at 0x300.
fn answering(words: &[&str]) -> Vec<u8> {
    let stores: Vec<String> = (0_usize..)
        .zip(words)
        .map(|(number, word)| format!("(i32.store (i32.const {}) (i32.const {word}))", 0x300 + 4 * number))
        .collect();
    Plugin::new().setup(&format!("{} (return (i32.const 0x300))", stores.concat())).binary()
}

/// A plugin whose allocator does this once `$broken` is set.
fn allocating(plugin: Plugin, misdeed: &str) -> String {
    let allocator = format!(
        "(global $broken (mut i32) (i32.const 0))
        (func (export \"cabi_realloc\") (param i32 i32 i32 i32) (result i32)
          (if (global.get $broken) (then {misdeed}))
          (call $allocate (local.get 0) (local.get 1) (local.get 2) (local.get 3)))"
    );
    plugin.text().replace("(export \"cabi_realloc\" (func $allocate))", &allocator)
}

#[tokio::test]
async fn an_answer_of_setup_that_is_none() {
    let no_answer = |what: &str| format!("its `setup` failed: it answered what is no `result<wants, string>`: {what}");
    let string = no_answer("a string lies outside of its memory");
    let list = no_answer("a list lies outside of its memory");
    let utf8 = no_answer("a string is not UTF-8: invalid utf-8 sequence of 1 bytes from index 0");
    let crooked = no_answer("a list begins at an address that is not a multiple of its alignment");
    let tag = no_answer("the first byte of a result is neither 0 (ok) nor 1 (an error)");
    let misaligned = no_answer("the address of the answer is not a multiple of its alignment");
    let outside = no_answer("the answer lies outside of its memory");
    let address = |address: &str| Plugin::new().setup(&format!("(return {address})")).binary();
    check_each(&[
        (answering(&["0", "0x7ffffff0", "10"]), &[&string]),
        (answering(&["0", "0x400", "0xffffffff"]), &[&string]),
        (answering(&["0", "0xffffffff", "0xffffffff"]), &[&string]),
        (answering(&["1", "0x7ffffff0", "10"]), &[&string]),
        (answering(&["0", "0x318", "1", "0", "0", "0", "0xff"]), &[&utf8]),
        (answering(&["0", "0", "0", "0x7ffffff0", "1"]), &[&list]),
        (answering(&["0", "0", "0", "0x400", "0x10000000"]), &[&list]),
        (answering(&["0", "0", "0", "0x401", "1"]), &[&crooked]),
        (answering(&["7"]), &[&tag]),
        (address("(i32.const 0x302)"), &[&misaligned]),
        (address(OUTSIDE), &[&outside]),
    ])
    .await;
}

#[tokio::test]
async fn an_import_that_is_called_wrongly_in_setup_or_before() {
    let store = "wasi:config/store@0.2.0-rc.1";
    let import = format!(r#"(import "{store}" "get" (func $get (param i32 i32 i32)))"#);
    let asking = |body: &str| Plugin::new().import(&import).setup(body);
    let started = Plugin::new()
        .function("(func $begin (call $ask_count (i32.const 0) (i32.const 0) (i32.const 0x140))) (start $begin)");
    check_each(&[
        (
            asking(&format!("(call $get {OUTSIDE} (i32.const 4) (i32.const 0x300))")).binary(),
            &["its `setup` failed: its call of `get` of `wasi:config/store@0.2.0-rc.1` failed: a string lies outside of its \
               memory (in setup)"],
        ),
        (
            started.binary(),
            &["it does not start: it called `count` of `cometbot:plugin/comet@1.0.0` while it was started, before there are \
               imports: do so in `setup`"],
        ),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_of_handle_that_goes_wrong() {
    let comet = Comet::start().await;
    let plugin = |body: &str| Plugin::new().hears("web_log_chat", ["msg"]).logs("web_log_chat").handle(body);
    let log = r#"(global.set $broken (i32.const 1)) (call $ask_log "web_log_chat" (i32.const 9) (i32.const 0x120))"#;
    let of_comet =
        |name: &str, what: &str| format!("its call of `{name}` of `cometbot:plugin/comet@1.0.0` failed: {what}");
    let no_answer = |what: &str| format!("it answered what is no `result<_, string>`: {what}");
    let room = "its `cabi_realloc` gave room";
    let cases = [
        // What `handle` answers.
        (
            plugin(
                "(i32.store (i32.const 0x300) (i32.const 1)) (i32.store (i32.const 0x304) (i32.const 0x7ffffff0))
                (i32.store (i32.const 0x308) (i32.const 1)) (return (i32.const 0x300))",
            )
            .text(),
            no_answer("a string lies outside of its memory"),
        ),
        (
            plugin("(i32.store (i32.const 0x300) (i32.const 2)) (return (i32.const 0x300))").text(),
            no_answer("the first byte of a result is neither 0 (ok) nor 1 (an error)"),
        ),
        (
            plugin("(return (i32.const 0x301))").text(),
            no_answer("the address of the answer is not a multiple of its alignment"),
        ),
        (plugin(&format!("(return {OUTSIDE})")).text(), no_answer("the answer lies outside of its memory")),
        // What it gives to an import.
        (
            plugin(&format!(r#"(call $try_send "web_chat" "x" {OUTSIDE} (i32.const 64) (i32.const 0x100))"#)).text(),
            of_comet("send", "a string lies outside of its memory (in handle)"),
        ),
        (
            plugin(r#"(call $try_send "web_chat" "x" (i32.const 0) (i32.const 0xffffffff) (i32.const 0x100))"#).text(),
            of_comet("send", "a string lies outside of its memory"),
        ),
        (
            plugin(
                r#"(i32.store (i32.const 0x200) (i32.const 0xff))
                (call $try_send "web_chat" "x" (i32.const 0x200) (i32.const 1) (i32.const 0x100))"#,
            )
            .text(),
            of_comet("send", "a string is not UTF-8: invalid utf-8 sequence of 1 bytes from index 0"),
        ),
        (
            plugin(r#"(call $try_send "web_chat" "x" "y" (i32.const 0x102))"#).text(),
            of_comet("send", "the address for the answer is not a multiple of its alignment"),
        ),
        (
            plugin(&format!(r#"(call $ask_count {OUTSIDE} (i32.const 1) (i32.const 0x140))"#)).text(),
            of_comet("count", "a string lies outside of its memory"),
        ),
        (
            plugin(r#"(call $ask_count "web_chat" (i32.const 0xffffffff))"#).text(),
            of_comet("count", "the address for the answer is not a multiple of its alignment"),
        ),
        (
            plugin(&format!(r#"(call $ask_log "web_log_chat" (i32.const 9) {OUTSIDE})"#)).text(),
            of_comet("log", "the address for the answer lies outside of its memory"),
        ),
        (
            plugin(r#"(call $log (i32.const 9) "" "words")"#).writes_log().text(),
            "its call of `log` of `wasi:logging/logging@0.1.0-draft` failed: there is no case 9 of this type"
                .to_owned(),
        ),
        (
            plugin(&format!(r#"(call $log (i32.const 1) "" {OUTSIDE} (i32.const 1))"#)).writes_log().text(),
            "its call of `log` of `wasi:logging/logging@0.1.0-draft` failed: a string lies outside of its memory"
                .to_owned(),
        ),
        // What its allocator does: for the event, and for the answer of an import.
        (
            allocating(plugin(""), "(return (i32.const 0x7ffffff0))")
                .replace("$broken (mut i32) (i32.const 0)", "$broken (mut i32) (i32.const 1)"),
            format!("{room} that lies outside of its memory"),
        ),
        (
            allocating(plugin(""), "(call $stumble)")
                .replace("$broken (mut i32) (i32.const 0)", "$broken (mut i32) (i32.const 1)")
                .replace("(func $setup", "(func $stumble unreachable) (func $setup"),
            "its `cabi_realloc` trapped: wasm trap: wasm `unreachable` instruction executed (in stumble)".to_owned(),
        ),
        (allocating(plugin(log), "(return (i32.const 0x7ffffff0))"), format!("{room} that lies outside of its memory")),
        (
            allocating(plugin(log), "(return (i32.const 0x1001))"),
            format!("{room} at an address that is not a multiple of the alignment that it was asked for"),
        ),
        (
            allocating(plugin(log), "(unreachable)"),
            "its `cabi_realloc` trapped: wasm trap: wasm `unreachable` instruction executed".to_owned(),
        ),
        (
            allocating(
                plugin(log),
                r#"(call $ask_count (i32.const 0) (i32.const 0) (i32.const 0x140)) (return (i32.const 0x1000))"#,
            ),
            "its `cabi_realloc` called an import, and must not: the host is in the middle of a call of its own"
                .to_owned(),
        ),
        // What cleans up after it.
        (
            plugin("").text().replace("(param i32) (global.set $free", "(param i32) (unreachable) (global.set $free"),
            "its `cabi_post_handle` trapped: wasm trap: wasm `unreachable` instruction executed".to_owned(),
        ),
    ];
    let mut home = Home::at(&comet);
    for (number, (text, _)) in cases.iter().enumerate() {
        home = home.plugin(&format!("case{number}.wat"), text);
    }
    let bot = home.live().await;
    let mut client = Client::join(&comet, []).await;
    client.send_and_wait("web_log_chat", "msg", "go").await;
    for (number, (_, words)) in cases.iter().enumerate() {
        let failure = bot.failed(&format!("case{number}")).await;
        assert!(failure.says(words), "`{words}` is not in: {}", failure.raw);
        assert!(!failure.field("backtrace").contains("indirect"), "only its own functions are named: {}", failure.raw);
    }
}
