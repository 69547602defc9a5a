#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use serde_json::json;

use super::*;
use crate::bot::{
    control::{KeptVersion, PluginState},
    outcome::{Outcome, OutcomeKind},
};

const NOW: u64 = 1_795_500_000;

fn running(name: &str) -> PluginReport {
    PluginReport {
        name: name.to_owned(),
        state: PluginState::Running,
        version: Some("1.0.0+c082587a6b3ba957".to_owned()),
        hash: Some("c0".repeat(32)),
        since: Some(NOW - 11_520),
        handled: 182_034,
        failed: 0,
        dropped: 0,
        quarantined: 0,
        waiting_events: 0,
        memory_bytes: 1_310_720,
        asks: None,
        grants: None,
        missing: None,
        granted_by_command: None,
        last: None,
        held_back: None,
        kept: Vec::new(),
        candidate: None,
        breaker: Some(BreakerReport { state: BreakerState::Closed, next_try_seconds: None, failures: 0, why: None }),
    }
}

fn last(name: &str, kind: OutcomeKind) -> Option<Outcome> {
    Some(Outcome { plugin: name.to_owned(), kind, at: NOW - 90 })
}

fn candidate() -> CandidateReport {
    CandidateReport {
        version: "2.0.0+0123456789abcdef".to_owned(),
        hash: "01".repeat(32),
        compared: 1_000,
        different: 2,
        failed: 1,
        not_compared: 3,
        last_difference: Some("web_chat msg: sent \"b\" instead of \"a\"\nand more".to_owned()),
    }
}

#[test]
fn the_table_has_a_row_for_each_plugin_and_says_what_has_to_be_known() {
    let reports = [
        running("echo"),
        PluginReport {
            state: PluginState::Waiting,
            version: None,
            since: None,
            handled: 7,
            failed: 12,
            quarantined: 2,
            last: last(
                "a-long-name",
                OutcomeKind::Waiting {
                    version: "1.1.0+a6db".to_owned(),
                    grants: json!({}),
                    text: "send web_b".to_owned(),
                },
            ),
            ..running("a-long-name")
        },
        PluginReport {
            last: last("karma", OutcomeKind::Unchanged { version: "1.0.0".to_owned() }),
            candidate: Some(candidate()),
            ..running("karma")
        },
        PluginReport {
            state: PluginState::Rejected,
            last: last("moderator", OutcomeKind::Rejected { why: "it does not assemble:\n  line 3".to_owned() }),
            ..running("moderator")
        },
    ];
    assert_eq!(
        overview(&reports, NOW),
        "\
plugin       state     version                 since       events  failed  quarantined
echo         running   1.0.0+c082587a6b3ba957  3 h 12 min  182034       0            0
a-long-name  waiting   -                       -                7      12            2
    1.1.0+a6db waits: it asks for more than was granted: send web_b; allow it with `cometbot grant a-long-name`
karma        running   1.0.0+c082587a6b3ba957  3 h 12 min  182034       0            0
    beside it 2.0.0+0123456789abcdef: 1000 events compared, 2 different, 1 failed, 3 not compared
moderator    rejected  1.0.0+c082587a6b3ba957  3 h 12 min  182034       0            0
    rejected: it does not assemble:
      line 3"
    );
}

#[test]
fn a_version_cannot_add_a_row_or_move_the_columns() {
    let hostile = PluginReport { version: Some("1\n\u{1b}[2Jecho".to_owned()), ..running("a") };
    let wide = PluginReport { version: Some("ж".repeat(30)), ..running("b") };
    let text = overview(&[hostile, wide], NOW);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert!(lines[1].contains("1\\n\\u{1b}[2Jecho"), "{text}");
    let column = |line: &str| line.chars().collect::<Vec<_>>().len();
    assert_eq!(column(lines[1]), column(lines[2]), "{text}");
}

#[test]
fn everything_about_one_plugin() {
    let report = PluginReport {
        state: PluginState::Probation,
        failed: 2,
        quarantined: 2,
        waiting_events: 3,
        grants: Some(
            json!({"hear": [{"pipe": "web_chat", "events": ["msg"]}], "send": ["web_chat"], "log": [], "count": []}),
        ),
        last: last(
            "karma",
            OutcomeKind::Swapped { version: "1.0.0+c082587a6b3ba957".to_owned(), pause_us: 85, state_bytes: Some(12) },
        ),
        kept: vec![KeptVersion { version: "0.9.0+aa".to_owned(), hash: "aa".repeat(32), since: NOW - 200_000 }],
        candidate: Some(candidate()),
        ..running("karma")
    };
    assert_eq!(
        details(&report, NOW),
        "\
karma: probation
  version     1.0.0+c082587a6b3ba957, for 3 h 12 min
  sha-256     c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0
  events      182034 handled, 2 failed, 0 dropped, 3 waiting
  quarantine  2 of them: see `cometbot quarantine list karma`
  memory      1.3 MB
  granted     hears web_chat[msg]; send web_chat, which is all that it asks for
  last        1 min ago: swapped to 1.0.0+c082587a6b3ba957, with a pause of 85 µs and 12 bytes of state
  kept        0.9.0+aa, good since 2 d 7 h ago
  candidate   2.0.0+0123456789abcdef: 1000 events compared, 2 different, 1 failed, 3 not compared
              the latest difference: web_chat msg: sent \"b\" instead of \"a\"
              and more"
    );
}

#[test]
fn what_a_plugin_lacks_is_marked_with_the_way_to_grant_it() {
    let report = PluginReport {
        asks: Some(json!({"hear": [{"pipe": "web_chat", "events": ["msg"]}], "send": ["web_*"]})),
        grants: Some(json!({"hear": [{"pipe": "web_chat", "events": ["msg"]}]})),
        missing: Some(json!({"send": ["web_*"]})),
        granted_by_command: Some(json!({"hear": [{"pipe": "web_chat", "events": []}]})),
        ..running("karma")
    };
    assert!(
        overview(std::slice::from_ref(&report), NOW)
            .ends_with("\n    ! not granted: send web_*; see `cometbot plugins karma`"),
    );
    let text = details(&report, NOW);
    assert!(
        text.ends_with(
            "\
  asks        hears web_chat[msg]; send web_*
  granted     hears web_chat[msg]
  ! missing   send web_*
              say `cometbot grant karma`, or write into bot.toml:
                [plugin.karma.grants]
                hear = [\"web_chat\"]
                send = [\"web_*\"]
  by command  hear web_chat"
        ),
        "{text}"
    );
}

#[test]
fn a_plugin_that_never_ran_has_no_version() {
    let report = PluginReport {
        state: PluginState::Disabled,
        version: None,
        hash: None,
        since: None,
        handled: 0,
        memory_bytes: 0,
        ..running("karma")
    };
    assert_eq!(
        details(&report, NOW),
        "karma: disabled\n  events      0 handled, 0 failed, 0 dropped, 0 waiting\n  memory      0 bytes"
    );
}

#[test]
fn a_plugin_that_is_left_in_peace_shows_until_when_and_why() {
    let open = BreakerReport {
        state: BreakerState::Open,
        next_try_seconds: Some(8),
        failures: 5,
        why: Some("it trapped".to_owned()),
    };
    let report = PluginReport { breaker: Some(open.clone()), ..running("karma") };
    let words = "breaker open, next try in 8 s: it failed on 5 events in a row; the last failure: it trapped";
    let table = overview(std::slice::from_ref(&report), NOW);
    assert!(table.contains("karma   breaker open  1.0.0"), "{table}");
    assert!(table.ends_with(&format!("\n    {words}")), "{table}");
    let all = details(&report, NOW);
    assert!(all.contains("\n  breaker     open, next try in 8 s: it failed on 5 events in a row"), "{all}");
    let half_open = BreakerReport { state: BreakerState::HalfOpen, next_try_seconds: None, ..open };
    let all = overview(&[PluginReport { breaker: Some(half_open), ..running("karma") }], NOW);
    assert!(all.contains("breaker half-open, the next event decides"), "{all}");
}
