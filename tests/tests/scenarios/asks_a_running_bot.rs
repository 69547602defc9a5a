//! The commands that speak with a running bot: what they ask, what they write, and their exit codes. The bot is played by
//! the test, so that it gives every answer there is.

use cometbot::bot::{
    control::{Answer, Asked, Control, KeptVersion, PluginReport, PluginState, Request},
    outcome::{Outcome, OutcomeKind},
};
use cometbot_tests::{Ended, Home, within};
use serde_json::{Value, json};
use tokio::sync::mpsc;

const VERSION: &str = "1.2.0+c082587a6b3ba957";

/// A bot that gives the answers that it is told to.
struct Bot {
    home: Home,
    asked: mpsc::Receiver<Asked>,
    _control: Control,
}

impl Bot {
    async fn start() -> Self {
        let home = Home::new();
        let (requests, asked) = mpsc::channel(1);
        let control = Control::serve(&home.path().join("state/control.sock"), requests).await.unwrap();
        Self { home, asked, _control: control }
    }

    /// Runs a command that is to ask for `request` and is answered so.
    async fn answer(&mut self, arguments: impl IntoIterator<Item = &str>, request: Request, answer: Answer) -> Ended {
        let command = self.home.spawn(arguments);
        let (asked, sender) = within("a request", self.asked.recv()).await.unwrap();
        assert_eq!(asked, request);
        sender.send(answer).unwrap();
        command.end().await
    }
}

fn karma() -> String {
    "karma".to_owned()
}

fn done(text: &str) -> Answer {
    Answer::Done { text: text.to_owned() }
}

fn outcome(kind: OutcomeKind) -> Answer {
    Answer::Outcomes { outcomes: vec![Outcome { plugin: karma(), kind, at: 1_795_488_865 }], notes: Vec::new() }
}

fn json_lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_command_asks_for_what_its_words_say() {
    let mut bot = Bot::start().await;
    let plugin = karma;
    let id = || "17-1".to_owned();
    let file = bot.home.path().canonicalize().unwrap().join("new/karma.wasm");
    for (words, request) in [
        ("reload", Request::Reload { plugin: None, wait: false, without_state: false }),
        ("reload --wait", Request::Reload { plugin: None, wait: true, without_state: false }),
        ("reload karma --without-state", Request::Reload { plugin: Some(karma()), wait: false, without_state: true }),
        ("rollback karma", Request::Rollback { plugin: plugin(), wait: false }),
        ("rollback --wait karma", Request::Rollback { plugin: plugin(), wait: true }),
        ("disable karma", Request::Disable { plugin: plugin() }),
        ("enable karma", Request::Enable { plugin: plugin() }),
        ("grant karma", Request::Grant { plugin: plugin(), wait: false }),
        ("grant karma --wait", Request::Grant { plugin: plugin(), wait: true }),
        ("revoke karma", Request::Revoke { plugin: plugin() }),
        ("shadow karma new/karma.wasm", Request::Shadow { plugin: plugin(), file }),
        ("shadow karma --stop", Request::Unshadow { plugin: plugin() }),
        ("promote karma", Request::Promote { plugin: plugin(), wait: false }),
        ("promote karma --wait", Request::Promote { plugin: plugin(), wait: true }),
        ("quarantine redrive karma", Request::QuarantineRedrive { plugin: plugin(), id: None }),
        ("quarantine redrive karma 17-1", Request::QuarantineRedrive { plugin: plugin(), id: Some(id()) }),
        ("quarantine drop karma", Request::QuarantineDrop { plugin: plugin(), id: None }),
        ("quarantine drop karma 17-1", Request::QuarantineDrop { plugin: plugin(), id: Some(id()) }),
    ] {
        let ended = bot.answer(words.split(' '), request, done("karma: on its way")).await;
        let said = (ended.code, ended.out.as_str(), ended.err.as_str());
        assert_eq!(said, (Some(0), "karma: on its way\n", ""), "{words}");
    }
    let ended = bot.answer(["--json", "enable", "karma"], Request::Enable { plugin: karma() }, done("on")).await;
    assert_eq!(json_lines(&ended.out), [json!({"done": "on"})]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_exit_code_tells_the_outcome() {
    let mut bot = Bot::start().await;
    let version = || VERSION.to_owned();
    let why = || "why".to_owned();
    for (kind, code, line, error) in [
        (OutcomeKind::Started { version: version() }, 0, format!("karma: started {VERSION}"), ""),
        (
            OutcomeKind::Swapped { version: version(), pause_us: 85, state_bytes: None },
            0,
            format!("karma: swapped to {VERSION}, with a pause of 85 µs"),
            "",
        ),
        (OutcomeKind::Unchanged { version: version() }, 0, format!("karma: unchanged, {VERSION} runs already"), ""),
        (OutcomeKind::Removed, 0, "karma: removed".to_owned(), ""),
        (OutcomeKind::Disabled, 0, "karma: disabled".to_owned(), ""),
        (
            OutcomeKind::Rejected { why: why() },
            1,
            "karma: rejected: why".to_owned(),
            "cometbot: cannot run: karma; what ran goes on\n",
        ),
        (
            OutcomeKind::Waiting { version: version(), grants: json!({}), text: "send web_b".to_owned() },
            4,
            format!(
                "karma: {VERSION} waits: it asks for more than was granted: send web_b; allow it with `cometbot grant \
                 karma`"
            ),
            "cometbot: waiting for you to decide: karma; what ran goes on\n",
        ),
        (
            OutcomeKind::RolledBack { version: version(), why: why() },
            5,
            format!("karma: rolled back to {VERSION}: why"),
            "cometbot: failed and rolled back: karma; the last good version runs\n",
        ),
    ] {
        let request = || Request::Reload { plugin: Some(karma()), wait: true, without_state: false };
        let ended = bot.answer(["reload", "karma", "--wait"], request(), outcome(kind.clone())).await;
        assert_eq!((ended.code, ended.out, ended.err.as_str()), (Some(code), line + "\n", error));
        let ended = bot.answer(["reload", "karma", "--wait", "--json"], request(), outcome(kind.clone())).await;
        let value = &json_lines(&ended.out)[0];
        assert_eq!(
            (ended.code, &value["plugin"], &value["outcome"], &value["at"]),
            (Some(code), &json!("karma"), &serde_json::to_value(&kind).unwrap()["outcome"], &json!(1_795_488_865))
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_bot_refuses_or_remarks_is_on_standard_error() {
    let mut bot = Bot::start().await;
    let refused = Answer::Refused { why: "there is no version to go back to".to_owned() };
    let ended = bot.answer(["rollback", "karma"], Request::Rollback { plugin: karma(), wait: false }, refused).await;
    let said = "cometbot: there is no version to go back to\n";
    assert_eq!((ended.code, ended.out.as_str(), ended.err.as_str()), (Some(1), "", said));

    let remarked =
        Answer::Outcomes { outcomes: Vec::new(), notes: vec!["`server.url` waits for a restart".to_owned()] };
    let request = Request::Reload { plugin: None, wait: false, without_state: false };
    let ended = bot.answer(["reload"], request, remarked).await;
    let said = "`server.url` waits for a restart\n";
    assert_eq!((ended.code, ended.out.as_str(), ended.err.as_str()), (Some(0), "", said));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_bot_or_with_wrong_words_nothing_is_asked() {
    let home = Home::new();
    for words in ["plugins", "reload", "disable karma", "quarantine list"] {
        let ended = home.run(words.split(' ')).await;
        assert_eq!((ended.code, ended.out.as_str()), (Some(6), ""), "{words}");
        assert!(ended.err.starts_with("cometbot: no bot runs here (state/control.sock): start it with"), "{ended:?}");
    }
    for words in ["rollback", "rollback ../karma", "rollback karma.wasm", "shadow karma", "shadow karma a.wasm --stop"]
    {
        assert_eq!(home.run(words.split(' ')).await.code, Some(2), "{words}");
    }
    let ended = home.file("bot.toml", "[service]\nnonsense = 1\n").run(["plugins"]).await;
    assert_eq!(ended.code, Some(2), "{ended:?}");
}

fn report(name: &str) -> PluginReport {
    PluginReport {
        name: name.to_owned(),
        state: PluginState::Running,
        version: Some(VERSION.to_owned()),
        hash: Some("c0".repeat(32)),
        since: Some(1_795_488_865),
        handled: 12,
        failed: 1,
        dropped: 0,
        quarantined: 1,
        waiting_events: 0,
        memory_bytes: 65_536,
        asks: None,
        grants: Some(json!({"hear": [], "send": [], "log": [], "count": []})),
        missing: None,
        granted_by_command: None,
        last: None,
        held_back: None,
        kept: vec![KeptVersion { version: "1.1.0+00".to_owned(), hash: "00".repeat(32), since: 1_795_400_000 }],
        candidate: None,
        breaker: None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plugins_are_a_table_details_or_an_object_a_line() {
    let mut bot = Bot::start().await;
    let hostile = PluginReport { version: Some("1\u{1b}[31m\nforged".to_owned()), ..report("zeta") };
    let all = || Answer::Plugins { plugins: vec![report("karma"), hostile.clone()] };
    let ended = bot.answer(["plugins"], Request::Plugins {}, all()).await;
    let lines: Vec<&str> = ended.out.lines().collect();
    assert_eq!((ended.code, ended.err.as_str(), lines.len()), (Some(0), "", 3), "{ended:?}");
    assert!(lines[0].starts_with("plugin  state    version") && lines[1].starts_with("karma   running  1.2.0+"));
    assert!(!ended.out.contains('\u{1b}'), "{:?}", ended.out);

    let ended = bot.answer(["plugins", "karma"], Request::Plugins {}, all()).await;
    assert!(ended.out.starts_with("karma: running\n  version") && !ended.out.contains("zeta"), "{}", ended.out);
    let ended = bot.answer(["plugins", "zeta"], Request::Plugins {}, all()).await;
    assert!(!ended.out.contains('\u{1b}'), "{:?}", ended.out);

    let ended = bot.answer(["plugins", "--json"], Request::Plugins {}, all()).await;
    let values = json_lines(&ended.out);
    assert_eq!(values.len(), 2);
    assert_eq!((&values[0]["name"], &values[0]["state"]), (&json!("karma"), &json!("running")));
    assert_eq!(serde_json::from_value::<PluginReport>(values[1].clone()).unwrap(), hostile);

    let ended = bot.answer(["plugins", "other"], Request::Plugins {}, all()).await;
    let said = "cometbot: the bot has no plugin `other`; it has karma, zeta\n";
    assert_eq!((ended.code, ended.err.as_str()), (Some(1), said));
    let ended = bot.answer(["plugins"], Request::Plugins {}, Answer::Plugins { plugins: Vec::new() }).await;
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), ""));
    assert!(ended.err.contains("put a .wasm or .wat file"), "{}", ended.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failed_events_are_listed_and_shown_whole() {
    let mut bot = Bot::start().await;
    let entry = json!({
        "id": "0000000000000017", "plugin": "karma", "version": VERSION, "at_unix_ms": 1_795_488_865_000_u64, "reason": "it trapped\nat the end",
        "backtrace": ["karma::add"],
        "event": {"pipe": "web_chat", "event": "msg", "data": "\u{1b}[31m++", "user_id": 7, "time": null, "history": false},
    });
    let entries = || Answer::Quarantine { entries: vec![entry.clone()] };
    let ended = bot.answer(["quarantine", "list"], Request::QuarantineList { plugin: None }, entries()).await;
    assert_eq!((ended.code, ended.out.lines().count()), (Some(0), 1), "{ended:?}");
    assert!(
        ended.out.starts_with("karma 0000000000000017  ") && ended.out.ends_with("web_chat msg: it trapped…\n"),
        "{ended:?}"
    );

    let show = || Request::QuarantineShow { plugin: karma(), id: "0000000000000017".to_owned() };
    let ended = bot.answer(["quarantine", "show", "karma", "0000000000000017"], show(), entries()).await;
    assert!(ended.out.contains("  event   web_chat msg (user 7): \\u{1b}[31m++\n"), "{:?}", ended.out);
    assert!(ended.out.ends_with("at the end\n          at karma::add\n"), "{:?}", ended.out);
    let ended = bot.answer(["--json", "quarantine", "show", "karma", "0000000000000017"], show(), entries()).await;
    assert_eq!(json_lines(&ended.out), vec![entry.clone()]);

    let nothing = Answer::Quarantine { entries: Vec::new() };
    let request = Request::QuarantineList { plugin: Some(karma()) };
    let ended = bot.answer(["quarantine", "list", "karma"], request, nothing).await;
    assert_eq!((ended.code, ended.out.as_str(), ended.err.as_str()), (Some(0), "", "nothing is in quarantine\n"));
}
