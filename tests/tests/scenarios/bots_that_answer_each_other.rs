//! Two bots that answer each other, and one that answers itself, are noticed and slowed; people who repeat themselves are
//! not.

use std::time::{Duration, Instant};

use cometbot_tests::{Client, Comet, Home, Line, Plugin, Process};
use tokio::time::interval;

use crate::scrape::{SERVED, Scraper};

/// Says everything that it hears once more.
fn parrot() -> Plugin {
    Plugin::answering("web_chat", "msg")
}

/// Puts a word in front of everything that it hears, unless it is too long to go on with.
fn replying() -> Plugin {
    Plugin::new().hears("web_chat", ["msg"]).sends("web_chat").handle(
        r#"(if (i32.gt_u (local.get $data_bytes) (i32.const 0x4000)) (then (return (i32.const 0x1c0))))
        (i32.store (i32.const 0x8000) (i32.const 0x203a6572))
        (memory.copy (i32.const 0x8004) (local.get $data) (local.get $data_bytes))
        (call $send (local.get $pipe) (local.get $pipe_bytes) "msg" (i32.const 0x8000) (i32.add (local.get $data_bytes) (i32.const 4)))"#,
    )
}

fn is_loop(line: &Line) -> bool {
    line.is("WARN") && line.says("loop: the plugin and somebody else, or itself, answer each other in web_chat")
}

/// From now on web_chat has this many messages a second and no more.
async fn is_slow(client: &mut Client, a_second: usize) {
    client.rest();
    client.next_lines(1).await;
    let since = Instant::now();
    client.next_lines(3 * a_second).await;
    // Those of the first and the last second may be close to the middle one.
    assert!(since.elapsed() >= Duration::from_millis(1900), "{a_second} a second: {:?}", since.elapsed());
}

/// A loop that has begun in web_chat is noticed and slowed to that many messages a second, told of once, and another plugin
/// of the same bot does not notice it.
async fn is_noticed(bot: &Process, comet: &Comet, client: &mut Client, a_second: usize) -> Line {
    let metrics = Scraper::of(bot).await;
    let mut other = Client::join(comet, ["web_other"]).await;
    let since = Instant::now();
    let line = bot.wait_for("the loop", is_loop).await;
    assert!(since.elapsed() < Duration::from_secs(6), "{:?}", since.elapsed());
    assert!(line.of("bot") && line.says("slowed to one answer a second until it ends"), "{}", line.raw);
    is_slow(client, a_second).await;
    for _ in 0..10 {
        let since = Instant::now();
        assert_eq!(other.ask("web_other", "x").await, "other x");
        assert!(since.elapsed() < Duration::from_millis(800), "{:?}", since.elapsed());
    }
    assert_eq!(bot.lines(is_loop).len(), 1);
    let loops = metrics.page().await.value("cometbot_plugin_loops_total{plugin=\"bot\"}");
    assert_eq!(loops, Some(1.0));
    line
}

fn home(comet: &Comet, plugin: &Plugin) -> Home {
    Home::at(comet)
        .set("service", SERVED)
        .plugin("bot.wat", plugin.text())
        .plugin("other.wat", Plugin::answering("web_other", "other").text())
}

/// A bot of ours, and one of somebody who does not care.
async fn with_a_careless_one(plugin: Plugin) {
    let comet = Comet::start().await;
    let ours = home(&comet, &plugin);
    let bot = ours.live().await;
    let theirs = Home::at(&comet).set("defaults", "hops = 0").plugin("bot.wat", plugin.text());
    let careless = theirs.live().await;
    let mut client = Client::join(&comet, ["web_chat"]).await;
    client.send("web_chat", "msg", "hello");
    is_noticed(&bot, &comet, &mut client, 2).await;
    assert_eq!(careless.lines(is_loop).len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bots_that_say_the_same_are_slowed() {
    with_a_careless_one(parrot()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bots_whose_text_grows_are_slowed() {
    with_a_careless_one(replying()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bot_that_answers_itself_is_slowed_until_a_better_version_comes() {
    let comet = Comet::start().await;
    let home = home(&comet, &parrot()).set("server", "hear-own = true");
    let bot = home.live().await;
    let mut client = Client::join(&comet, ["web_chat"]).await;
    client.send("web_chat", "msg", "hello");
    let line = is_noticed(&bot, &comet, &mut client, 1).await;
    assert!(line.says("answers or more to \"hello\""), "{}", line.raw);
    home.rename_plugin("bot.wat", Plugin::answering("web_chat", "better").text());
    bot.replaced("bot").await;
    while client.next().await.event != "better" {}
    for text in ["one", "two", "three"] {
        assert_eq!(client.ask("web_chat", text).await, format!("better {text}"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_who_say_the_same_are_no_loop() {
    const EVENTS: usize = 500;
    let comet = Comet::start().await;
    let home = home(&comet, &Plugin::answering("web_chat", "bot"));
    let bot = home.live().await;
    let mut client = Client::join(&comet, ["web_chat"]).await;
    let mut crowd = interval(Duration::from_millis(5));
    for _ in 0..EVENTS {
        crowd.tick().await;
        client.send("web_chat", "msg", "hello");
    }
    let since = Instant::now();
    assert_eq!(client.next_lines(EVENTS).await, vec!["bot hello".to_owned(); EVENTS]);
    assert!(since.elapsed() < Duration::from_millis(1500), "{:?}", since.elapsed());
    // All at once.
    let since = Instant::now();
    client.send_all("web_chat", "msg", ["good night"; EVENTS]);
    assert_eq!(client.next_lines(EVENTS).await, vec!["bot good night".to_owned(); EVENTS]);
    assert!(since.elapsed() < Duration::from_millis(1500), "{:?}", since.elapsed());
    assert!(bot.troubles().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_all_at_once_is_no_loop() {
    const EVENTS: usize = 500;
    let comet = Comet::start().await;
    // Slow enough for a look at each answer.
    let slow = Plugin::new().hears("web_chat", ["msg"]).sends("web_chat").handle(
        r#"(local.set $n (i64.const 600000))
        (loop $count
            (local.set $n (i64.sub (local.get $n) (i64.const 1)))
            (br_if $count (i64.ne (local.get $n) (i64.const 0))))
        (call $send (local.get $pipe) (local.get $pipe_bytes) "bot" (local.get $data) (local.get $data_bytes))"#,
    );
    let home = home(&comet, &slow);
    let bot = home.live().await;
    let mut client = Client::join(&comet, ["web_chat"]).await;
    client.send_all("web_chat", "msg", ["hello"; EVENTS]);
    assert_eq!(client.next_lines(EVENTS).await, vec!["bot hello".to_owned(); EVENTS]);
    assert!(bot.troubles().is_empty());
}
