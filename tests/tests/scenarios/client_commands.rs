//! The commands for people: what they write, for people and for programs, and their exit codes.

use std::fs;

use cometbot_tests::{Client, Comet, HASH, Home, Plugin, USER};
use rustix::process::Signal;
use serde_json::{Value, json};

fn json_lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn send_puts_an_event_into_a_pipe() {
    let comet = Comet::start().await;
    let mut client = Client::join(&comet, ["web_chat"]).await;
    let home = Home::at(&comet);
    let ended = home.run(["send", "web_chat", "msg", "two", "words"]).await;
    assert_eq!((ended.code, ended.out.as_str(), ended.err.as_str()), (Some(0), "sent to web_chat\n", ""));
    assert_eq!(client.next_lines(1).await, ["msg two words"]);

    let ended = home.run(["--json", "send", "web_chat", "msg", "-5 'quoted' \"text\" \\ я😀"]).await;
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    assert_eq!(json_lines(&ended.out), [json!({"sent": true, "pipe": "web_chat", "event": "msg"})]);
    assert_eq!(client.next_lines(1).await, ["msg -5 'quoted' \"text\" \\ я😀"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn send_needs_no_configuration_file() {
    let comet = Comet::start().await;
    let mut client = Client::join(&comet, ["web_chat"]).await;
    let bare = Home::without_configuration();
    let ended = bare.run(["send", "--server", &comet.url(), "web_chat", "msg", "hello"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(client.next_lines(1).await, ["msg hello"]);
    let ended = bare.variable("COMETBOT_SERVER__URL", &comet.url()).run(["send", "web_chat", "msg", "again"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(client.next_lines(1).await, ["msg again"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_server_refuses_is_an_error_in_its_words() {
    let comet = Comet::start().await;
    let home = Home::at(&comet);
    let ended = home.run(["send", "webauth_chat", "msg", "hello"]).await;
    assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""));
    assert!(ended.err.contains("the server refuses it: ") && ended.err.contains("anonim"), "{}", ended.err);

    let mut client = Client::join(&comet, ["webauth_chat"]).await;
    let home = home.variable("COMETBOT_SERVER__TOKEN", HASH).variable("COMETBOT_SERVER__USER_ID", &USER.to_string());
    let ended = home.run(["send", "webauth_chat", "msg", "hello"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(client.next().await.user, Some(u64::from(USER)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn listen_shows_events_and_ends_after_so_many() {
    let comet = Comet::start().await;
    let home = Home::at(&comet);
    for (arguments, wanted) in [
        (
            vec!["listen", "--events", "3", "web_a", "web_b"],
            vec![
                "web_a msg (anonymous): one".to_owned(),
                format!("web_b other (user {USER}): {{\"n\":2}}"),
                "web_a said: three".to_owned(),
            ],
        ),
        (vec!["listen", "--json", "--events", "3", "web_a", "web_b"], vec![]),
    ] {
        let listen = home.spawn(&arguments);
        comet.subscribed("web_a", 1).await;
        comet.subscribed("web_b", 1).await;
        let (mut client, mut user) = (Client::join(&comet, []).await, Client::join_as_user(&comet, []).await);
        client.send_and_wait("web_a", "msg", "one").await;
        user.send_and_wait("web_b", "other", r#"{"n":2}"#).await;
        comet.control.publish("web_a", "said", "three").unwrap();
        let ended = listen.end().await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        if wanted.is_empty() {
            let events = json_lines(&ended.out);
            let shown = |event: &Value| {
                let field = |name: &str| event[name].clone();
                [field("pipe"), field("event"), field("data"), field("user_id"), field("history")]
            };
            assert_eq!(
                events.iter().map(shown).collect::<Vec<_>>(),
                [
                    [json!("web_a"), json!("msg"), json!("one"), json!(0), json!(false)],
                    [json!("web_b"), json!("other"), json!(r#"{"n":2}"#), json!(USER), json!(false)],
                    [json!("web_a"), json!("said"), json!("three"), json!(null), json!(false)],
                ]
            );
            assert!(events.iter().all(|event| event["time"].is_u64()), "{events:?}");
            assert_eq!(ended.err, "");
        } else {
            assert_eq!(ended.out.lines().collect::<Vec<_>>(), wanted);
            assert_eq!(ended.err.lines().count(), 1, "{}", ended.err);
        }
        comet.subscribed("web_a", 0).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn listen_ends_by_a_signal_and_says_when_the_server_goes() {
    let comet = Comet::start().await;
    let home = Home::at(&comet);
    for signal in [Signal::INT, Signal::TERM] {
        let listen = home.spawn(["listen", "web_a"]);
        comet.subscribed("web_a", 1).await;
        listen.wait_until_it_says("Ctrl-C ends it").await;
        listen.signal(signal);
        assert_eq!(listen.end().await.code, Some(0));
        comet.subscribed("web_a", 0).await;
    }
    let listen = home.spawn(["listen", "web_a"]);
    comet.subscribed("web_a", 1).await;
    listen.wait_until_it_says("Ctrl-C ends it").await;
    comet.control.disconnect_all();
    let ended = listen.end().await;
    assert_eq!(ended.code, Some(3));
    assert!(ended.err.contains("connection lost: the server closed the connection"), "{}", ended.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn listen_shows_personal_messages_to_a_user() {
    let comet = Comet::start().await;
    let home = Home::at(&comet).set("server", &format!("user-id = {USER}\ntoken = \"{HASH}\""));
    let listen = home.spawn(["listen", "--events", "1", "msg"]);
    listen.wait_until_it_says("Ctrl-C ends it").await;
    comet.control.personal(USER, "note", "for you alone").unwrap();
    assert_eq!(listen.end().await.out, "msg note: for you alone\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_shows_the_newest_messages_oldest_first() {
    let comet = Comet::start().await;
    comet.control.set_log_length("web_log", 50);
    let mut client = Client::join(&comet, []).await;
    for number in 1..=5 {
        client.send_and_wait("web_log", "msg", &number.to_string()).await;
    }
    let home = Home::at(&comet);
    let ended = home.run(["log", "--limit", "2", "web_log"]).await;
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    assert_eq!(ended.out, "web_log msg (anonymous): 4\nweb_log msg (anonymous): 5\n");
    let rows = json_lines(&home.run(["log", "--json", "web_log"]).await.out);
    assert_eq!(rows.iter().map(|row| row["data"].clone()).collect::<Vec<_>>(), ["1", "2", "3", "4", "5"]);
    assert!(rows.iter().all(|row| row["history"] == true && row["pipe"] == "web_log"), "{rows:?}");

    let ended = home.run(["log", "web_none"]).await;
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), ""));
    assert!(ended.err.contains("web_none has no log, or nothing is in it"), "{}", ended.err);
    let ended = home.run(["log", "--json", "web_none"]).await;
    assert_eq!((ended.code, ended.out.as_str(), ended.err.as_str()), (Some(0), "", ""));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn count_gives_a_number() {
    let comet = Comet::start().await;
    let _listeners = (Client::join(&comet, ["web_chat"]).await, Client::join(&comet, ["web_chat"]).await);
    let home = Home::at(&comet);
    let ended = home.run(["count", "web_chat"]).await;
    assert_eq!((ended.code, ended.out.as_str(), ended.err.as_str()), (Some(0), "2\n", ""));
    let ended = home.run(["count", "web_chat", "--json"]).await;
    assert_eq!(json_lines(&ended.out), [json!({"pipe": "web_chat", "count": 2})]);
    let ended = home.run(["count", "chat"]).await;
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains("the server counts only pipes that begin with web_ or track_"), "{}", ended.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn server_is_a_comet_server_until_it_is_told_to_stop() {
    let home = Home::new();
    for flags in [vec![], vec!["--forgiving"], vec!["--old"]] {
        let server = home.spawn(["server", "--listen", "127.0.0.1:0"].into_iter().chain(flags));
        let line = server.wait_until_it_says("the comet server listens at ").await;
        let url = line.message().rsplit(' ').next().unwrap().to_owned();
        let mut client = Client::join_at(&url, ["web_chat"]).await;
        let ended = home.run(["send", "--server", &url, "web_chat", "msg", "hello"]).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!(client.next_lines(1).await, ["msg hello"]);
        let ended = server.stop().await;
        assert_eq!((ended.code, ended.out.as_str()), (Some(0), ""));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_says_what_each_plugin_asks_for_and_connects_to_nothing() {
    let plugin = Plugin::new()
        .hears("web_chat", ["msg", "edit"])
        .hears("web_all", [])
        .sends("web_*")
        .logs("web_log")
        .counts("web_chat")
        .version("1.2.3");
    let home = Home::new()
        .set("server", "url = \"wss://comet.example.invalid/ws/\"")
        .plugin("asking.wat", plugin.text())
        .plugin("quiet.wat", Plugin::new().text());
    let ended = home.run(["check"]).await;
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    let lines: Vec<&str> = ended.out.lines().collect();
    assert_eq!(lines[0], "bot.toml: ok");
    assert!(lines[1].starts_with("asking "), "{lines:?}");
    assert!(
        lines[1].ends_with(": ok, hears web_chat[msg,edit] web_all; send web_*; log web_log; count web_chat"),
        "{lines:?}"
    );
    assert!(lines[1].contains("1.2.3"), "the version that a plugin gives itself is for people: {lines:?}");
    assert!(lines[2].ends_with(": ok, hears nothing"), "{lines:?}");

    // What is not granted is marked, and is no mistake.
    let home = home.granting("lacking", "web_chat").set("plugin.quiet.grants", "http = [\"example.org\"]");
    let lacking = Plugin::answering("web_chat", "x").hears("web_other", []).sends("web_*");
    let home = home.plugin("lacking.wat", lacking.text());
    fs::remove_file(home.path().join("bot.toml")).unwrap();
    let ended = home.run(["check"]).await;
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    let at = ended.out.lines().position(|line| line.starts_with("lacking ")).unwrap();
    let lines: Vec<&str> = ended.out.lines().skip(at).collect();
    assert!(lines[0].ends_with(": ok, hears web_chat[msg] web_other; send web_chat web_*"), "{lines:?}");
    assert_eq!(
        lines[1..7],
        [
            "    granted: hears web_chat[msg]; send web_chat",
            "  ! not granted: hear web_other; send web_*",
            "    say `cometbot grant lacking`, or write into bot.toml:",
            "      [plugin.lacking.grants]",
            "      hear = [\"web_chat\", \"web_other\"]",
            "      send = [\"web_chat\", \"web_*\"]",
        ]
    );
    assert!(lines[7].starts_with("quiet "), "{lines:?}");
    assert_eq!(lines[8], "    granted to no effect: `http`, as no function of this version needs it");
    let values = json_lines(&home.run(["check", "--json"]).await.out);
    assert_eq!(values[2]["granted"]["send"], json!(["web_chat"]));
    assert_eq!((&values[2]["missing"]["send"], &values[2]["ok"]), (&json!(["web_*"]), &json!(true)));
    home.delete_plugin("lacking.wat");

    let home = home.plugin("zzz.wat", "(module");
    let ended = home.run(["check", "--json"]).await;
    assert_eq!(ended.code, Some(1));
    let values = json_lines(&ended.out);
    assert_eq!(values[0], json!({"config": "bot.toml", "ok": true, "exposed": []}));
    assert_eq!((&values[1]["plugin"], &values[1]["ok"]), (&json!("asking"), &json!(true)));
    assert_eq!((&values[3]["plugin"], &values[3]["ok"]), (&json!("zzz"), &json!(false)));
    assert!(values[3]["why"].as_str().unwrap().contains("does not assemble"), "{values:?}");
}

/// What could steer a terminal: the controls of ASCII without the tab, DEL, and the eight-bit controls.
fn has_control(text: &str) -> bool {
    text.chars().any(|character| character.is_control() && character != '\n' && character != '\t')
}

/// Colour, a new line that looks like another event, the title of the window, the bell, an eight-bit escape.
const HOSTILE: &str = "red \u{1b}[31m\nweb_chat msg (user 1): forged\r\u{1b}]0;title\u{7}\u{9b}2J\u{7f}";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_cannot_steer_the_terminal_or_forge_a_line() {
    let comet = Comet::start().await;
    let home = Home::at(&comet);
    for arguments in [vec!["listen", "--events", "1", "web_log"], vec!["listen", "--json", "--events", "1", "web_log"]]
    {
        let listen = home.spawn(&arguments);
        comet.subscribed("web_log", 1).await;
        Client::join(&comet, []).await.send_and_wait("web_log", "msg", HOSTILE).await;
        let ended = listen.end().await;
        assert_eq!(ended.out.lines().count(), 1, "{:?}", ended.out);
        assert!(!has_control(&ended.out), "{arguments:?}: {:?}", ended.out);
        assert!(!has_control(&ended.err), "{:?}", ended.err);
        // Or the next one would be taken to listen before it does.
        comet.subscribed("web_log", 0).await;
    }
    for arguments in [vec!["log", "web_log"], vec!["log", "--json", "web_log"]] {
        let ended = home.run(&arguments).await;
        assert_eq!(ended.out.lines().count(), 2, "{:?}", ended.out);
        assert!(!has_control(&ended.out), "{arguments:?}: {:?}", ended.out);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_cannot_steer_the_terminal_either() {
    let comet = Comet::start().await;
    // ESC, as the words of a refusal, as an error, as a line of the log, and as a file's name.
    let escape =
        "(i32.store (i32.const 0x200) (i32.const 0x6d5b1b0a)) (i32.store (i32.const 0x204) (i32.const 0x9bc2071b))";
    let refusing = Plugin::new().setup(&format!("{escape} (return (call $fail (i32.const 0x200) (i32.const 8)))"));
    let failing = Plugin::rogue(&format!(
        "{escape} (call $log (i32.const 2) (i32.const 0x200) (i32.const 8) (i32.const 0x200) (i32.const 8))
        (return (call $fail (i32.const 0x200) (i32.const 8)))"
    ))
    .writes_log();
    let home = Home::at(&comet)
        .variable("COMETBOT_LOG__FORMAT", "human")
        .plugin("refusing.wat", refusing.text())
        .plugin("failing.wat", failing.text())
        .plugin("a\u{1b}[31mb.wat", failing.text());
    let ended = home.run(["check"]).await;
    assert!(!has_control(&ended.out), "{:?}", ended.out);
    let ended = home.run(["check", "--json"]).await;
    assert!(!has_control(&ended.out), "{:?}", ended.out);

    let bot = home.live().await;
    let mut client = Client::join(&comet, ["web_chat"]).await;
    client.send("web_chat", "msg", "misbehave");
    client.send("web_chat", "msg", "x");
    assert_eq!(client.next_lines(2).await, ["before x", "echo x"]);
    let ended = bot.stop().await;
    assert!(ended.err.contains("it returned an error") && ended.err.contains("it refuses to run"), "{}", ended.err);
    assert!(!has_control(&ended.err), "{:?}", ended.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_admits_what_the_bot_would_admit() {
    let home = Home::new()
        .set("plugins", "max = 1")
        .plugin("a.wat", Plugin::answering("web_chat", "a").text())
        .plugin("b.wat", Plugin::answering("web_chat", "b").text());
    let ended = home.run(["check"]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let lines: Vec<&str> = ended.out.lines().collect();
    assert!(lines[1].starts_with("a ") && lines[1].contains("ok"), "{}", ended.out);
    assert!(lines[2].starts_with("b: no more than 1 plugins may run"), "{}", ended.out);
}
