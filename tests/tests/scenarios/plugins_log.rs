//! What plugins write into the bot's log: how much, and what it can do there.

use cometbot_tests::{Client, Comet, Home, Line, Plugin};

/// A plugin of web_chat that writes what it hears into the log, so many times, and answers then.
fn writer(times: u32) -> Plugin {
    Plugin::new().writes_log().hears("web_chat", ["msg"]).sends("web_chat").handle(&format!(
        r#"(loop $next
            (call $log (i32.const 2) (local.get $data) (local.get $data_bytes) (local.get $data) (local.get $data_bytes))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $next (i32.lt_u (local.get $i) (i32.const {times}))))
        (call $send "web_chat" "written" (local.get $data) (local.get $data_bytes))"#
    ))
}

fn is_own(line: &Line, plugin: &str) -> bool {
    line.of(plugin) && line.field("target") == "plugin"
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_lines_is_cut_to_what_the_plugin_may_write_and_told_once() {
    let comet = Comet::start().await;
    let home = Home::at(&comet)
        .set("defaults", "time-per-event-ms = 20000")
        .set("plugin.quiet", "log-lines-per-second = 1")
        .set("plugin.free", "log-lines-per-second = 0")
        .plugin("quiet.wat", writer(5000).text())
        .plugin("free.wat", writer(300).text());
    let bot = home.live().await;
    let mut client = Client::join(&comet, ["web_chat"]).await;
    client.send("web_chat", "msg", "hello");
    assert_eq!(client.next_lines(2).await, ["written hello"; 2]);
    let told = bot.wait_until_it_says("lines of the plugin are dropped: it may write 1 a second").await;
    assert!(told.of("quiet") && told.is("WARN"), "{}", told.raw);
    // The last of the free one's lines may be on its way.
    bot.wait_for_all("all lines of the one", 300, |line| is_own(line, "free")).await;
    let ended = bot.stop().await;
    let count = |words: &str| ended.err.lines().filter(|line| line.contains(words)).count();
    assert_eq!(count(r#""plugin":"free","context":"hello""#), 300);
    // A burst of ten, and one for each second that it took.
    let written = count(r#""plugin":"quiet","context":"hello""#);
    assert!((10..40).contains(&written), "{written} lines");
    assert!((1..=3).contains(&count("lines of the plugin are dropped")), "{}", ended.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_plugin_writes_forges_no_line_and_steers_no_terminal() {
    let comet = Comet::start().await;
    let foreign = "a\u{1b}[2J\u{9b}31m\r\n2026-11-24 ERROR forged\u{2028}\u{202e}desrever\u{2066}\u{7f}";
    let shown = "a\\u{1b}[2J\\u{9b}31m\\r\\n2026-11-24 ERROR forged\\u{2028}\\u{202e}desrever\\u{2066}\\u{7f}";
    for format in ["json", "human"] {
        let home = Home::at(&comet).variable("COMETBOT_LOG__FORMAT", format).plugin("writer.wat", writer(1).text());
        let bot = home.live().await;
        let mut client = Client::join(&comet, ["web_chat"]).await;
        client.send("web_chat", "msg", foreign);
        client.next().await;
        bot.wait_for("the line", |line| line.raw.contains("desrever")).await;
        let ended = bot.stop().await;
        let line = ended.err.lines().find(|line| line.contains("forged")).unwrap();
        let quoted = shown.replace('\\', "\\\\");
        assert!(line.contains(shown) || line.contains(&quoted), "{line}");
        let harm = |it: char| it.is_control() || ('\u{2028}'..='\u{2069}').contains(&it);
        assert!(!line.contains(harm), "{line:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_words_of_a_plugin_stand_before_the_line_about_its_end() {
    let comet = Comet::start().await;
    // As a panic in most languages: words on standard error, in pieces, the last without a line break, and a trap.
    let panicking = Plugin::new()
        .import(r#"(import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))"#)
        .function(
            r#"(func $complain (param $text i32) (param $text_bytes i32)
                (i32.store (i32.const 0x200) (local.get $text))
                (i32.store (i32.const 0x204) (local.get $text_bytes))
                (if (call $fd_write (i32.const 2) (i32.const 0x200) (i32.const 1) (i32.const 0x208))
                    (then (unreachable))))"#,
        )
        .hears("web_chat", ["msg"])
        .handle(r#"(call $complain "panicked at karma.rs: ") (call $complain "no such user") (unreachable)"#);
    let home = Home::at(&comet).set("defaults", "retries = 0").plugin("panicking.wat", panicking.text());
    let bot = home.live().await;
    Client::join(&comet, []).await.send_and_wait("web_chat", "msg", "x").await;
    bot.failed("panicking").await;
    let lines = bot.lines(|line| line.of("panicking") && !line.says("plugin started"));
    assert!(lines[0].says("panicked at karma.rs: no such user") && lines[0].is("WARN"), "{lines:?}");
    assert_eq!(lines[0].field("context"), "stderr");
    assert!(lines[1].says("failed on an event"), "{lines:?}");
}
