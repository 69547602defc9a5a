//! Changes that meet one another: a plugin is removed, disabled or set up anew while a version of it is being tried.

use std::fs;

use cometbot::bot::{
    control::{Answer, Request},
    outcome::OutcomeKind,
};
use cometbot_tests::{Client, Comet, Home, Plugin, Process};

fn saying(word: &str) -> Plugin {
    Plugin::answering("web_chat", word)
}

/// Code that takes about this many turns.
fn turns(millions: u32) -> String {
    format!(
        "(local.set $n (i64.const {millions}000000)) \
         (loop $turn (local.set $n (i64.sub (local.get $n) (i64.const 1))) \
           (br_if $turn (i64.ne (local.get $n) (i64.const 0))))"
    )
}

/// A version that takes a while over each event.
fn slow(word: &str) -> Plugin {
    Plugin::new()
        .hears("web_chat", ["msg"])
        .sends("web_chat")
        .handle(&format!(r#"{} (call $send "web_chat" "{word}" (local.get $data) (local.get $data_bytes))"#, turns(60)))
}

/// A version that takes a while to be set up.
fn late(word: &str) -> Plugin {
    saying(word).setup(&format!("(local $n i64) {}", turns(400)))
}

fn word() -> String {
    "word".to_owned()
}

fn reload_of_word() -> Request {
    Request::Reload { plugin: Some(word()), wait: true, without_state: false }
}

async fn slow_home(comet: &Comet) -> (Home, Process, Client) {
    let home = Home::at(comet)
        .set("defaults", "time-per-event-ms = 5000\nprobation-events = 0")
        .plugin("word.wat", slow("old").text());
    let bot = home.live().await;
    let client = Client::join(comet, ["web_chat"]).await;
    (home, bot, client)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_that_comes_back_begins_when_what_waited_for_it_is_done() {
    let comet = Comet::start().await;
    let (home, bot, mut client) = slow_home(&comet).await;
    let said: Vec<String> = (0..30).map(|number| number.to_string()).collect();
    client.send_all("web_chat", "msg", said.iter().map(String::as_str));
    assert_eq!(client.next_lines(1).await, ["old 0"]);
    assert_eq!(home.run(["disable", "word"]).await.code, Some(0));
    home.rename_plugin("word.wat", saying("new").text());
    let enabled = home.run(["enable", "word"]).await;
    assert_eq!(enabled.code, Some(0), "{enabled:?}");
    let disabled = bot.wait_until_it_says("plugin disabled").await;
    let started = bot.wait_for_all("the new version", 2, |line| line.says("plugin started")).await;
    let started = started.last().unwrap();
    assert!(disabled.raw < started.raw, "{}\n{}", disabled.raw, started.raw);
    comet.subscribed("web_chat", 2).await;
    client.send("web_chat", "msg", "last");
    let lines = client.next_lines(30).await;
    let rest: Vec<String> = (1..30).map(|number| format!("old {number}")).chain(["new last".to_owned()]).collect();
    assert_eq!(lines, rest);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_waits_for_a_version_hears_that_its_plugin_was_disabled_meanwhile() {
    let comet = Comet::start().await;
    let (home, bot, _client) = slow_home(&comet).await;
    home.rename_plugin("word.wat", late("new").text());
    let disabled = async {
        // The reload has to be under way; if it is not yet, it is refused, which is an answer as well.
        home.ask(&Request::Plugins {}).await;
        home.ask(&Request::Disable { plugin: word() }).await
    };
    let reload = reload_of_word();
    let (reloaded, disabled) = tokio::join!(home.ask(&reload), disabled);
    assert!(matches!(disabled, Answer::Done { .. }), "{disabled:?}");
    match reloaded {
        Answer::Outcomes { outcomes, .. } => assert_eq!(outcomes[0].kind, OutcomeKind::Disabled),
        Answer::Refused { why } => assert!(why.contains("is disabled"), "{why}"),
        other => panic!("{other:?}"),
    }
    bot.wait_until_it_says("plugin disabled").await;
    // Nor does anybody wait in vain who wants an earlier version of what is disabled.
    let ended = home.run(["rollback", "word", "--wait"]).await;
    assert!(ended.code == Some(1) && ended.err.contains("is disabled"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_is_removed_once_also_if_a_version_of_it_was_being_tried() {
    let comet = Comet::start().await;
    let (home, bot, client) = slow_home(&comet).await;
    let said: Vec<String> = (0..40).map(|number| number.to_string()).collect();
    client.send_all("web_chat", "msg", said.iter().map(String::as_str));
    home.rename_plugin("word.wat", saying("new").setup("unreachable").text());
    home.delete_plugin("word.wat");
    bot.wait_until_it_says("plugin removed").await;
    let ended = home.run(["--json", "plugins"]).await;
    assert!(!ended.out.contains("word"), "{ended:?}");
    assert_eq!(bot.lines(|line| line.says("plugin removed")).len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_reloads_everything_hears_at_once_of_a_broken_file_that_is_gone() {
    let comet = Comet::start().await;
    let home = Home::at(&comet).plugin("word.wat", saying("word").text());
    let bot = home.live().await;
    home.rename_plugin("broken.wat", "(module (oops))");
    bot.rejected("broken").await;
    home.delete_plugin("broken.wat");
    let ended = home.run(["reload", "--wait"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_that_change_while_a_version_is_being_tried_do_not_bring_the_old_one_back() {
    let comet = Comet::start().await;
    let (home, bot, mut client) = slow_home(&comet).await;
    home.rename_plugin("word.wat", late("new").text());
    let changed = async {
        home.ask(&Request::Plugins {}).await;
        let file = home.path().join("bot.toml");
        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, text + "[plugin.word]\nmemory-mib = 8\n").unwrap();
        home.ask(&Request::Reload { plugin: None, wait: true, without_state: false }).await
    };
    let reload = reload_of_word();
    let (_, changed) = tokio::join!(home.ask(&reload), changed);
    assert!(matches!(changed, Answer::Outcomes { .. }), "{changed:?}");
    assert!(bot.lines(|line| line.says("plugin replaced")).len() <= 2);
    assert_eq!(client.ask("web_chat", "x").await, "new x");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_the_operator_went_back_from_stays_held_back_however_far_he_goes() {
    let comet = Comet::start().await;
    let home = Home::at(&comet).set("defaults", "probation-events = 0").plugin("word.wat", saying("one").text());
    let mut bot = home.live().await;
    for word in ["two", "three"] {
        bot.forget();
        home.rename_plugin("word.wat", saying(word).text());
        bot.replaced("word").await;
    }
    for _ in 0..2 {
        let ended = home.run(["rollback", "word", "--wait"]).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
    let mut client = Client::join(&comet, ["web_chat"]).await;
    assert_eq!(client.ask("web_chat", "x").await, "one x");
    assert_eq!(bot.stop().await.code, Some(0));
    let _bot = home.live().await;
    assert_eq!(client.ask("web_chat", "x").await, "one x");
}
