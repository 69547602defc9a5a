//! What the bot subscribes to: exactly what its running plugins want to hear, sent again only when that changes.

use cometbot_tests::{Client, Comet, HASH, Home, Plugin, USER};

fn hearing(pipes: &[&str]) -> String {
    pipes.iter().fold(Plugin::new(), |plugin, pipe| plugin.hears(pipe, [])).text()
}

fn subscribers<const N: usize>(comet: &Comet, pipes: [&str; N]) -> [usize; N] {
    pipes.map(|pipe| comet.control.subscribers(pipe))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_the_union_of_what_plugins_want_to_hear() {
    const PIPES: [&str; 4] = ["web_a", "web_b", "web_c", "web_d"];
    let comet = Comet::start().await;
    // What nobody hears any more is let go when there is no way back to it.
    let home = Home::at(&comet)
        .set("defaults", "new-grants = \"grant\"\nprobation-events = 0")
        .plugin("one.wat", hearing(&["web_a", "web_b"]))
        .plugin("two.wat", hearing(&["web_b", "web_c"]));
    let _bot = home.live().await;
    assert_eq!(subscribers(&comet, PIPES), [1, 1, 1, 0]);
    home.rename_plugin("two.wat", hearing(&["web_b", "web_d"]));
    comet.subscribed("web_d", 1).await;
    assert_eq!(subscribers(&comet, PIPES), [1, 1, 0, 1]);
    home.delete_plugin("one.wat");
    comet.subscribed("web_a", 0).await;
    comet.subscribed("web_d", 1).await;
    assert_eq!(subscribers(&comet, PIPES), [0, 1, 0, 1]);
    home.delete_plugin("two.wat");
    comet.subscribed("web_b", 0).await;
    comet.subscribed("web_d", 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_sent_again_only_when_it_changes() {
    let comet = Comet::start().await;
    let plugin = |word: &str| Plugin::answering("web_chat", word).hears("track_room", []).text();
    // Whoever hears a track_ pipe is told of each subscription of others, also of one that changes nothing.
    let mut witness = Client::join(&comet, ["track_room"]).await;
    let home = Home::at(&comet).plugin("word.wat", plugin("one"));
    let mut bot = home.live().await;
    let mut client = Client::join(&comet, ["web_chat"]).await;
    assert_eq!(client.ask("web_chat", "x").await, "one x");
    assert_eq!(events(&mut witness).await, ["subscription"]);

    home.rename_plugin("word.wat", plugin("two"));
    bot.replaced("word").await;
    home.write_plugin("other.wat", hearing(&["track_room", "web_chat"]));
    bot.started("other").await;
    home.delete_plugin("other.wat");
    bot.wait_until_it_says("plugin removed").await;
    bot.forget();
    home.rename_plugin("word.wat", "not a plugin");
    bot.rejected("word").await;
    assert_eq!(client.ask("web_chat", "x").await, "two x");
    assert!(events(&mut witness).await.is_empty(), "nothing changed");

    home.write_plugin("another.wat", hearing(&["web_other"]));
    bot.started("another").await;
    comet.subscribed("web_other", 1).await;
    assert_eq!(events(&mut witness).await, ["unsubscription", "subscription"], "one more pipe is one more list");
}

/// The names of the events that have arrived, up to one that is published now.
async fn events(witness: &mut Client) -> Vec<String> {
    // The witness does not hear its own message, but what it sends comes behind all that it is told.
    witness.send_and_wait("web_nobody", "fence", "").await;
    witness.rest().into_iter().map(|heard| heard.event).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn personal_messages_come_by_login_and_are_never_subscribed() {
    let comet = Comet::start().await;
    let plugin = Plugin::new()
        .hears("msg", ["note"])
        .sends("web_told")
        .handle(r#"(call $send "web_told" "note" (local.get $data) (local.get $data_bytes))"#);
    let home = Home::at(&comet)
        .set("server", &format!("user-id = {USER}\ntoken = \"{HASH}\""))
        .plugin("personal.wat", plugin.text());
    let _bot = home.live().await;
    let mut told = Client::join(&comet, ["web_told"]).await;
    comet.control.personal(USER, "other", "not asked for").unwrap();
    comet.control.personal(USER, "note", "it's \"for\" you").unwrap();
    assert_eq!(told.next_lines(1).await, ["note it's \"for\" you"]);
    assert_eq!(comet.control.subscribers("msg"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn personal_messages_that_waited_for_the_login_are_heard() {
    let comet = Comet::start().await;
    for number in 0..3 {
        comet.control.personal(USER, "note", &number.to_string()).unwrap();
    }
    let plugin = Plugin::new().hears("msg", []).sends("web_told").handle(
        r#"(if (i32.eqz (local.get $history)) (then (unreachable)))
        (call $send "web_told" "note" (local.get $data) (local.get $data_bytes))"#,
    );
    let mut told = Client::join(&comet, ["web_told"]).await;
    let home = Home::at(&comet)
        .set("server", &format!("user-id = {USER}\ntoken = \"{HASH}\""))
        .plugin("personal.wat", plugin.text());
    let _bot = home.live().await;
    let mut lines = told.next_lines(3).await;
    lines.sort();
    assert_eq!(lines, ["note 0", "note 1", "note 2"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_private_pipe_of_an_anonymous_bot_costs_only_itself() {
    let comet = Comet::start().await;
    let home = Home::at(&comet).plugin("nosy.wat", hearing(&["aa", "private_room", "web_chat"]));
    let bot = home.live().await;
    bot.wait_until_it_says("pipes are for logged-in users only").await;
    assert_eq!(subscribers(&comet, ["aa", "private_room", "web_chat"]), [1, 0, 1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_events_that_were_asked_for_are_heard_and_each_once() {
    let comet = Comet::start().await;
    let echo = r#"(call $send "web_told" (local.get $name) (local.get $name_bytes) (local.get $data) (local.get $data_bytes))"#;
    let plugin = Plugin::new()
        .hears("web_chat", ["msg"])
        .hears("web_chat", ["edit", "msg"])
        .hears("web_all", [])
        .sends("web_told")
        .handle(echo);
    let home = Home::at(&comet).plugin("choosy.wat", plugin.text());
    let _bot = home.live().await;
    let mut told = Client::join(&comet, ["web_told"]).await;
    for (pipe, event) in [
        ("web_chat", "msg"),
        ("web_chat", "typing"),
        ("web_chat", "edit"),
        ("web_all", "any"),
        ("web_all", ""),
        ("web_chat", "msg"),
    ] {
        told.send(pipe, event, pipe);
    }
    assert_eq!(told.next_lines(5).await, ["msg web_chat", "edit web_chat", "any web_all", " web_all", "msg web_chat"]);
    assert_eq!(told.rest(), []);
}
