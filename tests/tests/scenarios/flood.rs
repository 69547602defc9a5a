//! More comes than anybody can handle: a plugin that is slow loses events that are counted, the others are not kept
//! waiting, and the bot's memory has its bounds.

use std::time::{Duration, Instant};

use cometbot_tests::{Client, Comet, Home, Plugin, Wire};

use crate::scrape::{Page, SERVED, Scraper};

/// In how long a question has its answer while the flood lasts. It waits in line behind what came before it.
const ANSWERED_WITHIN: Duration = Duration::from_secs(2);
/// The longest that one may take on a machine that is busy with other things.
const ANSWERED_AT_LAST: Duration = Duration::from_secs(6);

/// The event `msg` of a pipe, as the server sends it, with `bytes` of data, in a frame of the largest form.
fn large_frame(pipe: &str, bytes: usize) -> Vec<u8> {
    let payload =
        format!(r#"{{"data":"{}","event":"msg","message_send_time":1700000000,"pipe":"{pipe}"}}"#, "x".repeat(bytes));
    let mut frame = vec![0x81, 127];
    frame.extend((payload.len() as u64).to_be_bytes());
    frame.extend(payload.into_bytes());
    frame
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_for_a_slow_plugin_delays_no_other_and_is_dropped_and_counted() {
    const EVENTS: u64 = 200_000;
    const AT_ONCE: u64 = 1000;
    const QUEUE: usize = 1000;
    const DATA: &str = "Something that somebody says to everybody, again and again, as fast as the wire can carry it.";
    /// The server writes with blocking sockets, so it is never further ahead of its readers (PROTOCOL.md, section 8).
    const AHEAD_BYTES: u64 = 2 * 1024 * 1024;
    /// All of them are some 40 MiB.
    const GROWTH_MAX_KIB: u64 = 16 * 1024;
    let comet = Comet::start().await;
    let wire = Wire::to(&comet).await;
    // Some hundred microseconds for each event.
    let slow = Plugin::new().hears("web_flood", []).handle(
        "(local.set $i (i32.const 100000))
        (loop $next
            (local.set $i (i32.sub (local.get $i) (i32.const 1)))
            (br_if $next (local.get $i)))",
    );
    // Asks the server itself, whose answer comes behind the flood too.
    let who = Plugin::new()
        .hears("web_who", ["msg"])
        .sends("web_told")
        .counts("web_chat")
        .handle(r#"(call $tell_count "web_chat")"#);
    let home = Home::at_url(&wire.url())
        .set("service", SERVED)
        .set("plugin.slow", &format!("queue-events = {QUEUE}"))
        .plugin("slow.wat", slow.text())
        .plugin("echo.wat", Plugin::answering("web_chat", "echo").text())
        .plugin("who.wat", who.text());
    let bot = home.live().await;
    let metrics = Scraper::of(&bot).await;
    let mut client = Client::join(&comet, ["web_chat"]).await;
    let mut told = Client::join(&comet, ["web_told"]).await;
    assert_eq!(client.ask("web_chat", "before").await, "echo before");
    let before = bot.resident_kib();

    let control = comet.control.clone();
    let publish = move || {
        for _ in 0..AT_ONCE {
            control.publish("web_flood", "said", DATA).unwrap();
        }
    };
    let accounted = |page: &Page| page.events("slow", "handled").unwrap() + page.events("slow", "dropped").unwrap();
    let start = wire.counts().passed.down;
    publish();
    metrics.until("the first events", |page| accounted(page) >= AT_ONCE as f64).await;
    let bytes = wire.counts().passed.down - start;
    assert!(bytes > AT_ONCE * DATA.len() as u64);
    let flood = tokio::spawn(async move {
        for times in 2..=EVENTS / AT_ONCE {
            publish();
            let least = start + (times * bytes).saturating_sub(AHEAD_BYTES);
            wire.until("the reading of the flood", |counts| counts.passed.down >= least).await;
        }
        wire
    });
    let (mut took, mut most) = (Vec::new(), before);
    while !flood.is_finished() || took.len() < 4 {
        let since = Instant::now();
        let text = took.len().to_string();
        assert_eq!(client.ask("web_chat", &text).await, format!("echo {text}"));
        took.push(since.elapsed());
        let since = Instant::now();
        assert_eq!(told.ask("web_who", "").await, "count 2");
        took.push(since.elapsed());
        most = most.max(bot.resident_kib());
    }
    let _wire = flood.await.unwrap();
    took.sort();
    assert!(took[took.len() / 2] < ANSWERED_WITHIN && took[took.len() - 1] < ANSWERED_AT_LAST, "{took:?}");

    let page = metrics.until("an account of each event", |page| accounted(page) >= EVENTS as f64).await;
    assert_eq!(accounted(&page), EVENTS as f64);
    assert!(page.events("slow", "dropped") > Some(0.0));
    most = most.max(bot.resident_kib());
    assert!(most < before + GROWTH_MAX_KIB, "{before} KiB before, {most} KiB at most");
    let lines = bot.troubles();
    assert!(lines.iter().all(|line| line.of("slow") && line.says("events were dropped")), "{lines:?}");
    assert!(lines.len() < 60, "a flood of events is no flood of lines: {}", lines.len());
}

/// Tells how many bytes came.
fn measuring() -> String {
    Plugin::new()
        .hears("web_chat", ["msg"])
        .sends("web_told")
        .handle(r#"(call $send "web_told" "bytes" (call $decimal (i64.extend_i32_u (local.get $data_bytes))))"#)
        .text()
}

const LARGE_BYTES: usize = 2 * 1024 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frame_of_two_mebibytes_is_refused_with_the_key_that_allows_it() {
    let comet = Comet::start().await;
    let home =
        Home::at(&comet).set("server", "retry-min-ms = 10").set("service", SERVED).plugin("measuring.wat", measuring());
    let mut bot = home.live().await;
    let metrics = Scraper::of(&bot).await;
    bot.forget();
    let frame = large_frame("web_chat", LARGE_BYTES);
    assert_eq!(comet.control.raw_to_all(&frame), 1);
    let line = bot.wait_until_it_says("connection lost").await;
    assert!(line.says("1048576 is the most that is taken: raise `frame-max-kib`"), "{}", line.raw);
    bot.wait_until_it_says("live: events reach the plugins").await;
    assert_eq!(metrics.page().await.losses("frame_too_large"), Some(1.0));
    let mut client = Client::join(&comet, ["web_told"]).await;
    assert_eq!(client.ask("web_chat", "four").await, "bytes 4");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frame_of_two_mebibytes_is_an_event_where_it_is_allowed() {
    let comet = Comet::start().await;
    let home = Home::at(&comet).set("server", "frame-max-kib = 4096").plugin("measuring.wat", measuring());
    let bot = home.live().await;
    let mut client = Client::join(&comet, ["web_told"]).await;
    // To the bot alone: what a client of the tests takes is the default.
    assert_eq!(comet.control.raw_to_pipe("web_chat", &large_frame("web_chat", LARGE_BYTES)), 1);
    assert_eq!(client.next_lines(1).await, [format!("bytes {LARGE_BYTES}")]);
    assert_eq!(client.ask("web_chat", "four").await, "bytes 4");
    assert!(bot.troubles().is_empty());
}
