//! Events on which a plugin has failed are kept, shown, given to it again, and thrown away.

use cometbot_tests::{Client, Comet, Home, Plugin};
use serde_json::Value;

/// Fails on messages that say `misbehave`.
fn failing() -> Plugin {
    Plugin::rogue("(call $step_on_a_mine)").function("(func $step_on_a_mine unreachable)")
}

async fn listed(home: &Home) -> Vec<Value> {
    let ended = home.run(["--json", "quarantine", "list"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A bot whose plugin has failed on two events.
async fn failed(home: &Home, comet: &Comet) -> (cometbot_tests::Process, Client) {
    let bot = home.live().await;
    let mut client = Client::join(comet, ["web_chat"]).await;
    client.send_all("web_chat", "msg", ["misbehave", "misbehave", "fine"]);
    assert_eq!(client.next_lines(2).await, ["before fine", "echo fine"]);
    (bot, client)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_event_is_kept_with_its_reason_over_a_restart_and_handled_by_a_better_version() {
    let comet = Comet::start().await;
    let home = Home::at(&comet).plugin("rogue.wat", failing().text());
    let (bot, mut client) = failed(&home, &comet).await;
    assert_eq!(bot.stop().await.code, Some(0));

    let bot = home.live().await;
    let entries = listed(&home).await;
    assert_eq!(entries.len(), 2, "{entries:?}");
    assert_eq!(entries[0]["plugin"], "rogue");
    let id = entries[0]["id"].as_str().unwrap();
    let ended = home.run(["--json", "quarantine", "show", "rogue", id]).await;
    let entry: Value = serde_json::from_str(&ended.out).unwrap();
    assert!(entry["reason"].as_str().unwrap().contains("it trapped"), "{entry}");
    assert_eq!((&entry["event"]["pipe"], &entry["event"]["data"]), (&"web_chat".into(), &"misbehave".into()));
    assert_eq!(entry["backtrace"][0], "step_on_a_mine");

    home.rename_plugin("rogue.wat", Plugin::answering("web_chat", "better").text());
    bot.replaced("rogue").await;
    let ended = home.run(["quarantine", "redrive", "rogue"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(client.next_lines(2).await, ["better misbehave", "better misbehave"]);
    assert_eq!(listed(&home).await.len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_event_or_all_can_be_thrown_away_and_what_fails_again_comes_back() {
    let comet = Comet::start().await;
    let home = Home::at(&comet).plugin("rogue.wat", failing().text());
    let (bot, mut client) = failed(&home, &comet).await;
    let first = listed(&home).await[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(home.run(["quarantine", "drop", "rogue", &first]).await.code, Some(0));
    let left = listed(&home).await;
    assert_eq!(left.len(), 1);

    let ended = home.run(["quarantine", "redrive", "rogue"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    bot.wait_for_all("the third failure", 3, |line| line.says("failed on an event")).await;
    assert_eq!(client.ask("web_chat", "fine").await, "before fine");
    assert_eq!(client.next_lines(1).await, ["echo fine"]);
    let again = listed(&home).await;
    assert_eq!(again.len(), 1);
    assert_ne!(again[0]["id"], left[0]["id"]);

    assert_eq!(home.run(["quarantine", "drop", "rogue"]).await.code, Some(0));
    assert_eq!(listed(&home).await.len(), 0);
    let ended = home.run(["quarantine", "show", "rogue", &first]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn as_many_are_kept_as_are_wanted_the_newest_ones() {
    let comet = Comet::start().await;
    let home = Home::at(&comet)
        .set("defaults", "quarantine-events = 3\nretries = 0\nbreaker-failures = 0")
        .plugin("rogue.wat", Plugin::rogue("unreachable").text());
    let bot = home.live().await;
    let mut client = Client::join(&comet, ["web_chat"]).await;
    client.send_all("web_chat", "msg", ["misbehave"; 10]);
    client.send("web_chat", "msg", "the end");
    assert_eq!(client.next_lines(2).await, ["before the end", "echo the end"]);
    assert_eq!(listed(&home).await.len(), 3);
    drop(bot);
}
