//! An event on which a plugin fails comes again after a pause, before anything newer, and goes to quarantine if that does
//! not help.

use std::time::{Duration, Instant};

use cometbot_tests::{Client, Comet, Home, Line, Plugin};
use serde_json::Value;

/// Fails on `twice` two times and then does not any more, as its memory outlives an error.
fn forgetful() -> Plugin {
    Plugin::new()
        .hears("web_chat", ["msg"])
        .sends("web_chat")
        .handle(
            r#"(if (call $is (local.get $data) (local.get $data_bytes) "twice")
                (then
                  (global.set $tries (i32.add (global.get $tries) (i32.const 1)))
                  (call $send (local.get $pipe) (local.get $pipe_bytes) "begun" (local.get $data) (local.get $data_bytes))
                  (if (i32.le_u (global.get $tries) (i32.const 2)) (then (return (call $fail "not yet"))))))
            (call $send (local.get $pipe) (local.get $pipe_bytes) "done" (local.get $data) (local.get $data_bytes))"#,
        )
        .function("(global $tries (mut i32) (i32.const 0))")
}

fn is_try(line: &Line) -> bool {
    line.is("WARN") && line.says("a try at an event failed")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_comes_again_after_growing_pauses_and_before_anything_newer() {
    let comet = Comet::start().await;
    let home = Home::at(&comet)
        .set("plugin.word", "retries = 2\nretry-ms = 200")
        .plugin("word.wat", forgetful().text())
        .plugin("other.wat", Plugin::answering("web_chat", "other").text());
    let bot = home.live().await;
    let mut client = Client::join(&comet, ["web_chat"]).await;
    let since = Instant::now();
    client.send_all("web_chat", "msg", ["one", "twice", "three"]);
    let (others, words): (Vec<String>, Vec<String>) =
        client.next_lines(7).await.into_iter().partition(|line| line.starts_with("other"));
    assert_eq!(words, ["done one", "begun twice", "done twice", "done three"], "what failed tries had sent is dropped");
    assert_eq!(others, ["other one", "other twice", "other three"]);
    assert!(since.elapsed() >= Duration::from_millis(600), "200 ms and then 400 ms: {:?}", since.elapsed());
    let tries = bot.lines(is_try);
    assert_eq!(tries.len(), 2);
    assert!(tries[0].says("the next one comes in 200 ms: it returned an error: not yet"), "{}", tries[0].raw);
    assert!(tries[1].says("the next one comes in 400 ms"), "{}", tries[1].raw);
    assert_eq!(bot.lines(|line| line.is("ERROR")).len(), 0, "it has not failed for good");
    let ended = bot.stop().await;
    assert!(ended.err.contains("\"handled\":3,\"failed\":0"), "{}", ended.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fails_every_time_is_kept_and_counts_once() {
    let comet = Comet::start().await;
    let rogue = Plugin::rogue("(call $step_on_a_mine)").function("(func $step_on_a_mine unreachable)");
    let home = Home::at(&comet).set("plugin.rogue", "retries = 2\nretry-ms = 20").plugin("rogue.wat", rogue.text());
    let bot = home.live().await;
    let mut client = Client::join(&comet, ["web_chat"]).await;
    client.send_all("web_chat", "msg", ["misbehave", "fine"]);
    assert_eq!(client.next_lines(2).await, ["before fine", "echo fine"]);
    let failure = bot.failed("rogue").await;
    assert_eq!(
        (failure.field("tries"), failure.field("backtrace")),
        ("3".to_owned(), "step_on_a_mine < handle".to_owned())
    );
    assert_eq!(bot.lines(is_try).len(), 2);
    let report: Value = serde_json::from_str(&home.run(["--json", "plugins", "rogue"]).await.out).unwrap();
    assert_eq!((&report["failed"], &report["quarantined"]), (&1.into(), &1.into()), "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_comes_while_an_event_waits_for_its_next_try_gets_it_at_once() {
    let comet = Comet::start().await;
    let bad = Plugin::new().hears("web_chat", ["msg"]).sends("web_chat").handle("unreachable");
    let home = Home::at(&comet).set("plugin.word", "retries = 2\nretry-ms = 60000").plugin("word.wat", bad.text());
    let bot = home.live().await;
    let mut client = Client::join(&comet, ["web_chat"]).await;
    client.send_all("web_chat", "msg", ["1", "2"]);
    bot.wait_for("the first try", is_try).await;
    home.rename_plugin("word.wat", Plugin::answering("web_chat", "better").text());
    bot.replaced("word").await;
    assert_eq!(client.next_lines(2).await, ["better 1", "better 2"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bot_that_stops_does_not_wait_for_the_next_try_and_keeps_the_event() {
    let comet = Comet::start().await;
    let home = Home::at(&comet)
        .set("plugin.rogue", "retries = 2\nretry-ms = 60000")
        .plugin("rogue.wat", Plugin::rogue("unreachable").text())
        .plugin("witness.wat", Plugin::answering("web_chat", "witness").text());
    let bot = home.live().await;
    let mut client = Client::join(&comet, ["web_chat"]).await;
    client.send_all("web_chat", "msg", ["misbehave", "fine"]);
    bot.wait_for("the first try", is_try).await;
    assert_eq!(client.next_lines(2).await, ["witness misbehave", "witness fine"], "they have arrived");
    let ended = bot.stop().await;
    assert!(ended.took < Duration::from_secs(5), "{ended:?}");
    assert!(ended.err.contains("\"handled\":1,\"failed\":1"), "{}", ended.err);
    assert_eq!(client.next_lines(2).await, ["before fine", "echo fine"]);
}
