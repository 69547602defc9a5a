//! The connection breaks, and the bot comes back by itself: subscribed as before, with its plugins as they were.

use cometbot_tests::{Client, Comet, Home, Plugin, Wire};

/// Counts the events that it has handled, so that a lost instance would show.
fn counting() -> String {
    Plugin::new()
        .hears("web_chat", ["msg"])
        .sends("web_chat")
        .function("(global $events (mut i64) (i64.const 0))")
        .handle(
            r#"(global.set $events (i64.add (global.get $events) (i64.const 1)))
            (call $send "web_chat" "number" (call $decimal (global.get $events)))"#,
        )
        .text()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bot_comes_back_each_time_it_is_disconnected() {
    let comet = Comet::start().await;
    let home = Home::at(&comet).plugin("counting.wat", counting());
    let mut bot = home.live().await;
    for number in 1..=4 {
        let mut client = Client::join(&comet, ["web_chat"]).await;
        comet.subscribed("web_chat", 2).await;
        assert_eq!(client.ask("web_chat", "x").await, format!("number {number}"), "subscribed and with its memory");
        drop(client);
        bot.forget();
        assert!(comet.control.disconnect_all() >= 1);
        let line = bot.wait_until_it_says("connection lost: the server closed the connection; next try in").await;
        assert!(line.is("WARN"), "{}", line.raw);
        bot.wait_until_it_says("live: events reach the plugins").await;
    }
    assert_eq!(comet.control.subscribers("web_chat"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bot_comes_back_when_the_server_is_started_again() {
    let mut comet = Comet::start().await;
    let home = Home::at(&comet).plugin("counting.wat", counting());
    let mut bot = home.live().await;
    for number in 1..=2 {
        let mut client = Client::join(&comet, ["web_chat"]).await;
        assert_eq!(client.ask("web_chat", "x").await, format!("number {number}"));
        bot.forget();
        comet.stop().await;
        bot.wait_for("a try in vain", |line| line.says("cannot connect") && line.says("cannot be reached")).await;
        comet.start_again().await;
        bot.wait_until_it_says("live: events reach the plugins").await;
        comet.subscribed("web_chat", 1).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_not_there_yet_is_waited_for() {
    let mut comet = Comet::start().await;
    comet.stop().await;
    let home = Home::at(&comet).plugin("counting.wat", counting());
    let bot = home.start();
    bot.wait_until_it_says("is the comet server running, and are host and port right?").await;
    comet.start_again().await;
    bot.wait_until_it_says("live: events reach the plugins").await;
    let mut client = Client::join(&comet, ["web_chat"]).await;
    assert_eq!(client.ask("web_chat", "x").await, "number 1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_hangs_up_at_once_is_not_asked_in_a_tight_loop() {
    let comet = Comet::start().await;
    comet.control.hang_up_after_greeting(true);
    let home = Home::at(&comet).plugin("counting.wat", counting());
    let bot = home.start();
    let lines = bot.wait_for_all("four tries", 4, |line| line.says("next try in")).await;
    let pauses: Vec<f64> = lines
        .iter()
        .map(|line| line.message().rsplit_once("next try in ").unwrap().1.trim_end_matches(" s").parse().unwrap())
        .collect();
    assert!(pauses.iter().sum::<f64>() > 0.2, "{pauses:?}");
    comet.control.hang_up_after_greeting(false);
    bot.wait_until_it_says("live: events reach the plugins").await;
    let mut client = Client::join(&comet, ["web_chat"]).await;
    comet.subscribed("web_chat", 2).await;
    assert_eq!(client.ask("web_chat", "x").await, "number 1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_without_an_answer_is_an_error_when_the_link_breaks() {
    let comet = Comet::start().await;
    let wire = Wire::to(&comet).await;
    let asking = Plugin::new().hears("web_chat", ["msg"]).sends("web_told").counts("web_*").writes_log().handle(
        r#"(call $log (i32.const 2) "" "about to ask")
        (call $tell_count "web_chat")
        (call $send "web_told" "echo" (local.get $data) (local.get $data_bytes))"#,
    );
    let home = Home::at_url(&wire.url()).plugin("asking.wat", asking.text());
    let mut bot = home.live().await;
    let mut client = Client::join(&comet, []).await;
    wire.clamp();
    client.send_and_wait("web_chat", "msg", "during").await;
    bot.wait_until_it_says("about to ask").await;
    bot.forget();
    comet.control.disconnect_all();
    bot.wait_until_it_says("connection lost").await;
    let mut told = Client::join(&comet, ["web_told"]).await;
    wire.release();
    bot.wait_until_it_says("live: events reach the plugins").await;
    told.send("web_chat", "msg", "after");
    let lines = told.next_lines(4).await;
    assert_eq!(lines[0], "unavailable there is no connection to the comet server at the moment");
    assert_eq!(lines[1..], ["echo during", "count 1", "echo after"]);
    assert_eq!(bot.lines(|line| line.says("failed on an event")).len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_takes_sends_and_never_answers_is_left() {
    let comet = Comet::start().await;
    let wire = Wire::to(&comet).await;
    let home = Home::at_url(&wire.url()).plugin("counting.wat", counting());
    let mut bot = home.live().await;
    let mut client = Client::join(&comet, ["web_chat"]).await;
    wire.clamp();
    client.send("web_chat", "msg", "into the void");
    let line = bot.wait_until_it_says("connection lost").await;
    assert!(line.says("the server has not answered for 10 seconds"), "{}", line.raw);
    assert_eq!(line.field("unanswered_sends"), "1");
    bot.forget();
    wire.release();
    bot.wait_until_it_says("live: events reach the plugins").await;
    // What was sent into the void may arrive yet, since the wire held it; then the count goes on.
    client.send("web_chat", "msg", "x");
    while client.next().await.data != "2" {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_lost_connection_no_answer_comes_twice_or_out_of_order() {
    let comet = Comet::start().await;
    let home = Home::at(&comet).plugin("echo.wat", Plugin::answering("web_chat", "echo").text());
    let mut bot = home.live().await;
    let client = Client::join(&comet, ["web_chat"]).await;
    const EVENTS: usize = 2000;
    let texts: Vec<String> = (0..EVENTS).map(|number| number.to_string()).collect();
    client.send_all("web_chat", "msg", texts.iter().map(String::as_str));
    bot.forget();
    comet.control.disconnect_all();
    let line = bot.wait_until_it_says("connection lost").await;
    assert!(line.field("unanswered_sends").parse::<u64>().is_ok(), "{}", line.raw);
    bot.wait_until_it_says("live: events reach the plugins").await;
    let mut client = Client::join(&comet, ["web_chat"]).await;
    comet.subscribed("web_chat", 2).await;
    client.send("web_chat", "msg", "after");
    // What still waited from before may come first; each text at most once, in order.
    let mut heard = vec![client.next().await.data];
    while heard.last().unwrap() != "after" {
        heard.push(client.next().await.data);
    }
    heard.pop();
    let numbers: Vec<usize> = heard.iter().map(|text| text.parse().unwrap()).collect();
    assert!(numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");
}
