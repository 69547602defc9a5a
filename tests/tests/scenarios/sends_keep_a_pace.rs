//! A plugin that sends more than it may is slowed: its events wait, nothing of it is lost, and nobody else notices.

use std::time::{Duration, Instant};

use cometbot_tests::{Client, Comet, Home, Plugin};

use crate::scrape::{SERVED, Scraper};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_sends_more_than_may_be_waits_and_loses_nothing() {
    const EVENTS: usize = 60;
    let comet = Comet::start().await;
    let home = Home::at(&comet)
        .set("service", SERVED)
        .set("plugin.wordy", "sends-per-second = 50\nsends-burst = 10")
        .plugin("wordy.wat", Plugin::answering("web_chat", "wordy").text())
        .plugin("other.wat", Plugin::answering("web_other", "other").text());
    let bot = home.live().await;
    let metrics = Scraper::of(&bot).await;
    let mut client = Client::join(&comet, ["web_chat"]).await;
    let mut other = Client::join(&comet, ["web_other"]).await;
    let texts: Vec<String> = (0..EVENTS).map(|number| number.to_string()).collect();
    let since = Instant::now();
    client.send_all("web_chat", "msg", texts.iter().map(String::as_str));
    assert_eq!(other.ask("web_other", "x").await, "other x");
    assert!(since.elapsed() < Duration::from_millis(900), "nobody else waits: {:?}", since.elapsed());
    let wanted: Vec<String> = texts.iter().map(|text| format!("wordy {text}")).collect();
    assert_eq!(client.next_lines(EVENTS).await, wanted);
    let took = since.elapsed();
    assert!(took >= Duration::from_millis(950), "50 beyond the burst take a second: {took:?}");
    let lines = bot.troubles();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].of("wordy") && lines[0].says("more than 50 messages a second and is slowed"), "{}", lines[0].raw);
    let page = metrics.page().await;
    let slowed = page.value("cometbot_plugin_slowed_seconds_total{plugin=\"wordy\"}").unwrap();
    assert!((0.5..2.0).contains(&slowed), "{slowed}");
    assert_eq!(page.value("cometbot_plugin_slowed_seconds_total{plugin=\"other\"}"), Some(0.0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_event_may_send_a_burst_and_is_told_when_that_is_over() {
    let comet = Comet::start().await;
    let wordy = Plugin::new().writes_log().hears("web_chat", ["msg"]).sends("web_told").handle(
        r#"(call $send "web_told" "one" "")
        (call $send "web_told" "two" "")
        (call $try_send "web_told" "three" "" (i32.const 0x100))
        (if (i32.eqz (i32.load8_u (i32.const 0x100))) (then (unreachable)))
        (if (i32.ne (i32.load8_u (i32.const 0x104)) (i32.const 2)) (then (unreachable)))
        (call $log (i32.const 2) "" (i32.load (i32.const 0x108)) (i32.load (i32.const 0x10c)))"#,
    );
    let home = Home::at(&comet)
        .set("service", SERVED)
        .set("plugin.wordy", "sends-per-second = 50\nsends-burst = 2")
        .plugin("wordy.wat", wordy.text());
    let bot = home.live().await;
    let metrics = Scraper::of(&bot).await;
    let mut told = Client::join(&comet, ["web_told"]).await;
    told.send("web_chat", "msg", "");
    assert_eq!(told.next_lines(2).await, ["one ", "two "]);
    bot.wait_until_it_says(
        "one event may send at most 2 messages (`sends-burst`): send less, or answer over several events",
    )
    .await;
    bot.wait_until_it_says("sends are refused: one event may send at most 2 messages (`sends-burst`)").await;
    metrics.until("the refusal", |page| page.sends("refused_locally") == Some(1.0)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn questions_count_as_well() {
    const EVENTS: usize = 22;
    let comet = Comet::start().await;
    // One question and one message each.
    let asking = Plugin::new()
        .hears("web_chat", ["msg"])
        .sends("web_told")
        .counts("web_chat")
        .handle(r#"(call $tell_count "web_chat")"#);
    let home = Home::at(&comet)
        .set("plugin.asking", "sends-per-second = 40\nsends-burst = 4")
        .plugin("asking.wat", asking.text());
    let _bot = home.live().await;
    let mut told = Client::join(&comet, ["web_told"]).await;
    let since = Instant::now();
    told.send_all("web_chat", "msg", ["x"; EVENTS]);
    assert_eq!(told.next_lines(EVENTS).await, ["count 1"; EVENTS]);
    assert!(since.elapsed() >= Duration::from_millis(900), "40 beyond the burst take a second: {:?}", since.elapsed());
}
