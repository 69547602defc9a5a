#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::{
    collections::BTreeSet,
    io::Write,
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};

use super::*;

const PAGE: &str = include_str!("../../../docs/src/metrics.md");

/// What the log says while `act` runs.
fn said(act: impl FnOnce()) -> Vec<Value> {
    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);
    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let written = Written::default();
    let writer = written.clone();
    let lines = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_max_level(tracing::Level::INFO)
        .with_writer(move || writer.clone());
    tracing::subscriber::with_default(lines.finish(), act);
    let bytes = written.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The value of the series that is written so, if there is one.
fn value(metrics: &Metrics, series: &str) -> Option<f64> {
    let text = metrics.exposition().unwrap();
    let found: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix(series)?.strip_prefix(' ')).collect();
    assert!(found.len() <= 1, "{series} is there twice:\n{text}");
    found.first().map(|value| value.parse().unwrap())
}

fn states(metrics: &Metrics) -> [f64; 4] {
    ["connecting", "authorizing", "live", "waiting"]
        .map(|state| value(metrics, &format!("cometbot_link_state{{link=\"0\",state=\"{state}\"}}")).unwrap())
}

fn loss<'a>(reason: LossReason, why: &'a &'a str) -> Loss<'a> {
    Loss { reason, why, server: &"ws://127.0.0.1:8087/ws/", unanswered_sends: 3, pause: Duration::from_secs(60) }
}

#[test]
fn a_link_is_in_one_state_at_a_time_and_says_when_it_tries_again() {
    let metrics = Metrics::new();
    let link = metrics.link(0);
    assert_eq!(states(&metrics), [0.0; 4], "nothing is known yet");
    link.connecting(&"ws://127.0.0.1:8087/ws/");
    assert_eq!(states(&metrics), [1.0, 0.0, 0.0, 0.0]);
    link.authorizing();
    assert_eq!(states(&metrics), [0.0, 1.0, 0.0, 0.0]);
    link.connected(&Connected { server: &"ws://127.0.0.1:8087/ws/", software: "CppComet Server", user_id: Some(7) });
    link.live();
    link.subscribed(5);
    assert_eq!(states(&metrics), [0.0, 0.0, 1.0, 0.0]);
    assert_eq!(value(&metrics, "cometbot_link_pipes{link=\"0\"}"), Some(5.0));
    assert_eq!(value(&metrics, "cometbot_link_connects_total{link=\"0\"}"), Some(1.0));
    assert_eq!(value(&metrics, "cometbot_link_retry_at_seconds{link=\"0\"}"), Some(0.0));
    let before = unix_seconds(Duration::ZERO);
    link.lost(&loss(LossReason::Stalled, &"the server has not answered for 10 seconds"));
    assert_eq!(states(&metrics), [0.0, 0.0, 0.0, 1.0]);
    assert_eq!(value(&metrics, "cometbot_link_pipes{link=\"0\"}"), Some(0.0));
    assert!(value(&metrics, "cometbot_link_retry_at_seconds{link=\"0\"}").unwrap() >= before + 60.0);
    link.connecting(&"ws://127.0.0.1:8087/ws/");
    assert_eq!(value(&metrics, "cometbot_link_retry_at_seconds{link=\"0\"}"), Some(0.0));
}

#[test]
fn every_loss_is_a_line_and_counts_under_its_reason() {
    let metrics = Metrics::new();
    let link = metrics.link(0);
    for reason in LossReason::ALL {
        let series = format!("cometbot_link_losses_total{{link=\"0\",reason=\"{}\"}}", reason.as_str());
        assert_eq!(value(&metrics, &series), Some(0.0), "it is there before it first happens");
        let lines = said(|| link.lost(&loss(reason, &"it broke")));
        assert_eq!(value(&metrics, &series), Some(1.0));
        let what = if reason.had_connection() { "connection lost" } else { "cannot connect" };
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0]["message"], format!("{what}: it broke; next try in 60.0 s"));
        assert_eq!(lines[0]["level"], "WARN");
        assert_eq!(lines[0]["reason"], reason.as_str());
        assert_eq!(lines[0]["unanswered_sends"], 3);
        assert_eq!(lines[0]["server"], "ws://127.0.0.1:8087/ws/");
    }
    let all = LossReason::ALL.map(LossReason::as_str);
    assert_eq!(BTreeSet::from(all).len(), all.len(), "no two reasons have one name");
}

#[test]
fn a_connection_says_as_whom() {
    let link = Metrics::new().link(0);
    let connected = |user_id| Connected { server: &"ws://a/ws/", software: "Comet\n4.09", user_id };
    let lines = said(|| {
        link.connected(&connected(Some(7)));
        link.connected(&connected(None));
    });
    assert_eq!(lines[0]["message"], "connected as user 7");
    assert_eq!(lines[0]["software"], "Comet\\n4.09");
    assert_eq!(lines[1]["message"], "connected as an anonymous client");
}

#[test]
fn a_flood_of_unreadable_frames_is_one_line_and_counts_whole() {
    let metrics = Metrics::new();
    let link = metrics.link(2);
    let lines = said(|| (0..1000).for_each(|_| link.unreadable(&"no JSON")));
    assert_eq!(value(&metrics, "cometbot_link_frames_unreadable_total{link=\"2\"}"), Some(1000.0));
    assert_eq!(lines[0]["message"], "the server sent what cannot be read: no JSON");
    assert!(lines.len() < 1000, "one line a second");
}

#[test]
fn a_refused_send_is_logged_with_its_plugin_and_anything_else_with_its_link() {
    let metrics = Metrics::new();
    let link = metrics.link(0);
    let lines = said(|| {
        let text = " can not send messages anonim users\u{1b} ";
        metrics.sends().refused(&Refusal { plugin: Some("karma"), code: Some(401), text });
        link.refused(None, "Error");
    });
    assert_eq!(lines[0]["message"], "the server refuses: can not send messages anonim users\\u{1b}");
    assert_eq!((&lines[0]["plugin"], &lines[0]["code"]), (&json!("karma"), &json!(401)));
    assert_eq!((&lines[1]["message"], &lines[1]["link"]), (&json!("the server refuses: Error"), &json!(0)));
    assert_eq!(value(&metrics, "cometbot_sends_total{outcome=\"refused\"}"), Some(1.0));
    assert_eq!(value(&metrics, "cometbot_link_refusals_total{link=\"0\"}"), Some(1.0));
}

#[test]
fn sends_that_were_repeated_or_given_up_are_said_and_counted_and_none_is_nothing() {
    let metrics = Metrics::new();
    let lines = said(|| {
        metrics.sends().resent(1, 0);
        metrics.sends().lost(1, 0);
        metrics.sends().resent(1, 4);
        metrics.sends().lost(1, 2);
    });
    let levels: Vec<_> = lines.iter().map(|line| (line["level"].as_str().unwrap(), &line["sends"])).collect();
    assert_eq!(levels, [("INFO", &json!(4)), ("WARN", &json!(2))]);
    metrics.sends().answered(100);
    metrics.sends().waiting(7, usize::MAX);
    for (outcome, count) in [("answered", 100.0), ("resent", 4.0), ("lost", 2.0), ("refused_locally", 0.0)] {
        assert_eq!(value(&metrics, &format!("cometbot_sends_total{{outcome=\"{outcome}\"}}")), Some(count));
    }
    assert_eq!(value(&metrics, "cometbot_outbox_sends"), Some(7.0));
    assert_eq!(value(&metrics, "cometbot_outbox_bytes"), Some(i64::MAX as f64), "too much to be told, not nothing");
}

#[test]
fn a_gap_is_a_line_a_count_and_its_length() {
    let metrics = Metrics::new();
    let lines = said(|| {
        for (reason, until) in [(GapReason::NoLog, 1_030), (GapReason::NoLog, 990)] {
            metrics.gap(&Gap { link: 0, pipe: "web_chat", since: 1_000, until, recovered: 2, reason });
        }
        metrics.recovered(0, "web_chat", 2);
        metrics.recovered(0, "web_chat", 0);
    });
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0]["message"], "messages of this pipe may be missing: the pipe has no log, or an empty one");
    assert_eq!(
        (&lines[0]["pipe"], &lines[0]["since"], &lines[0]["until"]),
        (&json!("web_chat"), &json!(1000), &json!(1030))
    );
    assert_eq!(value(&metrics, "cometbot_gaps_total{reason=\"no_log\"}"), Some(2.0));
    assert_eq!(value(&metrics, "cometbot_gap_seconds_total"), Some(30.0), "a clock that goes back takes nothing away");
    assert_eq!(value(&metrics, "cometbot_recovered_events_total"), Some(2.0));
}

#[test]
fn a_plugin_counts_what_it_does_and_says_where_it_fails() {
    let metrics = Metrics::new();
    let karma = metrics.plugin("karma");
    (0..5).for_each(|_| karma.handled());
    let backtrace = ["inner".to_owned(), "outer".to_owned()];
    let failed = |backtrace, tries| Failed {
        version: "1.0.0+abc",
        pipe: "web_chat",
        event: "msg",
        tries,
        backtrace,
        why: &"it trapped",
    };
    let pause = Duration::from_millis(200);
    let lines = said(|| {
        karma.gate().retried(&Retried {
            version: "1.0.0+abc",
            pipe: "web_chat",
            event: "msg",
            backtrace: &[],
            why: &"it trapped",
            pause,
        });
        karma.failed(&failed(&backtrace, 2));
        karma.failed(&failed(&[], 1));
    });
    assert_eq!(lines[0]["message"], "a try at an event failed, the next one comes in 200 ms: it trapped");
    assert_eq!(lines[0]["level"], "WARN");
    assert_eq!(value(&metrics, "cometbot_plugin_retries_total{plugin=\"karma\"}"), Some(1.0));
    assert_eq!(lines[1]["message"], "the plugin failed on an event: it trapped");
    assert_eq!((&lines[1]["backtrace"], &lines[1]["plugin"]), (&json!("inner < outer"), &json!("karma")));
    assert_eq!((lines[1].get("tries"), lines[2].get("tries")), (Some(&json!(2)), None));
    assert_eq!(lines[2].get("backtrace"), None);
    assert_eq!((karma.events_handled(), karma.events_failed()), (5, 2));
    assert_eq!(value(&metrics, "cometbot_plugin_events_total{plugin=\"karma\",outcome=\"handled\"}"), Some(5.0));
    assert_eq!(value(&metrics, "cometbot_plugin_events_total{plugin=\"karma\",outcome=\"failed\"}"), Some(2.0));
}

#[test]
fn a_breaker_shows_how_it_stands_and_says_each_change() {
    let metrics = Metrics::new();
    let karma = metrics.plugin("karma");
    let state = || value(&metrics, "cometbot_plugin_breaker_state{plugin=\"karma\"}");
    assert_eq!(state(), Some(0.0));
    let (pause, until) = (Duration::from_secs(10), std::time::Instant::now());
    let lines = said(|| {
        karma.gate().breaker_opened(&BreakerOpened { version: "1", failures: 5, pause, until, why: "it trapped" });
        assert_eq!((state(), karma.gate().breaker().next_try), (Some(2.0), Some(until)));
        karma.gate().breaker_half_open("1");
        assert_eq!((state(), karma.gate().breaker().next_try), (Some(1.0), None));
        let reason = karma.not_tried("1", 3);
        assert!(reason.contains("failed on 5 events in a row") && reason.ends_with("it trapped"), "{reason}");
        karma.gate().breaker_closed("1");
    });
    assert_eq!((state(), karma.gate().breaker().state), (Some(0.0), BreakerState::Closed));
    assert_eq!(karma.events_failed(), 3);
    let levels: Vec<_> = lines.iter().map(|line| line["level"].as_str().unwrap()).collect();
    assert_eq!(levels, ["ERROR", "INFO", "WARN", "INFO"]);
    assert_eq!(
        lines[0]["message"],
        "breaker open: the plugin failed on 5 events in a row and gets none for 10 s, they wait; the last failure: it trapped"
    );
}

#[test]
fn a_plugin_that_is_slowed_is_told_of_once_and_the_time_is_counted() {
    let metrics = Metrics::new();
    let karma = metrics.plugin("karma");
    let lines = said(|| {
        for _ in 0..3 {
            karma.gate().slowed("1", std::time::Instant::now() + Duration::from_secs(2), 1000);
        }
    });
    assert_eq!(lines.len(), 1);
    assert!(lines[0]["message"].as_str().unwrap().contains("more than 1000 messages a second and is slowed"));
    let seconds = value(&metrics, "cometbot_plugin_slowed_seconds_total{plugin=\"karma\"}").unwrap();
    assert!((5.9..=6.0).contains(&seconds), "{seconds}");
}

#[test]
fn a_loop_is_one_line_with_what_is_said_in_it_cut_short() {
    let metrics = Metrics::new();
    let karma = metrics.plugin("karma");
    let (data, time) = ("x\n".repeat(100), Duration::from_millis(250));
    let lines = said(|| {
        karma.gate().loop_found(&LoopFound {
            version: "1",
            pipe: "web_chat",
            event: "msg",
            data: &data,
            hops: 51,
            time,
        });
        karma.gate().loop_cleared("1", "web_chat");
        karma.gate().loop_over("1", "web_chat", 7);
    });
    let levels: Vec<_> = lines.iter().map(|line| line["level"].as_str().unwrap()).collect();
    assert_eq!(levels, ["WARN", "INFO"]);
    let message = lines[0]["message"].as_str().unwrap();
    assert!(message.contains("answer each other in web_chat: 51 answers or more to \"x\\nx"), "{message}");
    assert!(message.contains("…\"") && !message.contains('\n') && message.contains("in 0.2 s"), "{message}");
    assert_eq!(value(&metrics, "cometbot_plugin_loops_total{plugin=\"karma\"}"), Some(1.0));
}

#[test]
fn dropped_events_are_counted_at_once_and_said_in_time() {
    let metrics = Metrics::new();
    let karma = metrics.plugin("karma");
    let dropped = |events| Dropped { version: "1", events, queue_events: 10, queue_mib: 8 };
    let lines = said(|| [0, 3, 4, 0].map(dropped).iter().for_each(|dropped| karma.dropped(dropped)));
    assert_eq!(value(&metrics, "cometbot_plugin_events_total{plugin=\"karma\",outcome=\"dropped\"}"), Some(7.0));
    assert_eq!(lines[0]["events"], 3, "nothing is said of nothing");
    assert!(lines[0]["message"].as_str().unwrap().contains("10 wait already, or 8 MiB"));
    assert!(lines[0]["message"].as_str().unwrap().contains("`queue-events`"));
}

#[test]
fn sends_that_cannot_wait_name_the_key_to_raise() {
    let metrics = Metrics::new();
    let (karma, echo) = (metrics.plugin("karma"), metrics.plugin("echo"));
    let lines = said(|| {
        karma.sends_refused(2, Bound::Sends(100_000));
        echo.sends_refused(1, Bound::Mib(8));
    });
    assert_eq!(lines[0]["message"], "sends are refused: 100000 wait already, which is the most (`outbox-sends`)");
    assert_eq!((&lines[0]["plugin"], &lines[0]["times"]), (&json!("karma"), &json!(2)));
    assert_eq!(lines[1]["message"], "sends are refused: 8 MiB wait already, which is the most (`outbox-mib`)");
    assert_eq!(value(&metrics, "cometbot_sends_total{outcome=\"refused_locally\"}"), Some(3.0));
}

#[test]
fn a_plugins_dropped_lines_are_said_once_in_a_while_and_counted_each() {
    let metrics = Metrics::new();
    let karma = metrics.plugin("karma");
    let lines = said(|| {
        karma.log_lines_dropped(0, 100);
        (0..5).for_each(|_| karma.log_lines_dropped(1, 100));
        karma.log_lines_dropped(0, 100);
    });
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!((&lines[0]["plugin"], &lines[0]["lines"]), (&json!("karma"), &json!(1)));
    assert!(lines[0]["message"].as_str().unwrap().contains("`log-lines-per-second`"));
    assert_eq!(value(&metrics, "cometbot_plugin_log_lines_dropped_total{plugin=\"karma\"}"), Some(5.0));
}

#[test]
fn fuel_is_a_series_only_where_it_is_metered() {
    let metrics = Metrics::new();
    let karma = metrics.plugin("karma");
    let series = "cometbot_plugin_fuel_total{plugin=\"karma\"}";
    assert_eq!(value(&metrics, series), None);
    karma.fuel(40);
    karma.fuel(2);
    assert_eq!(value(&metrics, series), Some(42.0));
}

#[test]
fn series_live_as_long_as_their_tally_is_held() {
    let metrics = Metrics::new();
    let empty = metrics.exposition().unwrap();
    let (karma, link) = (metrics.plugin("karma"), metrics.link(3));
    karma.handled();
    link.heard(9);
    link.lost(&loss(LossReason::Closed, &"gone"));
    let again = metrics.plugin("karma");
    again.handled();
    assert_eq!(karma.events_handled(), 2, "both count in one place");
    drop(karma);
    let series = "cometbot_plugin_events_total{plugin=\"karma\",outcome=\"handled\"}";
    assert_eq!(value(&metrics, series), Some(2.0));
    drop((again, link));
    assert_eq!(metrics.exposition().unwrap(), empty);
    metrics.plugin("karma").handled();
    assert_eq!(value(&metrics, series), None);
}

#[test]
fn tallies_that_come_and_go_in_several_threads_leave_nothing_and_lose_nothing() {
    let metrics = Metrics::new();
    let kept = metrics.plugin("karma");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..500 {
                    metrics.plugin("karma").handled();
                    metrics.plugin("echo").handled();
                }
            });
        }
    });
    assert_eq!(value(&metrics, "cometbot_plugin_events_total{plugin=\"karma\",outcome=\"handled\"}"), Some(2000.0));
    assert_eq!(value(&metrics, "cometbot_plugin_events_total{plugin=\"echo\",outcome=\"handled\"}"), None);
    drop(kept);
    assert!(!metrics.exposition().unwrap().contains("karma"));
}

#[test]
fn the_token_is_told_by_its_end_alone_however_far_that_is() {
    let metrics = Metrics::new();
    for (at, told) in [(None, 0.0), (Some(1_795_000_000), 1_795_000_000.0), (Some(u64::MAX), i64::MAX as f64)] {
        metrics.token_expires(at);
        assert_eq!(value(&metrics, "cometbot_token_expires_seconds"), Some(told));
    }
}

/// Words of `text` that are names of metrics, without what stands in braces behind them.
fn names(text: &str) -> BTreeSet<&str> {
    text.split(|character: char| !character.is_ascii_alphanumeric() && character != '_')
        .filter(|word| word.starts_with("cometbot_") || word.starts_with("process_"))
        .collect()
}

#[test]
fn the_page_about_metrics_names_all_that_are_served_and_no_others() {
    let metrics = Metrics::new();
    let held = (metrics.link(0), metrics.plugin("karma"));
    held.1.fuel(1);
    let text = metrics.exposition().unwrap();
    let samples: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(names(PAGE), samples.iter().flat_map(|sample| names(sample)).collect());
    for sample in &samples {
        let Some((_, labels)) = sample.split_once('{') else { continue };
        for (label, value) in labels.split_once('}').unwrap().0.split(',').map(|label| label.split_once('=').unwrap()) {
            assert!(PAGE.contains(&format!("`{label}`")), "no word about the label {label}");
            if ["state", "reason", "outcome"].contains(&label) {
                assert!(PAGE.contains(&format!("`{}`", value.trim_matches('"'))), "no word about {label} {value}");
            }
        }
    }
    assert!(text.ends_with("# EOF\n"));
}
