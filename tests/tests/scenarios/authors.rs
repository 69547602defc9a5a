//! What an author does: a new folder, a build, its tests, changes while the bot runs; and what they are told when
//! something is wrong. In WebAssembly text, which needs no tools; the conformance suite does it in every language.

use std::fs;

use cometbot_tests::{Client, Comet, Ended, Home};

/// A home in whose plugin folder there is the source of a plugin called `hello`.
async fn home_with_source(home: Home) -> Home {
    let made = home.run(["new", "--lang", "wat", "plugins/hello"]).await;
    assert_eq!(made.code, Some(0), "{made:?}");
    home
}

fn change(home: &Home, text: &str, instead: &str) {
    let source = home.plugins().join("hello/plugin.wat");
    let old = fs::read_to_string(&source).unwrap();
    assert!(old.contains(text), "{old}");
    fs::write(source, old.replace(text, instead)).unwrap();
}

fn fails(ended: &Ended, code: i32, words: &str) {
    assert_eq!(ended.code, Some(code), "{ended:?}");
    assert!(format!("{}{}", ended.out, ended.err).contains(words), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_plugin_builds_passes_its_tests_and_runs() {
    let comet = Comet::start().await;
    let home = home_with_source(Home::at(&comet)).await;
    let built = home.run(["build", "plugins"]).await;
    assert_eq!(built.code, Some(0), "{built:?}");
    assert!(built.out.starts_with("hello: ") && built.out.contains("plugins/hello.wasm, "), "{built:?}");
    let tested = home.run(["test", "plugins/hello"]).await;
    assert!(tested.out.contains("hello: ok      a stranger is greeted\n"), "{tested:?}");
    assert!(tested.out.ends_with("4 passed, 0 failed\n") && tested.code == Some(0), "{tested:?}");
    assert!(tested.err.contains("greeting with \"hello\""), "its own log is shown: {tested:?}");
    let _bot = home.live().await;
    let mut client = Client::join(&comet, ["web_chat"]).await;
    assert_eq!(client.ask("web_chat", "!hello").await, "bot hello, stranger! That was greeting number 1.");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_saved_source_is_built_and_the_running_bot_takes_it_up() {
    let comet = Comet::start().await;
    let home = home_with_source(Home::at(&comet)).await;
    let dev = home.spawn(["dev", "plugins/hello"]);
    dev.wait_until_it_says("watching").await;
    let bot = home.live().await;
    let mut client = Client::join(&comet, ["web_chat"]).await;
    assert_eq!(client.ask("web_chat", "!hello").await, "bot hello, stranger! That was greeting number 1.");
    change(&home, "\"! That was greeting number \"", "\"! This is greeting number  \"");
    bot.replaced("hello").await;
    assert_eq!(client.ask("web_chat", "!hello").await, "bot hello, stranger! This is greeting number  1.");
    // A mistake is shown with its place, and what runs goes on.
    change(&home, "(memory (export", "(memry (export");
    dev.wait_for_output("the mistake", |line| line.raw.contains("hello: not built: ")).await;
    dev.wait_for_output("its place", |line| line.raw.contains("plugin.wat:")).await;
    assert_eq!(client.ask("web_chat", "!hello").await, "bot hello, stranger! This is greeting number  2.");
    change(&home, "(memry (export", "(memory (export");
    dev.wait_for_output("the next build", |line| line.raw.contains(", as it was")).await;
    assert_eq!(dev.stop().await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bot_can_run_in_the_same_terminal() {
    let comet = Comet::start().await;
    let home = home_with_source(Home::at(&comet)).await;
    let dev = home.spawn(["dev", "--run", "plugins"]);
    dev.wait_until_it_says("live: events reach the plugins").await;
    let mut client = Client::join(&comet, ["web_chat"]).await;
    assert_eq!(client.ask("web_chat", "!hello").await, "bot hello, stranger! That was greeting number 1.");
    // An author's plugin may want more with each save, and says so in its manifest.
    let manifest = "hear = [\"web_room\"]\nsend = [\"web_room\"]\n";
    fs::write(home.plugins().join("hello/manifest.toml"), manifest).unwrap();
    change(&home, "\"web_chat\"", "\"web_room\"");
    dev.replaced("hello").await;
    let ended = dev.stop().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.err.contains("\"stopped\""), "the bot ends in order: {ended:?}");
}

#[tokio::test]
async fn a_test_that_fails_says_what_was_sent_instead() {
    let home = home_with_source(Home::new()).await;
    change(&home, "\"stranger\"", "\"somebody\"");
    let ended = home.run(["test", "plugins/hello"]).await;
    fails(&ended, 1, "hello: FAILED  a stranger is greeted\n    expected: web_chat bot: \"hello, stranger!");
    fails(&ended, 1, "\n    sent:     web_chat bot: \"hello, somebody!");
    fails(&ended, 1, "\n3 passed, 1 failed\n");
    let ended = home.run(["--json", "test", "plugins/hello"]).await;
    let case: Vec<serde_json::Value> = ended.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&case[1]["ok"], &case[1]["sent"][0]["pipe"]), (&false.into(), &"web_chat".into()), "{ended:?}");
}

#[tokio::test]
async fn a_case_can_expect_a_failure_and_the_next_finds_a_new_instance() {
    let home = home_with_source(Home::new()).await;
    // The unreachable end of a greeting: the answer to a stranger is a trap.
    change(&home, "(else (call $put", "(else (unreachable) (call $put");
    let test = r#"
        [[case]]
        name = "a stranger is its end"
        event = { pipe = "web_chat", name = "msg", data = "!hello" }
        fails = "unreachable"
        [[case]]
        name = "a user is greeted by a new one"
        event = { pipe = "web_chat", name = "msg", data = "!hello", user-id = 7 }
        sends = [{ pipe = "web_chat", event = "bot", message = "hello, user 7! That was greeting number 1." }]
    "#;
    fs::write(home.plugins().join("hello/test.toml"), test).unwrap();
    let ended = home.run(["test", "plugins/hello"]).await;
    assert!(ended.out.ends_with("2 passed, 0 failed\n"), "{ended:?}");
}

#[tokio::test]
async fn mistakes_of_the_command_line_are_told_with_what_to_do() {
    let home = Home::new();
    fails(
        &home.run(["new", "--lang", "cobol", "x"]).await,
        2,
        "there is no kit for `cobol`: there are kits for rust, c,",
    );
    fails(&home.run(["new", "--lang", "wat", "Hello"]).await, 2, "cannot be the name of a new plugin");
    fails(&home.run(["new", "--lang", "wat", "plugins"]).await, 2, "is there already");
    fails(&home.run(["build", "plugins"]).await, 2, "there is no plugin's source in plugins");
    fails(&home.run(["build", "nowhere"]).await, 2, "cannot look into nowhere");
    fails(&home.run(["doctor", "cobol"]).await, 2, "there is no kit for `cobol`");
}

#[tokio::test]
async fn what_is_missing_is_told_with_what_installs_it() {
    let home = Home::new().variable("PATH", "/nowhere").variable("HOME", "/nowhere");
    let ended = home.run(["doctor", "go", "wat"]).await;
    fails(&ended, 1, "go              missing  there is no Go\n");
    fails(&ended, 1, "wat             ready    cometbot itself");
    fails(&ended, 1, "plugins in Go cannot be built here");
    let report = home.run(["doctor"]).await;
    assert_eq!((report.code, report.out.matches(" missing ").count()), (Some(0), 10), "{report:?}");
    home.run(["new", "--lang", "go", "hello"]).await;
    fails(&home.run(["build", "hello"]).await, 1, "hello: not built: there is no Go");
}

#[tokio::test]
async fn a_folder_gets_the_kit_of_this_cometbot_on_demand() {
    let home = Home::new();
    home.run(["new", "--lang", "zig", "hello"]).await;
    let kit = home.path().join("hello/sdk/zig/cometbot.zig");
    fs::write(&kit, "old").unwrap();
    let ended = home.run(["new", "--renew-kit", "hello"]).await;
    assert!(ended.out.contains("hello: the kit for Zig is this cometbot's now"), "{ended:?}");
    assert_ne!(fs::read_to_string(kit).unwrap(), "old");
}
