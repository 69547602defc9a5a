//! Told to stop, the bot answers what has arrived and ends, within a bound, whatever its plugins do.

use std::time::Duration;

use cometbot_tests::{Client, Comet, Home, Plugin, Wire};
use rustix::process::Signal;

/// A plugin that takes a while over each event: a few milliseconds of counting.
fn slow() -> Plugin {
    Plugin::new().hears("web_chat", ["msg"]).sends("web_chat").handle(
        r#"(local.set $n (i64.const 3000000))
        (loop $count
            (local.set $n (i64.sub (local.get $n) (i64.const 1)))
            (br_if $count (i64.ne (local.get $n) (i64.const 0))))
        (call $send "web_chat" "done" (local.get $data) (local.get $data_bytes))"#,
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_arrived_is_answered_before_the_end() {
    const EVENTS: usize = 300;
    for signal in [Signal::TERM, Signal::INT] {
        let comet = Comet::start().await;
        let home = Home::at(&comet)
            .plugin("slow.wat", slow().text())
            .plugin("quick.wat", Plugin::answering("web_last", "seen").text());
        let bot = home.live().await;
        let mut client = Client::join(&comet, ["web_chat"]).await;
        let mut witness = Client::join(&comet, ["web_last"]).await;
        let texts: Vec<String> = (0..EVENTS).map(|number| number.to_string()).collect();
        client.send_all("web_chat", "msg", texts.iter().map(String::as_str));
        client.send("web_last", "msg", "all have arrived");
        assert_eq!(witness.next_lines(2).await, ["msg all have arrived", "seen all have arrived"]);
        bot.signal(signal);
        let ended = bot.end().await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.took < Duration::from_secs(10), "{ended:?}");
        let wanted: Vec<String> = texts.iter().map(|text| format!("done {text}")).collect();
        assert_eq!(client.next_lines(EVENTS).await, wanted);
        let last = ended.err.lines().last().unwrap();
        assert!(last.contains("\"stopped\""), "{last}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_to_be_sent_leaves_before_the_end() {
    // A message is 32 KiB, so that no more than two are under way at a time and the others wait for the server.
    const MESSAGES: usize = 31;
    let comet = Comet::start().await;
    let plugin = Plugin::new().writes_log().hears("web_chat", ["msg"]).sends("web_told").handle(&format!(
        r#"(memory.fill (i32.const 0x8000) (i32.const 120) (i32.const 0x8000))
            (loop $again
                (call $send "web_told" "part" (i32.const 0x8000) (i32.const 0x8000))
                (local.set $i (i32.add (local.get $i) (i32.const 1)))
                (br_if $again (i32.lt_u (local.get $i) (i32.const {MESSAGES}))))
            (call $log (i32.const 2) "" "all is said")"#
    ));
    let home = Home::at(&comet).plugin("wordy.wat", plugin.text());
    for _ in 0..3 {
        let bot = home.live().await;
        let mut told = Client::join(&comet, ["web_told"]).await;
        told.send("web_chat", "msg", "go");
        bot.wait_until_it_says("all is said").await;
        let ended = bot.stop().await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        told.send_and_wait("web_nobody", "fence", "").await;
        let parts = told.rest().len();
        assert_eq!(parts, MESSAGES, "messages that the plugin had sent: {}", ended.err);
        assert!(!ended.err.contains("have not been answered"), "{}", ended.err);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tally_of_each_plugin_is_taken_at_its_end() {
    let comet = Comet::start().await;
    let home = Home::at(&comet).plugin("slow.wat", slow().text());
    let bot = home.live().await;
    let mut client = Client::join(&comet, ["web_chat"]).await;
    client.send_all("web_chat", "msg", ["x"; 100]);
    client.next_lines(1).await;
    client.send_and_wait("web_chat", "typing", "").await;
    let ended = bot.stop().await;
    let done =
        client.next_lines(1).await.len() + client.rest().into_iter().filter(|heard| heard.event == "done").count();
    let tally = ended.err.lines().find(|line| line.contains("\"handled\"")).unwrap();
    assert!(tally.contains(&format!("\"handled\":{}", done + 1)), "{done} more were answered than the first: {tally}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_that_hangs_does_not_hold_up_the_end() {
    let comet = Comet::start().await;
    let rogue = Plugin::rogue(r#"(call $announce) (loop $again (br $again))"#)
        .writes_log()
        .function(r#"(func $announce (call $log (i32.const 2) "rogue" "here I hang"))"#);
    let home = Home::at(&comet)
        .set("defaults", "time-per-event-ms = 60000")
        .set("service", "drain-seconds = 1")
        .plugin("rogue.wat", rogue.text())
        .plugin("slow.wat", slow().text());
    let bot = home.live().await;
    let mut client = Client::join(&comet, ["web_chat"]).await;
    client.send("web_chat", "msg", "misbehave");
    assert_eq!(client.next_lines(1).await, ["done misbehave"]);
    bot.wait_until_it_says("here I hang").await;
    let ended = bot.stop().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.took >= Duration::from_millis(900) && ended.took < Duration::from_secs(4), "{ended:?}");
    assert!(ended.err.contains("some plugins did not finish within 1 s"), "{}", ended.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_does_not_answer_does_not_hold_up_the_end() {
    let comet = Comet::start().await;
    let wire = Wire::to(&comet).await;
    let asking = Plugin::new().hears("web_chat", ["msg"]).counts("web_*").handle(r#"(call $tell_count "web_chat")"#);
    let echo = Plugin::answering("web_chat", "echo")
        .handle(
            r#"(call $send "web_chat" "echo" (local.get $data) (local.get $data_bytes))
            (call $log (i32.const 2) "" "I have answered")"#,
        )
        .writes_log();
    let home = Home::at_url(&wire.url())
        .set("service", "drain-seconds = 1")
        .plugin("asking.wat", asking.text())
        .plugin("echo.wat", echo.text());
    let bot = home.live().await;
    let client = Client::join(&comet, []).await;
    wire.clamp();
    client.send("web_chat", "msg", "x");
    bot.wait_until_it_says("I have answered").await;
    let ended = bot.stop().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.took < Duration::from_secs(4), "{ended:?}");
    assert!(ended.err.contains("some sends have not been answered by the server"), "{}", ended.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_bot_ends_at_once() {
    let comet = Comet::start().await;
    let home = Home::at(&comet).plugin("echo.wat", Plugin::answering("web_chat", "echo").text());
    let bot = home.live().await;
    let ended = bot.stop().await;
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), ""));
    assert!(ended.took < Duration::from_secs(2), "{ended:?}");
    // But for the machine's user.
    for line in ended.err.lines().filter(|line| !line.contains("runs as root")) {
        for word in ["WARN", "ERROR", "connection lost"] {
            assert!(!line.contains(word), "nothing is wrong with an end that was asked for: {}", ended.err);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_that_comes_while_the_bot_starts_is_not_missed() {
    let comet = Comet::start().await;
    // A setup that takes its time, and says when it is at it.
    let plugin =
        Plugin::new().writes_log().setup(r#"(call $log (i32.const 2) "" "setting up") (loop $again (br $again))"#);
    let home = Home::at(&comet).plugin("long.wat", plugin.text());
    let bot = home.start();
    bot.wait_until_it_says("setting up").await;
    let ended = bot.stop().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bot_with_its_own_server_ends_at_once_with_clients_on_it() {
    let home = Home::new()
        .set("embedded", "listen = \"127.0.0.1:0\"")
        .plugin("echo.wat", Plugin::answering("web_chat", "echo").text());
    let bot = home.live().await;
    let line = bot.wait_until_it_says("the embedded comet server listens at ").await;
    let url = line.message().rsplit(' ').next().unwrap().to_owned();
    let mut client = Client::join_at(&url, ["web_chat"]).await;
    assert_eq!(client.ask("web_chat", "x").await, "echo x");
    let ended = bot.stop().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.took < Duration::from_secs(5), "{ended:?}");
}
