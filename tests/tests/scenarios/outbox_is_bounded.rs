//! What waits to be sent has a bound. While there is no connection, a plugin is told what has no room, and everything
//! else arrives later; while the connection is slow, the plugin pauses.

use cometbot::comet::outbox::WINDOW_BYTES;
use cometbot_tests::{Plugin, Process, Way};

use super::{
    cut_off::{SAY, Site, numbered, working},
    scrape::{Page, Scraper},
};

/// Counts which of its sends are taken and which are refused, logs each refusal, and at the end both numbers.
fn counting(body: &str) -> Plugin {
    working(
        body,
        r#"(call $log (i32.const 2) "taken" (call $decimal (global.get $taken)))
        (call $log (i32.const 2) "refused" (call $decimal (global.get $refused)))"#,
    )
    .function(
        r#"(global $taken (mut i64) (i64.const 0)) (global $refused (mut i64) (i64.const 0))
        (func $say (param $data i32) (param $data_bytes i32)
            (call $try_send "web_told" "said" (local.get $data) (local.get $data_bytes) (i32.const 0x100))
            (if (i32.load8_u (i32.const 0x100))
                (then
                    (global.set $refused (i64.add (global.get $refused) (i64.const 1)))
                    ;; Only `unavailable` is expected; it is case 2.
                    (if (i32.ne (i32.load8_u (i32.const 0x104)) (i32.const 2)) (then (unreachable)))
                    (call $log (i32.const 4) "refusal" (i32.load (i32.const 0x108)) (i32.load (i32.const 0x10c))))
                (else (global.set $taken (i64.add (global.get $taken) (i64.const 1))))))"#,
    )
}

/// What the plugin counted.
async fn counted(bot: &Process, what: &str) -> usize {
    let line = bot.wait_for(what, |line| line.of("worker") && line.field("context") == what).await;
    line.message().parse().unwrap()
}

/// A bound, as it is set and in the words of the log, and how many of the messages are within it.
struct Case {
    service: &'static str,
    messages: Vec<String>,
    taken: usize,
    words: &'static str,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_connection_what_has_no_room_is_refused_and_all_that_was_taken_arrives() {
    const TEXT_BYTES: usize = 4096;
    let command_bytes = "web_pipe2\nweb_told\nsaid\n*\n".len() + TEXT_BYTES;
    let cases = [
        Case {
            service: "outbox-sends = 100",
            messages: numbered(1000, 1),
            taken: 100,
            words: "100 wait already, which is the most (`outbox-sends`)",
        },
        Case {
            service: "outbox-mib = 1",
            messages: numbered(600, TEXT_BYTES),
            taken: (1024_usize * 1024).div_ceil(command_bytes),
            words: "1 MiB wait already, which is the most (`outbox-mib`)",
        },
    ];
    for Case { service, messages, taken, words } in cases {
        let worker = counting("(call $say (local.get $data) (local.get $data_bytes))");
        let mut site = Site::with(service, &worker).await;
        let mut bot = site.home.live().await;
        let scraper = Scraper::of(&bot).await;
        site.cut_off(&mut bot, &messages).await;
        assert_eq!((counted(&bot, "taken").await, counted(&bot, "refused").await), (taken, messages.len() - taken));

        let line = bot.wait_for(words, |line| line.says(&format!("sends are refused: {words}"))).await;
        assert!(line.is("WARN") && line.of("worker"), "{}", line.raw);
        let seen = bot.lines(|line| line.field("context") == "refusal");
        let wanted = format!("there is no connection to the comet server, and {words}");
        assert!(seen.iter().all(|line| line.message() == wanted), "{}", seen[0].raw);
        assert_eq!(seen.len(), messages.len() - taken, "the plugin sees each");
        let page =
            scraper.until("all that waits", |page| page.value("cometbot_outbox_sends") == Some(taken as f64)).await;
        let refused = page.value(r#"cometbot_sends_total{outcome="refused_locally"}"#);
        assert_eq!(refused, Some((messages.len() - taken) as f64));

        site.let_back(&mut bot).await;
        assert!(
            site.said_before_anything_new().await == messages[..taken],
            "all that was taken, in order, and no more"
        );
        let page =
            scraper.until("the end of the waiting", |page| page.value("cometbot_outbox_sends") == Some(0.0)).await;
        assert_eq!(page.value(r#"cometbot_sends_total{outcome="answered"}"#), Some((taken + 1) as f64));
        assert_eq!(page.value(r#"cometbot_sends_total{outcome="lost"}"#), Some(0.0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_sends_much_at_once_is_refused_what_is_beyond_the_bound() {
    let worker = counting(
        r#"(loop $again
            (call $say (call $decimal (i64.extend_i32_u (local.get $i))))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $again (i32.lt_u (local.get $i) (i32.const 150))))"#,
    );
    let mut site = Site::with("outbox-sends = 100", &worker).await;
    let mut bot = site.home.live().await;
    site.cut_off(&mut bot, &numbered(1, 1)).await;
    assert_eq!((counted(&bot, "taken").await, counted(&bot, "refused").await), (100, 50));
    site.let_back(&mut bot).await;
    let wanted: Vec<String> = (0..100).map(|number| number.to_string()).collect();
    for wanted in wanted {
        assert_eq!(site.told.next().await.data, wanted);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_connection_is_slow_the_plugin_pauses_and_nothing_is_refused_or_lost() {
    const EVENTS: usize = 2000;
    const TEXT_BYTES: usize = 1000;
    // So many are under way, and 100 wait; less than another 16 KiB are made before the plugin looks whether there is room.
    const FULL: usize = WINDOW_BYTES / (TEXT_BYTES + 50) + 100;
    const MOST_HANDLED: usize = (WINDOW_BYTES + 16 * 1024) / TEXT_BYTES + 100 + 1;
    let worker = working(SAY, "");
    let mut site = Site::with("outbox-sends = 100", &worker).await;
    let bot = site.home.live().await;
    let scraper = Scraper::of(&bot).await;
    let messages = numbered(EVENTS, TEXT_BYTES);

    site.wire.hold(Way::Up);
    site.client.send_all("web_work", "msg", messages.iter().map(String::as_str).chain(["end"]));
    bot.wait_until_it_says("all has arrived").await;
    let is_full = |page: &Page| page.value("cometbot_outbox_sends") >= Some(FULL as f64);
    let page = scraper.until("a full outbox", is_full).await;
    let handled = page.value(r#"cometbot_plugin_events_total{plugin="worker",outcome="handled"}"#).unwrap();
    assert!(handled <= MOST_HANDLED as f64, "{handled} of {EVENTS} were handled, and at most {MOST_HANDLED} can wait");
    assert!(bot.lines(|line| line.says("this was the end")).is_empty(), "it pauses");

    site.wire.throttle(Way::Up, 2_000_000);
    site.wire.release();
    assert!(site.said_before_anything_new().await == messages, "every message once and in order");
    let page = scraper.page().await;
    for outcome in ["refused_locally", "lost", "resent"] {
        let sends = page.value(&format!("cometbot_sends_total{{outcome=\"{outcome}\"}}"));
        assert_eq!(sends, Some(0.0), "{outcome}");
    }
    assert!(bot.troubles().is_empty());
}
