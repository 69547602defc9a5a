//! A changed bot.toml is applied at SIGHUP, as far as it can be while the bot runs, and refused whole if it is wrong.

use std::fs;

use cometbot_tests::{Client, Comet, Home, Plugin};
use rustix::process::Signal;

/// A plugin that answers, and writes a line into the log for each event.
fn talker() -> Plugin {
    Plugin::new().writes_log().hears("web_chat", ["msg"]).sends("web_chat").handle(
        r#"(call $log (i32.const 2) "" "an event")
        (call $send "web_chat" "answer" (local.get $data) (local.get $data_bytes))"#,
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_change_does_at_once_over_the_same_connection_and_the_rest_is_named() {
    let comet = Comet::start().await;
    let home = Home::at(&comet).set("log", "level = \"info,plugin=warn\"").plugin("talker.wat", talker().text());
    let bot = home.live().await;
    let mut client = Client::join(&comet, ["web_chat"]).await;
    client.send("web_chat", "msg", "before");
    assert_eq!(client.next_lines(1).await, ["answer before"]);
    assert!(bot.lines(|line| line.says("an event")).is_empty());

    let file = home.path().join("bot.toml");
    let text = fs::read_to_string(&file).unwrap();
    let changed = text.replace("info,plugin=warn", "info")
        + "[plugins]\nmax = 1\n[service]\noutbox-mib = 1\n[embedded]\nera = \"3.31\"\n";
    fs::write(&file, changed).unwrap();
    bot.signal(Signal::HUP);
    let waits = bot.wait_until_it_says("apply only after a restart").await;
    assert!(waits.is("WARN") && waits.says(": embedded.era, service.outbox-mib"), "{}", waits.raw);
    let applied = bot.wait_until_it_says("bot.toml was read anew and is applied: plugins.max, log.level").await;
    assert!(applied.is("INFO"), "{}", applied.raw);
    client.send("web_chat", "msg", "after");
    assert_eq!(client.next_lines(1).await, ["answer after"]);
    bot.wait_until_it_says("an event").await;
    home.write_plugin("second.wat", talker().text());
    assert!(bot.rejected("second").await.says("no more than 1 plugins may run"));
    assert_eq!(bot.lines(|line| line.says("live: events reach the plugins")).len(), 1);
    assert_eq!(bot.stop().await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_with_a_mistake_changes_nothing_and_a_right_one_is_taken_afterwards() {
    let comet = Comet::start().await;
    let home = Home::at(&comet).plugin("talker.wat", talker().text());
    let mut bot = home.live().await;
    let mut client = Client::join(&comet, ["web_chat"]).await;
    let file = home.path().join("bot.toml");
    let text = fs::read_to_string(&file).unwrap();
    let wrong = text.replace("[log]\n", "[log]\nlevel = \"error\"\n") + "[plugins]\nmax = 0\n";
    fs::write(&file, wrong).unwrap();
    bot.signal(Signal::HUP);
    let refused = bot.wait_until_it_says("bot.toml is not applied, what runs goes on: ").await;
    assert!(refused.is("ERROR") && refused.says("`plugins.max`: it must be from 1 to 1000"), "{}", refused.raw);
    client.send("web_chat", "msg", "still there");
    assert_eq!(client.next_lines(1).await, ["answer still there"]);
    bot.wait_until_it_says("an event").await;

    bot.forget();
    fs::write(&file, &text).unwrap();
    bot.signal(Signal::HUP);
    bot.wait_until_it_says("bot.toml was read anew: nothing in it is to be applied").await;
    fs::remove_file(&file).unwrap();
    bot.signal(Signal::HUP);
    bot.wait_until_it_says("is not applied, what runs goes on: cannot read the configuration").await;
    assert_eq!(bot.stop().await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_whose_terms_change_goes_on_with_what_it_knows_and_others_are_not_touched() {
    let comet = Comet::start().await;
    let home = Home::at(&comet)
        .plugin("word.wat", Plugin::counting(&["web_a"], "count").text())
        .plugin("talker.wat", talker().text());
    let bot = home.live().await;
    let mut client = Client::join(&comet, ["web_a", "web_told"]).await;
    client.send_all("web_a", "msg", ["1", "2", "3"]);
    client.next_lines(3).await;
    // Saving the file is enough.
    let file = home.path().join("bot.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.clone() + "[plugin.word]\nmemory-mib = 8\n").unwrap();
    let replaced = bot.replaced("word").await;
    assert_eq!(replaced.field("state_bytes"), "8");
    client.send("web_ask", "msg", "");
    assert_eq!(client.next_lines(1).await, ["count 3"]);
    assert_eq!(bot.lines(|line| line.says("plugin replaced")).len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_applies_file_and_folder_and_says_what_it_could_not() {
    let comet = Comet::start().await;
    let home = Home::at(&comet).set("defaults", "probation-events = 0").plugin("word.wat", talker().text());
    let _bot = home.live().await;
    let file = home.path().join("bot.toml");
    let text = fs::read_to_string(&file).unwrap();
    // One write after the other; whatever the bot has noticed of itself by then is no different.
    fs::write(&file, text.clone() + "[service]\noutbox-mib = 1\n").unwrap();
    home.rename_plugin("word.wat", "(module (oops))");
    let ended = home.run(["reload", "--wait"]).await;
    assert!(ended.err.contains("`service.outbox-mib` waits for a restart of the bot"), "{ended:?}");
    let ended = home.run(["reload", "word", "--wait"]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.out.contains("word: rejected: its text does not assemble"), "{ended:?}");

    fs::write(&file, text + "[plugins]\nmax = 0\n").unwrap();
    let ended = home.run(["reload", "--wait"]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.err.contains("nothing is applied") && ended.err.contains("`plugins.max`"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_that_could_not_run_for_a_setting_runs_when_that_is_changed() {
    let comet = Comet::start().await;
    let home =
        Home::at(&comet).set("plugins", "max = 1").plugin("a.wat", talker().text()).plugin("b.wat", talker().text());
    let bot = home.live().await;
    assert!(bot.rejected("b").await.says("no more than 1 plugins may run"));
    home.delete_plugin("a.wat");
    bot.wait_for("the removal of a", |line| line.of("a") && line.says("plugin removed")).await;
    // There is room, but nothing tells of it: the settings of b change.
    let file = home.path().join("bot.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text + "[plugin.b]\nmemory-mib = 8\n").unwrap();
    bot.started("b").await;
}
