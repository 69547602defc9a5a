//! In the real binary, on a real connection: what is heard, logged and kept, and how it fails.

use std::fmt::Write as _;

use cometbot::kit::language::Language;
use cometbot_tests::{Client, Comet, End, Home, Process, Wire};

use crate::{PATIENCE, scrape::Scraper};

/// Events for the look at the heap: as many before as after the first look, and four times as many again.
const EVENTS: usize = 100_000;
const FIRST: usize = 20_000;

pub fn home(url: &str, plugin: &[u8]) -> Home {
    Home::at_url(url)
        .set("server", "answer-seconds = 1\nretry-min-ms = 10\nretry-max-seconds = 1")
        .set("service", "metrics = \"127.0.0.1:0\"")
        .set("log", "level = \"info,plugin=trace\"")
        .set("defaults", "time-per-event-ms = 5000\nqueue-events = 200000")
        .set("plugin.guest.config", "greeting = \"привет \\\"мир\\\"\"")
        .plugin("guest.wasm", plugin)
}

pub async fn live(home: &Home) -> Process {
    let bot = home.start().patient(PATIENCE);
    bot.wait_until_it_says("live: events reach the plugins").await;
    bot
}

/// Says something to the plugin, and gives the next that it sends to `web_out`, as `event message`.
pub async fn ask(client: &mut Client, event: &str, data: &str) -> String {
    client.send("web_in", event, data);
    client.next_lines(1).await.remove(0)
}

pub async fn answers(plugin: &[u8]) {
    let comet = Comet::start().await;
    let wire = Wire::to(&comet).await;
    let home = home(&wire.url(), plugin);
    let bot = live(&home).await;
    bot.wait_for("its greeting", |line| line.of("guest") && line.is("INFO") && line.says("greeting is привет \"мир\""))
        .await;
    let mut client = Client::join(&comet, ["web_out"]).await;
    let mut user = Client::join_as_user(&comet, []).await;

    assert_eq!(ask(&mut client, "echo", "it's \"ж\" 😀 \\ and\nmore").await, "echo it's \"ж\" 😀 \\ and\nmore");
    assert_eq!(ask(&mut client, "digest", "ж".repeat(30_000).as_str()).await.split(' ').nth(1), Some("60000"));
    let fields = ask(&mut client, "fields", "x").await;
    assert!(fields.starts_with("fields web_in|fields|1|0|") && fields.ends_with("|false"), "{fields}");
    user.send_and_wait("web_in", "fields", "ж").await;
    let fields = client.next_lines(1).await.remove(0);
    assert!(fields.starts_with("fields web_in|fields|2|7|"), "{fields}");
    comet.control.publish("web_in", "fields", "").unwrap();
    let fields = client.next_lines(1).await.remove(0);
    assert!(fields.starts_with("fields web_in|fields|0|none|"), "{fields}");
    // Only the events that it asked for.
    client.send("web_picky", "three", "x");
    client.send("web_picky", "echo", "x");
    assert_eq!(ask(&mut client, "count", "web_count").await, "count 0");
    let _counted = Client::join(&comet, ["web_count"]).await;
    comet.subscribed("web_count", 1).await;
    assert_eq!(ask(&mut client, "count", "web_count").await, "count 1");

    for number in 1..=98 {
        // One after the other: the answer that is waited for must be its own.
        user.send_and_wait("web_log", "say", &format!("ж{number}")).await;
    }
    user.send_and_wait("web_log", "say", "the last").await;
    let mut expected = "log 98".to_owned();
    for number in 2..=98 {
        let _ = write!(expected, "\nweb_log|say|7|true|ж{number}");
    }
    expected.push_str("\nweb_log|say|7|true|the last");
    assert_eq!(ask(&mut client, "log", "web_log 98").await, expected);

    client.send("web_in", "levels", "ж");
    for level in ["TRACE", "DEBUG", "INFO", "WARN", "ERROR"] {
        let words = format!("level {}: ж", level.to_lowercase());
        bot.wait_for(&words, |line| line.of("guest") && line.is(level) && line.says(&words)).await;
    }
    client.send("web_in", "print", "ж");
    bot.wait_for("what it prints", |line| line.of("guest") && line.says("printed: ж")).await;

    // Nothing that the bot says reaches the server: first for longer than an answer may take ...
    wire.clamp();
    client.send("web_in", "count", "web_count");
    // Events are handled one after the other: this one's line comes when the question is over.
    client.send("web_in", "levels", "afterwards");
    bot.wait_until_it_says("level info: afterwards").await;
    wire.release();
    assert_eq!(client.next_lines(1).await, ["outcome timed-out"]);
    // ... then until the connection is gone.
    wire.clamp();
    let before = wire.counts().came.up;
    client.send("web_in", "count", "web_count");
    wire.until("the question", |counts| counts.came.up > before).await;
    wire.cut(End::Reset);
    wire.heal();
    let outcome = client.next_lines(1).await.remove(0);
    assert!(outcome.starts_with("outcome unavailable: "), "{outcome}");
}

pub async fn failures(plugin: &[u8], language: Language) {
    let comet = Comet::start().await;
    let home = home(&comet.url(), plugin);
    let mut bot = live(&home).await;
    let mut client = Client::join(&comet, ["web_out"]).await;
    assert_eq!(ask(&mut client, "state", "").await, "state 1");
    assert_eq!(ask(&mut client, "state", "").await, "state 2");

    bot.forget();
    client.send("web_in", "fail", "ж \"x\"");
    let line = bot.failed("guest").await;
    assert!(line.says("it returned an error: failed: ж \"x\""), "{}", line.raw);
    assert_eq!(ask(&mut client, "state", "").await, "state 3");

    for (event, words) in [("uncaught", Some("boom ж")), ("panic", Some("boom ж")), ("overflow", None)] {
        bot.forget();
        client.send("web_in", event, "boom ж");
        bot.failed("guest").await;
        if let Some(words) = words.filter(|_| !(event == "panic" && dies_without_words(language))) {
            bot.wait_for(&format!("the words of {event}"), |line| line.of("guest") && line.says(words)).await;
        }
        // Whether what it kept is gone depends on whether the language could catch it; it goes on in any case.
        let state = ask(&mut client, "state", "").await;
        let (one, next) = ("state 1", ask(&mut client, "state", "").await);
        assert!(state == one && next == "state 2" || state != one && next != one, "{event}: {state}, {next}");
    }
}

/// Whether the language's own way to die takes no message.
const fn dies_without_words(language: Language) -> bool {
    matches!(language, Language::JavaScript | Language::TypeScript | Language::Python)
}

pub async fn a_heap_that_stays_flat(plugin: &[u8]) {
    let comet = Comet::start().await;
    let home = home(&comet.url(), plugin);
    let bot = live(&home).await;
    let metrics = Scraper::of(&bot).await;
    let mut client = Client::join(&comet, ["web_out"]).await;
    let handled = async |count: f64| {
        let what = format!("{count} handled events");
        let page = metrics.until(&what, |page| page.events("guest", "handled") >= Some(count)).await;
        page.value("cometbot_plugin_memory_bytes{plugin=\"guest\"}").unwrap()
    };
    let data: String = "payload ж ".repeat(20);
    client.send_all("web_in", "heap", std::iter::repeat_n(&*data, FIRST / 2));
    client.send_all("web_in", "echo", std::iter::repeat_n(&*data, FIRST / 2));
    let first = handled(FIRST as f64).await;
    client.send_all("web_in", "heap", std::iter::repeat_n(&*data, (EVENTS - FIRST) / 2));
    client.send_all("web_in", "echo", std::iter::repeat_n(&*data, (EVENTS - FIRST) / 2));
    let last = handled(EVENTS as f64).await;
    assert_eq!(client.next_lines(EVENTS / 2).await.len(), EVENTS / 2);
    assert!(last <= first * 1.1, "its memory grew from {first} bytes after {FIRST} events to {last} after {EVENTS}");
    assert_eq!(bot.lines(|line| line.says("failed on an event")).len(), 0);
}
