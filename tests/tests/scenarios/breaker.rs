//! A plugin that fails on one event after the other is left in peace for a while: its events wait, and one of them is tried
//! then.

use std::time::{Duration, Instant};

use cometbot_tests::{Client, Comet, Home, Line, Plugin};
use serde_json::Value;

use crate::scrape::{Page, SERVED, Scraper};

const BREAKER: &str = "cometbot_plugin_breaker_state{plugin=\"rogue\"}";

/// A bot's home with a plugin that fails on `misbehave`, and after three times is left in peace for so long.
fn home(comet: &Comet, seconds: u32) -> Home {
    Home::at(comet)
        .set("service", SERVED)
        .set("plugin.rogue", &format!("retries = 0\nbreaker-failures = 3\nbreaker-seconds = {seconds}"))
        .plugin(
            "rogue.wat",
            Plugin::rogue("(call $step_on_a_mine)").function("(func $step_on_a_mine unreachable)").text(),
        )
}

fn stands(page: &Page, state: f64) -> bool {
    page.value(BREAKER) == Some(state)
}

async fn report(home: &Home) -> Value {
    let ended = home.run(["--json", "plugins", "rogue"]).await;
    serde_json::from_str(&ended.out).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

fn opens(line: &Line) -> bool {
    line.is("ERROR") && line.says("breaker open")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_wait_while_it_is_open_and_are_handled_when_the_plugin_works_again() {
    let comet = Comet::start().await;
    let home = home(&comet, 2).plugin("other.wat", Plugin::answering("web_chat", "other").text());
    let bot = home.live().await;
    let metrics = Scraper::of(&bot).await;
    let mut client = Client::join(&comet, ["web_chat"]).await;
    client.send_all("web_chat", "msg", ["misbehave", "misbehave", "misbehave"]);
    let since = Instant::now();
    let line = bot.wait_for("the opening", opens).await;
    assert!(line.says("failed on 3 events in a row and gets none for 2 s, they wait"), "{}", line.raw);
    assert!(line.says("unreachable"), "the last failure is named: {}", line.raw);
    assert!(stands(&metrics.page().await, 2.0));
    client.send_all("web_chat", "msg", ["fine", "good"]);
    assert_eq!(
        client.next_lines(5).await,
        ["other misbehave", "other misbehave", "other misbehave", "other fine", "other good"]
    );
    let report = report(&home).await;
    assert_eq!((&report["state"], &report["breaker"]["state"]), (&"running".into(), &"open".into()), "{report}");
    assert!((1..=2).contains(&report["breaker"]["next_try_seconds"].as_u64().unwrap()), "{report}");
    let table = home.run(["plugins"]).await.out;
    assert!(table.contains("rogue   breaker open") && table.contains("next try in"), "{table}");
    assert_eq!(client.next_lines(4).await, ["before fine", "echo fine", "before good", "echo good"]);
    assert!(since.elapsed() >= Duration::from_millis(1900), "{:?}", since.elapsed());
    bot.wait_until_it_says("breaker half-open").await;
    bot.wait_until_it_says("breaker closed").await;
    metrics.until("the closed breaker", |page| stands(page, 0.0)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_then_opens_it_for_twice_as_long() {
    let comet = Comet::start().await;
    let home = home(&comet, 1);
    let bot = home.live().await;
    let client = Client::join(&comet, []).await;
    client.send_all("web_chat", "msg", ["misbehave"; 10]);
    let lines = bot.wait_for_all("two openings", 2, opens).await;
    assert!(lines[1].says("failed on 4 events in a row and gets none for 2 s"), "{}", lines[1].raw);
    let report = report(&home).await;
    assert_eq!(
        (&report["failed"], &report["quarantined"], &report["waiting_events"]),
        (&4.into(), &4.into(), &6.into())
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_version_closes_it() {
    let comet = Comet::start().await;
    let home = home(&comet, 3600);
    let bot = home.live().await;
    let metrics = Scraper::of(&bot).await;
    let mut client = Client::join(&comet, ["web_chat"]).await;
    client.send_all("web_chat", "msg", ["misbehave", "misbehave", "misbehave", "one", "two"]);
    bot.wait_for("the opening", opens).await;
    home.rename_plugin("rogue.wat", Plugin::answering("web_chat", "better").text());
    bot.replaced("rogue").await;
    assert_eq!(client.next_lines(2).await, ["better one", "better two"]);
    metrics.until("the closed breaker", |page| stands(page, 0.0)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_when_the_bot_stops_is_kept() {
    let comet = Comet::start().await;
    let home = home(&comet, 3600).plugin("witness.wat", Plugin::answering("web_chat", "witness").text());
    let bot = home.live().await;
    let mut client = Client::join(&comet, ["web_chat"]).await;
    client.send_all("web_chat", "msg", ["misbehave", "misbehave", "misbehave"]);
    bot.wait_for("the opening", opens).await;
    client.send_all("web_chat", "msg", ["one", "two"]);
    assert_eq!(client.next_lines(5).await[3..], ["witness one", "witness two"], "they have arrived");
    let ended = bot.stop().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.took < Duration::from_secs(5), "{ended:?}");
    assert!(ended.err.contains("what waited goes to quarantine untried"), "{}", ended.err);
    // Another bot that is as good looks at them.
    home.rename_plugin("rogue.wat", Plugin::answering("web_chat", "better").text());
    let _bot = home.live().await;
    let listed = home.run(["quarantine", "list", "rogue"]).await.out;
    let untried =
        listed.lines().filter(|line| line.contains("it was not tried: the plugin had failed on 3 events in a row"));
    assert_eq!(untried.count(), 2, "{listed}");
    assert_eq!(home.run(["quarantine", "redrive", "rogue"]).await.code, Some(0));
    let lines = client.next_lines(5).await;
    assert_eq!(lines[3..], ["better one", "better two"]);
}
