//! Plugins that loop as long as they may, again and again, and what an honest one feels of that.

use std::time::Duration;

use cometbot_tests::{Client, Comet, Home, PATIENCE, Plugin, Process};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

/// Plugins that loop.
const SPINNERS: usize = 10;
/// The honest plugin's events.
const EVENTS_EVERY: Duration = Duration::from_millis(5);
/// How many of them one figure is made of.
const EVENTS: usize = 400;
/// What they may add to the time in which 99 of 100 events are answered.
const MOST_ADDED: Duration = Duration::from_millis(20);
/// Other tests run at the same time, and may disturb a measurement: one that succeeds is enough.
const ATTEMPTS: usize = 4;

fn spinner(number: usize) -> String {
    format!("spinner{number}")
}

/// A bot with an honest plugin and many that loop for each event of web_spin.
async fn bot(comet: &Comet, time_per_event_ms: u32) -> (Home, Process) {
    let mut home = Home::at(comet)
        .set(
            "defaults",
            &format!(
                "time-per-event-ms = {time_per_event_ms}\nretries = 0\nbreaker-failures = 0\nquarantine-events = 0"
            ),
        )
        .plugin("honest.wat", Plugin::answering("web_chat", "answer").text());
    let text = Plugin::new().hears("web_spin", ["msg"]).handle("(loop $again (br $again))").text();
    for number in 0..SPINNERS {
        home = home.plugin(&format!("{}.wat", spinner(number)), &text);
    }
    let bot = home.live().await;
    (home, bot)
}

/// The time in which 99 of 100 events are answered, of at least [`EVENTS`], and until `is_enough`.
async fn p99(client: &mut Client, is_enough: impl Fn() -> bool) -> Duration {
    let (mut sent, mut took) = (Vec::new(), Vec::new());
    let mut tick = interval(EVENTS_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let since = Instant::now();
    loop {
        tokio::select! {
            heard = client.next() => {
                let number: usize = heard.data.parse().unwrap();
                let sent_at: &Instant = &sent[number];
                took.push(sent_at.elapsed());
            }
            _ = tick.tick(), if sent.len() < EVENTS || !is_enough() => {
                assert!(since.elapsed() < PATIENCE, "the neighbours do not spin");
                client.send("web_chat", "msg", &sent.len().to_string());
                sent.push(Instant::now());
            }
            else => {}
        }
        if took.len() == sent.len() && sent.len() >= EVENTS && is_enough() {
            took.sort();
            return took[took.len() * 99 / 100];
        }
    }
}

/// Whether each spinner has been stopped since the log was last forgotten.
fn all_were_stopped(bot: &Process) -> bool {
    (0..SPINNERS).all(|number| {
        let name = spinner(number);
        !bot.lines(|line| line.of(&name) && line.says("was stopped")).is_empty()
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_loops_add_little_to_the_time_of_an_honest_plugins_answers() {
    let comet = Comet::start().await;
    let (_home, mut bot) = bot(&comet, 200).await;
    let mut client = Client::join(&comet, ["web_chat"]).await;
    let mut figures = Vec::new();
    for _ in 0..ATTEMPTS {
        let alone = p99(&mut client, || true).await;
        bot.forget();
        client.send_all("web_spin", "msg", ["spin"; 3]);
        let beside = p99(&mut client, || all_were_stopped(&bot)).await;
        figures.push((alone, beside));
        if beside <= alone + MOST_ADDED {
            return;
        }
        // What still spins must not be in the next figure.
        bot.wait_for_all("the last loops", 3 * SPINNERS, |line| line.says("was stopped")).await;
    }
    panic!("without and with neighbours that spin, 99 of 100 events took: {figures:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_plugins_that_work_a_little_on_each_of_a_flood_of_events_add_little_as_well() {
    let comet = Comet::start().await;
    // About a millisecond for each event: too short to be noticed by a tick, and there is no end of them.
    let busy = Plugin::new().hears("web_spin", ["msg"]).handle(
        "(loop $again
            (local.set $n (i64.add (local.get $n) (i64.const 1)))
            (br_if $again (i64.lt_u (local.get $n) (i64.const 2000000))))",
    );
    let mut home = Home::at(&comet).plugin("honest.wat", Plugin::answering("web_chat", "answer").text());
    for number in 0..SPINNERS {
        home = home.plugin(&format!("busy{number}.wat"), busy.text());
    }
    let mut figures = Vec::new();
    for _ in 0..ATTEMPTS {
        let bot = home.live().await;
        let mut client = Client::join(&comet, ["web_chat"]).await;
        let alone = p99(&mut client, || true).await;
        // More than they have done by the end.
        client.send_all("web_spin", "msg", ["work"; 5000]);
        // What is sent now comes behind all of these, which is not the plugins' doing.
        assert_eq!(client.ask("web_chat", "0").await, "answer 0");
        let beside = p99(&mut client, || true).await;
        figures.push((alone, beside));
        drop(bot);
        if beside <= alone + MOST_ADDED {
            return;
        }
    }
    panic!("without and with neighbours that are busy, 99 of 100 events took: {figures:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_timeouts_of_one_plugin_never_touch_another_that_works_long_within_its_time() {
    let comet = Comet::start().await;
    // Some ten milliseconds of work, far more than a tick.
    let worker = Plugin::new().hears("web_chat", ["msg"]).sends("web_chat").handle(
        r#"(loop $again
            (local.set $n (i64.add (local.get $n) (i64.const 1)))
            (br_if $again (i64.lt_u (local.get $n) (i64.const 20000000))))
          (call $send "web_chat" "worked" (local.get $data) (local.get $data_bytes))"#,
    );
    let looping = Plugin::new().hears("web_chat", ["msg"]).handle("(loop $again (br $again))");
    let home = Home::at(&comet)
        .set("defaults", "time-per-event-ms = 20\nretries = 0\nbreaker-failures = 0")
        .set("plugin.worker", "time-per-event-ms = 2000")
        .plugin("worker.wat", worker.text())
        .plugin("looping.wat", looping.text());
    let bot = home.live().await;
    let mut client = Client::join(&comet, ["web_chat"]).await;
    for number in 0..40 {
        let text = number.to_string();
        assert_eq!(client.ask("web_chat", &text).await, format!("worked {text}"));
    }
    let stopped = timeout(PATIENCE, bot.failed("looping")).await.unwrap();
    assert!(stopped.says("it ran longer than 20 ms and was stopped"), "{}", stopped.raw);
    assert!(bot.lines(|line| line.of("worker") && line.says("failed")).is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_clock_of_calls_stands_still_while_no_plugin_runs_and_goes_when_one_loops() {
    let comet = Comet::start().await;
    let (_home, bot) = bot(&comet, 50).await;
    let client = Client::join(&comet, []).await;
    let since = Instant::now();
    loop {
        let before = bot.wakes_of("epoch-ticker");
        tokio::time::sleep(Duration::from_millis(500)).await;
        // One each second is left.
        if bot.wakes_of("epoch-ticker") <= before + 2 {
            break;
        }
        assert!(since.elapsed() < PATIENCE, "it goes on and on");
    }
    client.send("web_spin", "msg", "spin");
    bot.wait_for_all("the end of all loops", SPINNERS, |line| line.says("it ran longer than 50 ms and was stopped"))
        .await;
}
