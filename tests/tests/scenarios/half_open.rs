//! A connection that stands and carries nothing any more: the bot notices in bounded time, whether it has something to
//! say or not, and hardly costs anything while it has not.

use std::time::{Duration, Instant};

use cometbot_tests::{Client, Comet, End, Home, Plugin, Process, Way, Wire};

use crate::scrape::{SERVED, Scraper};

/// `heartbeat-seconds` and `answer-seconds` where silence is to be noticed by the heartbeat.
const HEARTBEAT: Duration = Duration::from_secs(1);
const ANSWER: Duration = Duration::from_secs(1);
/// How often the bot looks at its clock.
const LOOK: Duration = Duration::from_secs(1);
/// What a busy machine may add.
const SLACK: Duration = Duration::from_secs(2);
/// Long enough for no heartbeat to come in a test.
const NO_HEARTBEAT: &str = "heartbeat-seconds = 3600";

/// A pipe with a log, so that what is said while the bot is away reaches it too.
const PIPE: &str = "web_log_chat";

fn home(wire: &Wire, heartbeat: &str) -> Home {
    Home::at_url(&wire.url())
        .set("server", &format!("{heartbeat}\nanswer-seconds = 1\nretry-min-ms = 10\nretry-max-seconds = 1"))
        .set("service", SERVED)
        .plugin("echo.wat", Plugin::answering(PIPE, "echo").text())
}

/// Waits until the bot has noticed, since `fault` struck, within `bound`.
async fn noticed(bot: &Process, fault: Instant, bound: Duration) {
    let line = bot.wait_until_it_says("connection lost").await;
    let took = fault.elapsed();
    assert!(line.says("the server has not answered for 1 seconds; next try in"), "{}", line.raw);
    assert!(line.is("WARN") && line.field("reason") == "stalled", "{}", line.raw);
    assert!(took <= bound + SLACK, "noticed after {took:?}, and {bound:?} is the bound");
}

/// The connection is silent from `strike` on, while nobody says anything.
async fn silence_is_noticed(strike: impl Fn(&Wire)) {
    let comet = Comet::start().await;
    let wire = Wire::to(&comet).await;
    let home = home(&wire, "heartbeat-seconds = 1");
    let mut bot = home.live().await;
    let metrics = Scraper::of(&bot).await;
    let mut client = Client::join(&comet, [PIPE]).await;
    assert_eq!(client.ask(PIPE, "before").await, "echo before");
    // Else it comes once more.
    metrics.until("the answer to the echo", |page| page.sends("answered") == Some(1.0)).await;
    bot.forget();
    strike(&wire);
    noticed(&bot, Instant::now(), HEARTBEAT + LOOK + ANSWER).await;
    wire.heal();
    bot.wait_until_it_says("live: events reach the plugins").await;
    assert_eq!(client.ask(PIPE, "after").await, "echo after");
    assert_eq!(metrics.page().await.losses("stalled"), Some(1.0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_gone_without_a_word_is_noticed_in_time() {
    silence_is_noticed(Wire::go_silent).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_do_not_come_are_noticed_though_everything_can_be_written() {
    silence_is_noticed(|wire| wire.stall(Way::Down)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wire_that_swallows_what_is_written_is_noticed() {
    silence_is_noticed(|wire| wire.hold(Way::Up)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bot_that_sends_notices_without_a_heartbeat() {
    let comet = Comet::start().await;
    let wire = Wire::to(&comet).await;
    let home = home(&wire, NO_HEARTBEAT);
    let mut bot = home.live().await;
    let mut client = Client::join(&comet, [PIPE]).await;
    bot.forget();
    wire.hold(Way::Up);
    client.send(PIPE, "msg", "into the void");
    noticed(&bot, Instant::now(), ANSWER + LOOK).await;
    // What the wire holds is lost with its connection.
    wire.cut(End::Reset);
    wire.heal();
    bot.wait_until_it_says("live: events reach the plugins").await;
    assert_eq!(client.next_lines(1).await, ["echo into the void"], "it was sent again");
    assert_eq!(client.ask(PIPE, "after").await, "echo after");
}

/// Nothing more can be written: a bot that waits for its write to end would wait for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wire_that_takes_nothing_more_is_noticed_and_what_was_to_be_sent_is_sent_later() {
    const TEXTS: usize = 300;
    const TEXT_BYTES: usize = 60_000;
    let comet = Comet::start().await;
    comet.control.set_log_length(PIPE, 99);
    let wire = Wire::to(&comet).await;
    // They are heard on a pipe without a log, as they must not come again.
    let home = home(&wire, NO_HEARTBEAT)
        .set("service", "outbox-mib = 64")
        .plugin("large.wat", Plugin::answering("web_large", "large").text());
    let mut bot = home.live().await;
    let mut client = Client::join(&comet, [PIPE, "web_large"]).await;
    bot.forget();
    wire.stall(Way::Up);
    let texts: Vec<String> = (0..TEXTS).map(|number| format!("{number:<TEXT_BYTES$}")).collect();
    for text in &texts {
        comet.control.publish("web_large", "msg", text).unwrap();
    }
    for _ in &texts {
        assert_eq!(client.next().await.event, "msg");
    }
    noticed(&bot, Instant::now(), ANSWER + LOOK).await;
    wire.cut(End::Reset);
    wire.heal();
    bot.wait_until_it_says("live: events reach the plugins").await;
    for text in &texts {
        let heard = client.next().await;
        assert!(heard.event == "large" && heard.data == *text, "{} {}", heard.event, heard.data.trim_end());
    }
    assert_eq!(client.ask(PIPE, "after").await, "echo after");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_link_says_one_small_frame_in_a_heartbeat_at_most() {
    /// The question, its frame, and a little room.
    const QUESTION_BYTES: u64 = 48;
    const BEATS: usize = 3;
    let comet = Comet::start().await;
    let wire = Wire::to(&comet).await;
    let home = home(&wire, "heartbeat-seconds = 1").set("log", "level = \"debug\"");
    let mut bot = home.live().await;
    bot.forget();
    let (since, before) = (Instant::now(), wire.counts());
    bot.wait_for_all("answers to its heartbeat", BEATS, |line| line.says("the server is there")).await;
    let (took, after) = (since.elapsed(), wire.counts());
    let bytes = after.came.up - before.came.up;
    let most = (took.as_secs() / HEARTBEAT.as_secs() + 1) * QUESTION_BYTES;
    assert!(bytes <= most, "{bytes} bytes in {took:?}, and {most} is the most");
    assert_eq!(after.accepted, 1, "it stayed connected");
    assert!(bot.lines(|line| line.says("connection lost")).is_empty());
}
