//! The plugin folder is the user interface: what is put there is live, what is taken away is gone, and what does not run
//! replaces nothing.

use cometbot_tests::{Client, Comet, Home, Plugin};

fn answering(word: &str) -> String {
    Plugin::answering("web_chat", word).text()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_added_changed_and_deleted_is_followed() {
    let comet = Comet::start().await;
    let home = Home::at(&comet);
    let mut bot = home.live().await;
    let mut client = Client::join(&comet, ["web_chat"]).await;

    home.write_plugin("word.wat", answering("first"));
    bot.started("word").await;
    comet.subscribed("web_chat", 2).await;
    assert_eq!(client.ask("web_chat", "a").await, "first a");

    home.write_plugin("word.wat", answering("second"));
    bot.replaced("word").await;
    assert_eq!(client.ask("web_chat", "b").await, "second b");

    bot.forget();
    home.rename_plugin("word.wat", answering("third"));
    bot.replaced("word").await;
    assert_eq!(client.ask("web_chat", "c").await, "third c");

    home.delete_plugin("word.wat");
    bot.wait_for("the removal", |line| line.of("word") && line.says("plugin removed")).await;
    comet.subscribed("web_chat", 1).await;
    client.send_and_wait("web_chat", "msg", "d").await;
    assert_eq!(client.rest(), []);

    bot.forget();
    home.rename_plugin("word.wat", answering("fourth"));
    bot.started("word").await;
    comet.subscribed("web_chat", 2).await;
    assert_eq!(client.ask("web_chat", "e").await, "fourth e");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_written_piece_by_piece_is_taken_when_it_is_whole() {
    use std::io::Write as _;
    let comet = Comet::start().await;
    let home = Home::at(&comet).plugin("word.wat", answering("old"));
    let bot = home.live().await;
    let text = answering("new");
    let (beginning, end) = text.split_at(text.len() / 2);
    let mut file = std::fs::File::create(home.plugins().join("word.wat")).unwrap();
    file.write_all(beginning.as_bytes()).unwrap();
    file.flush().unwrap();
    // Half a file may be looked at and refused; the old version goes on meanwhile.
    let mut client = Client::join(&comet, ["web_chat"]).await;
    assert_eq!(client.ask("web_chat", "a").await, "old a");
    file.write_all(end.as_bytes()).unwrap();
    drop(file);
    bot.replaced("word").await;
    assert_eq!(client.ask("web_chat", "b").await, "new b");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_cannot_run_never_replaces_the_one_that_runs() {
    let comet = Comet::start().await;
    let home = Home::at(&comet).plugin("word.wat", answering("good"));
    let mut bot = home.live().await;
    let mut client = Client::join(&comet, ["web_chat"]).await;
    for (bad, why) in [
        ("(module (oops))".to_owned(), "does not assemble"),
        (String::new(), "an empty file"),
        (Plugin::new().setup("unreachable").text(), "its `setup` failed"),
        (Plugin::new().setup(r#"(return (call $fail "not today"))"#).text(), "it refuses to run: not today"),
        (Plugin::new().hears("web chat", []).text(), "`setup` asks in `hear` for what cannot be"),
        (Plugin::new().import(r#"(import "env" "print" (func))"#).text(), "env"),
    ] {
        bot.forget();
        home.rename_plugin("word.wat", bad);
        let line = bot.rejected("word").await;
        assert!(line.says("the old version goes on") && line.says(why), "{}", line.raw);
        assert_eq!(client.ask("web_chat", why).await, format!("good {why}"));
    }
    home.rename_plugin("word.wat", answering("better"));
    bot.replaced("word").await;
    assert_eq!(client.ask("web_chat", "x").await, "better x");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_does_not_run_at_first_runs_when_it_is_mended() {
    let comet = Comet::start().await;
    let home = Home::at(&comet).plugin("word.wat", "(module");
    let bot = home.live().await;
    bot.rejected("word").await;
    home.write_plugin("word.wat", answering("mended"));
    bot.started("word").await;
    comet.subscribed("web_chat", 1).await;
    let mut client = Client::join(&comet, ["web_chat"]).await;
    assert_eq!(client.ask("web_chat", "x").await, "mended x");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_content_again_is_no_reload() {
    let comet = Comet::start().await;
    let counting = Plugin::new()
        .hears("web_chat", ["msg"])
        .sends("web_chat")
        .function("(global $events (mut i64) (i64.const 0))")
        .handle(
            r#"(global.set $events (i64.add (global.get $events) (i64.const 1)))
        (call $send "web_chat" "number" (call $decimal (global.get $events)))"#,
        );
    let home = Home::at(&comet).set("log", "level = \"debug\"").plugin("counting.wat", counting.text());
    let bot = home.live().await;
    let mut client = Client::join(&comet, ["web_chat"]).await;
    assert_eq!(client.ask("web_chat", "x").await, "number 1");
    home.rename_plugin("counting.wat", counting.text());
    bot.wait_for("the same content to be noticed", |line| line.of("counting") && line.says("runs already")).await;
    assert_eq!(client.ask("web_chat", "x").await, "number 2", "its memory is still there");
    assert_eq!(bot.lines(|line| line.says("plugin replaced")).len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_files_of_one_name_one_is_taken_and_the_other_is_named() {
    let comet = Comet::start().await;
    let binary = Plugin::answering("web_chat", "binary").binary();
    let home = Home::at(&comet).plugin("word.wat", answering("text")).plugin("word.wasm", binary);
    let bot = home.live().await;
    let line = bot.wait_until_it_says("another file has the same name with the other ending: remove one").await;
    assert!(line.is("WARN") && line.field("file").ends_with("word.wat"), "{}", line.raw);
    let mut client = Client::join(&comet, ["web_chat"]).await;
    assert_eq!(client.ask("web_chat", "a").await, "binary a");
    home.delete_plugin("word.wasm");
    bot.replaced("word").await;
    assert_eq!(client.ask("web_chat", "b").await, "text b");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_under_load_loses_and_doubles_no_event_and_keeps_the_order() {
    const EVENTS: usize = 3000;
    const VERSIONS: usize = 5;
    let comet = Comet::start().await;
    let home = Home::at(&comet).plugin("word.wat", answering("version0"));
    let mut bot = home.live().await;
    let mut client = Client::join(&comet, ["web_chat"]).await;
    let numbers: Vec<String> = (0..EVENTS).map(|number| number.to_string()).collect();
    let mut heard = Vec::new();
    for (version, part) in numbers.chunks(EVENTS / VERSIONS).enumerate() {
        client.send_all("web_chat", "msg", part.iter().map(String::as_str));
        bot.forget();
        home.rename_plugin("word.wat", answering(&format!("version{}", version + 1)));
        bot.replaced("word").await;
        heard.extend(client.next_lines(part.len()).await);
    }
    let data: Vec<&str> = heard.iter().map(|line| line.split_once(' ').unwrap().1).collect();
    assert_eq!(data, numbers);
    let versions: Vec<&str> = heard.iter().map(|line| line.split_once(' ').unwrap().0).collect();
    assert!(versions.is_sorted(), "an old version answered after a new one");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_plugin_by_its_name_is_left_alone() {
    let comet = Comet::start().await;
    let home = Home::at(&comet)
        .plugin("README.md", "read me")
        .plugin(".hidden.wat", "(module")
        .plugin("half.wasm.part", "half")
        .plugin("two words.wat", answering("two"))
        .plugin("word.wat", answering("one"));
    std::fs::create_dir(home.plugins().join("folder.wasm")).unwrap();
    let bot = home.live().await;
    let line = bot.wait_until_it_says("not taken as a plugin").await;
    assert!(line.field("file").ends_with("two words.wat") && line.says("rename it"), "{}", line.raw);
    assert_eq!(bot.troubles().len(), 1);
}

/// Loops for as long as it may when told to, after it has said so in the log.
fn hanging() -> Plugin {
    Plugin::rogue(r#"(call $log (i32.const 2) "" "here I hang") (loop $again (br $again))"#).writes_log()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_that_hangs_does_not_hold_up_the_files_of_others() {
    let comet = Comet::start().await;
    for is_deleted in [false, true] {
        let home = Home::at(&comet)
            .set("defaults", "time-per-event-ms = 60000")
            .set("service", "drain-seconds = 1")
            .plugin("hanging.wat", hanging().text());
        let bot = home.live().await;
        let mut client = Client::join(&comet, ["web_chat", "web_other"]).await;
        client.send("web_chat", "msg", "misbehave");
        bot.wait_until_it_says("here I hang").await;
        if is_deleted {
            home.delete_plugin("hanging.wat");
        } else {
            home.rename_plugin("hanging.wat", answering("better"));
        }
        home.write_plugin("other.wat", Plugin::answering("web_other", "other").text());
        bot.started("other").await;
        comet.subscribed("web_other", 2).await;
        assert_eq!(client.ask("web_other", "x").await, "other x");
        // And one that comes later, whether the two came together or not.
        home.write_plugin("third.wat", Plugin::answering("web_other", "third").text());
        bot.started("third").await;
        let ended = bot.stop().await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.took < std::time::Duration::from_secs(5), "{ended:?}");
        comet.subscribed("web_other", 1).await;
    }
}
