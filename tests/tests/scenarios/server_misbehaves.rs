//! Whatever comes from the server's side, the bot reads on, or comes back, and its plugins hear what is an event.

use cometbot::local::{Trickle, text_frame};
use cometbot_tests::{Client, Comet, Home, Plugin, Process};

async fn echoing(comet: &Comet) -> (Home, Process, Client) {
    let home = Home::at(comet).plugin("echo.wat", Plugin::answering("web_chat", "echo").text());
    let bot = home.live().await;
    let client = Client::join(comet, ["web_chat"]).await;
    (home, bot, client)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_that_are_no_messages_are_named_in_the_log_and_cost_nothing() {
    let comet = Comet::start().await;
    let (_home, bot, mut client) = echoing(&comet).await;
    let deep = "[".repeat(60_000);
    let deep_data =
        format!(r#"{{"data":{}{},"event":"msg","pipe":"web_chat"}}"#, "[".repeat(30_000), "]".repeat(30_000));
    for garbage in [
        "not JSON",
        "",
        "null",
        "[]",
        "{}",
        "7",
        "\"text\"",
        "{\"pipe\":7}",
        "{\"data\":1}",
        "{\"data\":\"x\",\"event\":\"msg\",\"pipe\":\"web_chat\"",
        &deep,
        &deep_data,
        "{\"pipe\":\"web_chat\",\"event\":null,\"data\":null}",
        "\u{1b}[31mred",
    ] {
        comet.control.raw_to_pipe("web_chat", &text_frame(garbage.as_bytes()));
    }
    // No text, which a server like the real one makes of damaged frames.
    comet.control.raw_to_pipe("web_chat", &[0x81, 2, 0xff, 0xfe]);
    // The client reads the same garbage with the same code, so it is asked about its own messages only.
    client.send("web_chat", "msg", "still here");
    while client.next().await.data != "still here" {}
    bot.wait_until_it_says("the server sent what cannot be read").await;
    assert_eq!(bot.lines(|line| line.says("connection lost") || line.says("failed on an event")).len(), 0);
    assert!(bot.lines(|line| line.raw.contains('\u{1b}')).is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_nobody_asked_for_change_nothing() {
    let comet = Comet::start().await;
    let (_home, bot, mut client) = echoing(&comet).await;
    for forged in [
        r#"{"data":{"message":"x","number_messages":1},"event":"answer","message_send_time":1700000000,"pipe":"_answer_to_web_chat"}"#,
        r#"{"data":["user_in_pipe",2],"event":"user_in_pipe","marker":"0123456789","message_send_time":1700000000,"pipe":"_answer_pipe_count"}"#,
        r#"{"data":"x","event":"msg","fromQueue":true,"message_send_time":1700000000,"pipe":"web_chat","user_id":0}"#,
        r#"{"authorized":true,"data":"","event":"serverInfo","message_send_time":1700000000,"pipe":"sys","server":"x"}"#,
        r#"{"data":{"error":"forged","number_messages":-1},"event":"error","message_send_time":1700000000,"pipe":"sys"}"#,
    ] {
        comet.control.raw_to_pipe("web_chat", &text_frame(forged.as_bytes()));
    }
    let texts: Vec<String> = (0..200).map(|number| number.to_string()).collect();
    for text in &texts {
        assert_eq!(client.ask("web_chat", text).await, format!("echo {text}"));
    }
    assert_eq!(bot.lines(|line| line.says("connection lost")).len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ping_is_not_answered_and_a_broken_frame_is_a_new_connection() {
    let comet = Comet::start().await;
    let (_home, mut bot, client) = echoing(&comet).await;
    drop(client);
    comet.subscribed("web_chat", 1).await;
    // An answer would cost the connection.
    comet.control.raw_to_pipe("web_chat", &[0x89, 0]);
    let mut client = Client::join(&comet, ["web_chat"]).await;
    assert_eq!(client.ask("web_chat", "x").await, "echo x");
    assert_eq!(bot.lines(|line| line.says("connection lost")).len(), 0);
    drop(client);
    comet.subscribed("web_chat", 1).await;

    for broken in [[0xc1, 1, b'x'], [0x83, 1, b'x']] {
        bot.forget();
        comet.control.raw_to_pipe("web_chat", &broken);
        bot.wait_until_it_says("connection lost").await;
        bot.wait_until_it_says("live: events reach the plugins").await;
    }
    comet.subscribed("web_chat", 1).await;
    let mut client = Client::join(&comet, ["web_chat"]).await;
    assert_eq!(client.ask("web_chat", "y").await, "echo y");
    assert_eq!(comet.control.crashes(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_goodbye_is_the_end_of_the_connection_though_it_stays_open() {
    let comet = Comet::start().await;
    let (_home, mut bot, client) = echoing(&comet).await;
    drop(client);
    comet.subscribed("web_chat", 1).await;
    bot.forget();
    // No comet server says it, but a proxy in between may; what comes behind it is not read any more.
    comet.control.raw_to_pipe("web_chat", &[0x88, 0]);
    bot.wait_until_it_says("connection lost").await;
    bot.wait_until_it_says("live: events reach the plugins").await;
    comet.subscribed("web_chat", 1).await;
    let mut client = Client::join(&comet, ["web_chat"]).await;
    assert_eq!(client.ask("web_chat", "x").await, "echo x");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_that_come_in_pieces_are_put_together() {
    let comet = Comet::start().await;
    let pieces = |bytes| Some(Trickle { bytes, pause: std::time::Duration::ZERO });
    // The head of the handshake in some thirty pieces, the frames byte by byte.
    comet.control.trickle(pieces(5));
    let (_home, _bot, mut client) = echoing(&comet).await;
    comet.control.trickle(pieces(1));
    for text in ["x", "Ёж 😀", &"z".repeat(500)] {
        assert_eq!(client.ask("web_chat", text).await, format!("echo {text}"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_is_answered_whole_and_in_order() {
    const EVENTS: usize = 20_000;
    let comet = Comet::start().await;
    let (_home, bot, mut client) = echoing(&comet).await;
    let texts: Vec<String> = (0..EVENTS).map(|number| number.to_string()).collect();
    client.send_all("web_chat", "msg", texts.iter().map(String::as_str));
    let wanted: Vec<String> = texts.iter().map(|text| format!("echo {text}")).collect();
    assert_eq!(client.next_lines(EVENTS).await, wanted);
    assert!(bot.troubles().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_that_is_too_slow_loses_the_newest_events_and_the_log_counts_them() {
    const EVENTS: usize = 200;
    let comet = Comet::start().await;
    // It waits for its first event's question until all the others have come.
    let wire = cometbot_tests::Wire::to(&comet).await;
    let slow = Plugin::new().hears("web_chat", ["msg"]).sends("web_chat").counts("web_*").writes_log().handle(
        r#"(if (call $is (local.get $data) (local.get $data_bytes) "wait")
            (then (call $log (i32.const 2) "" "I wait") (call $ask_count "web_chat" (i32.const 0x140)))
            (else (call $send "web_chat" "done" (local.get $data) (local.get $data_bytes))))"#,
    );
    let quick = Plugin::new()
        .hears("web_last", ["msg"])
        .writes_log()
        .handle(r#"(call $log (i32.const 2) "" (local.get $data) (local.get $data_bytes))"#);
    let home = Home::at_url(&wire.url())
        .set("plugin.slow", "queue-events = 10")
        .plugin("slow.wat", slow.text())
        .plugin("quick.wat", quick.text());
    let bot = home.live().await;
    let mut client = Client::join(&comet, ["web_chat"]).await;
    wire.clamp();
    client.send("web_chat", "msg", "wait");
    bot.wait_until_it_says("I wait").await;
    let texts: Vec<String> = (0..EVENTS).map(|number| number.to_string()).collect();
    client.send_all("web_chat", "msg", texts.iter().map(String::as_str));
    client.send("web_last", "msg", "all have come");
    bot.wait_until_it_says("all have come").await;
    wire.release();
    let line = bot.wait_until_it_says("events were dropped").await;
    assert!(line.of("slow") && line.is("WARN"), "{}", line.raw);
    assert!(line.says("`queue-events`"), "the key is named as it is written: {}", line.raw);
    let dropped: usize = line.field("events").parse().unwrap();
    let kept = client.next_lines(EVENTS - dropped).await;
    assert_eq!(kept, texts[..kept.len()].iter().map(|text| format!("done {text}")).collect::<Vec<_>>());
    assert_eq!(kept.len(), 10);
    assert_eq!(client.ask("web_chat", "later").await, "done later");
}

/// Hazard 35.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_falls_silent_is_noticed_though_the_connection_stands() {
    let comet = Comet::start().await;
    let home = Home::at(&comet)
        .set("server", "heartbeat-seconds = 1")
        .plugin("echo.wat", Plugin::answering("web_chat", "echo").text());
    let mut bot = home.live().await;
    bot.forget();
    comet.control.pause();
    bot.wait_until_it_says("the server has not answered for 10 seconds").await;
    comet.control.resume();
    bot.wait_until_it_says("live: events reach the plugins").await;
    let mut client = Client::join(&comet, ["web_chat"]).await;
    assert_eq!(client.ask("web_chat", "x").await, "echo x");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bot_with_nothing_to_do_stays_connected() {
    let comet = Comet::start().await;
    let home = Home::at(&comet)
        .set("server", "heartbeat-seconds = 1")
        .set("log", "level = \"debug\"")
        .plugin("echo.wat", Plugin::answering("web_chat", "echo").text());
    let bot = home.live().await;
    let mut client = Client::join(&comet, ["web_chat"]).await;
    bot.wait_for_all("answers to its heartbeat", 2, |line| line.says("the server is there")).await;
    assert_eq!(client.ask("web_chat", "x").await, "echo x");
    assert!(bot.lines(|line| line.says("connection lost")).is_empty());
}
