//! What a plugin may do: what it asked for and the operator has granted, in bot.toml or by command, and nothing else.

use std::fs;

use cometbot_tests::{Client, Comet, Ended, Home, Load, Plugin};
use rustix::process::Signal;

use crate::scrape::{SERVED, Scraper};

/// Answers each event of web_chat and of web_other there, with what became of a send to web_other.
fn nosy(word: &str) -> Plugin {
    Plugin::new().hears("web_chat", ["msg"]).hears("web_other", ["msg"]).sends("web_chat").sends("web_other").handle(
        &format!(
            r#"(call $try_send "web_other" "sent" "x" (i32.const 0x100))
            (if (i32.load8_u (i32.const 0x100))
              (then (call $send "web_chat" "{word}" (i32.load (i32.const 0x108)) (i32.load (i32.const 0x10c))))
              (else (call $send "web_chat" "{word}" "ok")))"#
        ),
    )
}

const DENIED: &str = "the operator has not granted to send to web_other: [plugin.nosy.grants] send = [\"web_other\"]";

async fn done(home: &Home, arguments: &[&str]) -> Ended {
    let ended = home.run(arguments).await;
    assert_eq!(ended.code, Some(0), "{arguments:?}: {ended:?}");
    ended
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_runs_with_what_is_granted_and_the_rest_is_refused_said_and_counted() {
    let comet = Comet::start().await;
    let home = Home::at(&comet).set("service", SERVED).granting("nosy", "web_chat");
    let home = home.plugin("nosy.wat", nosy("said").text());
    let bot = home.live().await;
    let line = bot.wait_until_it_says("not granted, and refused: hear web_other[msg]; send web_other;").await;
    assert!(line.is("WARN") && line.says("`cometbot grant nosy`"), "{}", line.raw);
    let lines = r#"[plugin.nosy.grants] hear = ["web_chat", "web_other"] send = ["web_chat", "web_other"]"#;
    assert!(line.message().ends_with(lines), "{}", line.raw);

    let mut client = Client::join(&comet, ["web_chat"]).await;
    assert_eq!(comet.control.subscribers("web_other"), 0, "what is not granted is not subscribed");
    for _ in 0..3 {
        assert_eq!(client.ask("web_chat", "x").await, format!("said {DENIED}"));
    }
    let scraper = Scraper::of(&bot).await;
    let counted = "cometbot_plugin_calls_refused_total{plugin=\"nosy\",verb=\"send\"}";
    scraper.until("three refused calls", |page| page.value(counted) == Some(3.0)).await;
    let refused = bot.lines(|line| line.says("a call was refused"));
    assert_eq!(refused.len(), 1, "the same call is said once a minute");
    let refused = &refused[0];
    let fields = ["plugin", "verb", "pipe"].map(|name| refused.field(name));
    assert!(refused.is("WARN") && fields == ["nosy", "send", "web_other"], "{}", refused.raw);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_granted_by_command_holds_over_a_restart_and_is_taken_back_at_once() {
    let comet = Comet::start().await;
    let home = Home::at(&comet).set("defaults", "probation-events = 0").granting("nosy", "web_chat");
    let home = home.plugin("nosy.wat", nosy("said").text());
    let bot = home.live().await;
    let mut client = Client::join(&comet, ["web_chat", "web_other"]).await;
    let ended = done(&home, &["grant", "nosy", "--wait"]).await;
    assert!(ended.out.starts_with("nosy: swapped to "), "{ended:?}");
    comet.subscribed("web_other", 2).await;
    client.send("web_other", "msg", "x");
    assert_eq!(client.next_lines(2).await, ["sent x", "said ok"]);
    let ended = home.run(["grant", "nosy"]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.err.contains("nosy has all that it asks for"), "{ended:?}");

    assert_eq!(bot.stop().await.code, Some(0));
    let bot = home.live().await;
    client.send("web_chat", "msg", "x");
    assert_eq!(client.next_lines(2).await, ["sent x", "said ok"]);

    let ended = done(&home, &["revoke", "nosy"]).await;
    let taken = "nosy: taken back: hear web_other[msg]; send web_other; what bot.toml grants stays\n";
    assert_eq!(ended.out, taken);
    client.send("web_chat", "msg", "x");
    assert_eq!(client.next_lines(1).await, [format!("said {DENIED}")]);
    comet.subscribed("web_other", 1).await;
    assert_eq!(home.run(["revoke", "nosy"]).await.code, Some(1));

    assert_eq!(bot.stop().await.code, Some(0));
    let _bot = home.live().await;
    client.send("web_chat", "msg", "x");
    assert_eq!(client.next_lines(1).await, [format!("said {DENIED}")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_asks_for_no_more_than_the_one_before_takes_over_and_gets_no_more() {
    let comet = Comet::start().await;
    let home = Home::at(&comet).set("defaults", "probation-events = 0").granting("nosy", "web_chat");
    let home = home.plugin("nosy.wat", nosy("one").text());
    let mut bot = home.live().await;
    let mut client = Client::join(&comet, ["web_chat"]).await;
    home.rename_plugin("nosy.wat", nosy("two").text());
    bot.replaced("nosy").await;
    assert_eq!(client.ask("web_chat", "x").await, format!("two {DENIED}"));
    home.rename_plugin("nosy.wat", nosy("three").counts("web_chat").text());
    let line = bot.wait_until_it_says("waits for you").await;
    assert!(line.says("hear web_other[msg]; send web_other; count web_chat"), "{}", line.raw);
    assert_eq!(client.ask("web_chat", "x").await, format!("two {DENIED}"));
    // What bot.toml grants is granted as well.
    bot.forget();
    let file = home.path().join("bot.toml");
    let text = fs::read_to_string(&file).unwrap();
    let wider = text.replace("[plugin.nosy.grants]\n", "[plugin.nosy.grants]\ncount = [\"web_*\"]\n");
    fs::write(&file, wider).unwrap();
    bot.signal(Signal::HUP);
    bot.replaced("nosy").await;
    assert_eq!(client.ask("web_chat", "x").await, format!("three {DENIED}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn grants_of_bot_toml_change_while_the_bot_runs_and_no_event_is_lost() {
    let comet = Comet::start().await;
    let pipes = ["web_a", "web_b"];
    let home = Home::at(&comet).granting("word", "web_*");
    let home = home.plugin("word.wat", Plugin::counting(&pipes, "word").counts("web_a").text());
    let bot = home.live().await;
    bot.wait_until_it_says("not granted, and refused: count web_a;").await;
    let file = home.path().join("bot.toml");
    let text = fs::read_to_string(&file).unwrap();
    let load = Load::start(&comet, pipes, 2_000).await;
    let wider = text.replace("[plugin.word.grants]\n", "[plugin.word.grants]\ncount = [\"*\"]\n");
    fs::write(&file, wider).unwrap();
    bot.signal(Signal::HUP);
    bot.wait_until_it_says("is applied: plugin.word.grants").await;
    bot.replaced("word").await;
    let book = load.finish().await;
    book.nothing_is_lost_doubled_or_reordered();
    let mut client = Client::join(&comet, ["web_told"]).await;
    client.send("web_ask", "msg", "");
    assert_eq!(client.next().await.data, book.sent.to_string(), "it was set up anew with its state");

    let narrower = text.replace("hear = [\"web_*\"]", "hear = [\"web_ask\"]");
    fs::write(&file, narrower).unwrap();
    bot.signal(Signal::HUP);
    comet.subscribed("web_a", 0).await;
    comet.subscribed("web_b", 0).await;
    assert_eq!(comet.control.subscribers("web_ask"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_word_in_bot_toml_a_plugin_may_do_nothing() {
    let comet = Comet::start().await;
    let home = Home::without_configuration()
        .variable("COMETBOT_SERVER__URL", &comet.url())
        .variable("COMETBOT_LOG__FORMAT", "json")
        .file("bot.toml", "")
        .plugin("nosy.wat", nosy("said").text());
    let bot = home.live().await;
    bot.started("nosy").await;
    assert_eq!(["web_chat", "web_other"].map(|pipe| comet.control.subscribers(pipe)), [0, 0]);
    bot.wait_until_it_says("not granted, and refused: hear web_chat[msg] web_other[msg]; send web_chat web_other")
        .await;
}

/// A plugin with a manifest, whose text is JSON.
fn announcing(plugin: &Plugin, manifest: &str) -> String {
    let text = plugin.text();
    let quoted = manifest.replace('"', "\\\"");
    text.replacen("(module", &format!("(module (@custom \"cometbot:manifest\" \"{quoted}\")"), 1)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_manifest_does_not_name_setup_may_not_ask_for() {
    let comet = Comet::start().await;
    let chat = r#"{"hear":["web_*"],"send":["web_chat"]}"#;
    let home = Home::at(&comet).plugin("word.wat", announcing(&Plugin::answering("web_chat", "one"), chat));
    let mut bot = home.live().await;
    let mut client = Client::join(&comet, ["web_chat"]).await;
    assert_eq!(client.ask("web_chat", "x").await, "one x");
    let more = Plugin::answering("web_chat", "more").sends("web_other").counts("web_chat");
    for (text, why) in [
        (
            announcing(&more, chat),
            "its `setup` asks for what its manifest does not name: send web_other; count web_chat:",
        ),
        (
            announcing(&more, r#"{"sent":[]}"#),
            "its manifest (section `cometbot:manifest`) cannot be read: unknown field",
        ),
        (announcing(&more, "hello"), "its manifest (section `cometbot:manifest`) cannot be read: "),
        (announcing(&announcing_twice(&more), "{}"), "it has several manifests"),
    ] {
        bot.forget();
        home.rename_plugin("word.wat", &text);
        let line = bot.rejected("word").await;
        assert!(line.says(why), "{}", line.raw);
        // Once more out of what is compiled already.
        let ended = home.run(["reload", "word", "--wait"]).await;
        assert!(ended.code == Some(1) && ended.out.contains(why), "{ended:?}");
    }
    assert_eq!(client.ask("web_chat", "x").await, "one x");
}

/// A plugin that has a manifest of its own already.
fn announcing_twice(plugin: &Plugin) -> Plugin {
    plugin.clone().import("(@custom \"cometbot:manifest\" \"{\\\"send\\\":[]}\")")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_shows_the_manifest_also_of_what_does_not_run() {
    let manifest = r#"{"hear":["web_*"],"http":["example.org"]}"#;
    let refusing = Plugin::new().setup(r#"(return (call $fail "not today"))"#);
    let home = Home::new().plugin("word.wat", announcing(&refusing, manifest));
    let ended = home.run(["check"]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let said = "word: it refuses to run: not today\n    manifest: hear web_*; http example.org\n";
    assert!(ended.out.ends_with(said), "{}", ended.out);
    let quiet = Plugin::new().hears("web_a", []);
    let home = Home::new().plugin("word.wat", announcing(&quiet, manifest));
    let ended = done(&home, &["check", "--json"]).await;
    let value: serde_json::Value = serde_json::from_str(ended.out.lines().last().unwrap()).unwrap();
    assert_eq!((&value["manifest"]["hear"][0], &value["ok"]), (&"web_*".into(), &true.into()), "{value}");
}
