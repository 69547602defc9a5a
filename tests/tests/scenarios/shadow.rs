//! A candidate beside the version that runs: it hears the same, what it would send does not leave, and where it differs is
//! told.

use cometbot_tests::{Client, Comet, Home, Plugin, within};
use serde_json::Value;

/// Answers each message; the candidate answers `odd` differently and fails on `bad`.
fn candidate() -> Plugin {
    Plugin::new().hears("web_chat", ["msg"]).sends("web_chat").handle(
        r#"(if (call $is (local.get $data) (local.get $data_bytes) "bad") (then (unreachable)))
        (if (call $is (local.get $data) (local.get $data_bytes) "odd")
          (then (call $send (local.get $pipe) (local.get $pipe_bytes) "new" "otherwise"))
          (else (call $send (local.get $pipe) (local.get $pipe_bytes) "word" (local.get $data) (local.get $data_bytes))))"#,
    )
}

/// What `cometbot plugins` says of the candidate, once it has been compared on so many events.
async fn compared(home: &Home, events: u64) -> Value {
    let look = async {
        loop {
            let ended = home.run(["--json", "plugins", "word"]).await;
            assert_eq!(ended.code, Some(0), "{ended:?}");
            let report: Value = serde_json::from_str(&ended.out).unwrap();
            if report["candidate"]["compared"].as_u64().unwrap() >= events {
                return report["candidate"].clone();
            }
        }
    };
    within("the candidate's comparison", look).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_candidate_is_compared_on_live_events_without_effect_and_takes_over_when_it_is_promoted() {
    let comet = Comet::start().await;
    let home = Home::at(&comet).plugin("word.wat", Plugin::answering("web_chat", "word").text());
    std::fs::write(home.path().join("new.wat"), candidate().text()).unwrap();
    let bot = home.live().await;
    let ended = home.run(["shadow", "word", "new.wat"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");

    let mut client = Client::join(&comet, ["web_chat"]).await;
    let messages = ["a", "odd", "b", "bad", "c"];
    client.send_all("web_chat", "msg", messages);
    assert_eq!(
        client.next_lines(5).await,
        messages.map(|message| format!("word {message}")),
        "the running one answers"
    );
    let candidate = compared(&home, 5).await;
    assert_eq!((&candidate["different"], &candidate["failed"]), (&2.into(), &1.into()), "{candidate}");
    let last = candidate["last_difference"].as_str().unwrap();
    assert!(last.contains("the candidate fails: it trapped"), "{last}");
    let line = bot.wait_until_it_says("the candidate does otherwise").await;
    assert!(line.says(r#"sends web_chat word: "odd"; the candidate web_chat new: "otherwise""#), "{}", line.raw);
    assert_eq!(client.rest(), [], "nothing of the candidate has left");

    let ended = home.run(["promote", "word"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    bot.replaced("word").await;
    assert_eq!(client.ask("web_chat", "odd").await, "new otherwise");
    // It is the plugin's file now.
    let file = std::fs::read_to_string(home.plugins().join("word.wat")).unwrap();
    assert_eq!(file, self::candidate().text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_that_is_set_so_runs_every_new_version_beside_first() {
    let comet = Comet::start().await;
    let home = Home::at(&comet)
        .set("plugin.word", "shadow = true")
        .plugin("word.wat", Plugin::answering("web_chat", "word").text());
    let bot = home.live().await;
    let mut client = Client::join(&comet, ["web_chat"]).await;
    home.rename_plugin("word.wat", candidate().text());
    bot.wait_until_it_says("a candidate runs beside").await;
    assert_eq!(client.ask("web_chat", "odd").await, "word odd");
    assert_eq!(compared(&home, 1).await["different"], 1);
    // A reload by hand changes nothing in that.
    assert_eq!(home.run(["reload", "word", "--wait"]).await.code, Some(0));
    assert_eq!(client.ask("web_chat", "odd").await, "word odd");
    let ended = home.run(["promote", "word"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    bot.replaced("word").await;
    assert_eq!(client.ask("web_chat", "odd").await, "new otherwise");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_candidate_begins_with_what_the_running_version_knows() {
    let comet = Comet::start().await;
    let home = Home::at(&comet).plugin("word.wat", Plugin::counting(&["web_a"], "count").text());
    // Another file that does the same.
    let text = format!("{}\n;; the same", Plugin::counting(&["web_a"], "count").text());
    std::fs::write(home.path().join("new.wat"), text).unwrap();
    let _bot = home.live().await;
    let mut client = Client::join(&comet, ["web_a", "web_told"]).await;
    client.send_all("web_a", "msg", ["1", "2", "3"]);
    client.next_lines(3).await;
    assert_eq!(home.run(["shadow", "word", "new.wat"]).await.code, Some(0));
    client.send("web_ask", "msg", "");
    assert_eq!(client.next_lines(1).await, ["count 3"]);
    assert_eq!(compared(&home, 1).await["different"], 0, "it has counted to three as well");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_candidate_that_cannot_run_is_refused_and_one_that_is_not_wanted_any_more_goes() {
    let comet = Comet::start().await;
    let home = Home::at(&comet).plugin("word.wat", Plugin::answering("web_chat", "word").text());
    std::fs::write(home.path().join("bad.wat"), "(module (oops))").unwrap();
    std::fs::write(home.path().join("new.wat"), candidate().text()).unwrap();
    let _bot = home.live().await;
    let ended = home.run(["shadow", "word", "bad.wat"]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.err.contains("does not assemble"), "{ended:?}");
    assert_eq!(home.run(["shadow", "word", "--stop"]).await.code, Some(1), "there is none");
    assert_eq!(home.run(["shadow", "word", "new.wat"]).await.code, Some(0));
    assert_eq!(home.run(["shadow", "word", "--stop"]).await.code, Some(0));
    let ended = home.run(["promote", "word"]).await;
    assert!(ended.err.contains("no candidate runs beside word"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_candidate_may_ask_no_more_than_was_granted() {
    let comet = Comet::start().await;
    let home =
        Home::at(&comet).granting("word", "web_chat").plugin("word.wat", Plugin::answering("web_chat", "word").text());
    let curious = Plugin::new()
        .hears("web_chat", ["msg"])
        .sends("web_*")
        .counts("web_chat")
        .handle(r#"(call $tell_count (local.get $pipe) (local.get $pipe_bytes))"#);
    std::fs::write(home.path().join("new.wat"), curious.text()).unwrap();
    let _bot = home.live().await;
    assert_eq!(home.run(["shadow", "word", "new.wat"]).await.code, Some(0));
    let mut client = Client::join(&comet, ["web_chat"]).await;
    assert_eq!(client.ask("web_chat", "x").await, "word x");
    let candidate = compared(&home, 1).await;
    // It was told so, could not send that to web_told either, and failed on it.
    let last = candidate["last_difference"].as_str().unwrap();
    assert!(last.contains("the candidate fails"), "{last}");
}
