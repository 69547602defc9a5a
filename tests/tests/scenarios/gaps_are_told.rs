//! What could not be caught up is told: to plugins that ask for it, in the log, and in the metrics.

use cometbot_tests::{Comet, Line, Plugin, Process, within};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::scribe::{Note, gaps, home, notes, reopen, said_long_ago, say, scribe, settled_bot, shut, words_up_to};

/// Rows that the log holds, and events that are said while the bot is away.
const ROWS: usize = 20;
const SAID: usize = 30;

/// A plugin that writes down the name of each event that it hears, with `said` before it.
fn listener(said: &str, plugin: Plugin) -> String {
    plugin
        .writes_log()
        .handle(&format!(r#"(call $log (i32.const 2) "{said}" (local.get $name) (local.get $name_bytes))"#))
        .text()
}

/// A bot that was away while more was said in `web_log` than its log holds, and something in `web_plain`, which has none.
async fn after_a_gap(comet: &Comet, plugins: &[(&str, String)]) -> Process {
    comet.control.set_log_length("web_log", i64::try_from(ROWS).unwrap());
    said_long_ago(comet, "web_log", 1);
    let scribe = scribe(["web_log", "web_plain", "host:gap"]);
    let home = home(&comet.url(), &scribe).set("service", "metrics = \"127.0.0.1:0\"");
    for (file, text) in plugins {
        home.write_plugin(file, text);
    }
    let bot = settled_bot(comet, &home).await;
    say(comet, "web_log", ["here"]);
    words_up_to(&bot, "web_log", "here").await;
    shut(comet);
    say(comet, "web_log", (0..SAID).map(|number| number.to_string()));
    say(comet, "web_plain", ["lost"]);
    reopen(comet).await;
    // Only when the log was read may more be said, which would push rows out of it.
    words_up_to(&bot, "web_log", &(SAID - 1).to_string()).await;
    say(comet, "web_log", ["back"]);
    say(comet, "web_plain", ["back"]);
    words_up_to(&bot, "web_log", "back").await;
    words_up_to(&bot, "web_plain", "back").await;
    bot
}

fn gap_of<'a>(notes: &'a [Note], pipe: &str) -> &'a Note {
    let told: Vec<&Note> = notes.iter().filter(|note| note.pipe == "host:gap" && note.name == pipe).collect();
    assert_eq!(told.len(), 1, "{told:#?}");
    told[0]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gap_is_an_event_before_what_was_recovered_and_a_line_and_a_metric() {
    let comet = Comet::start().await;
    let bot = after_a_gap(&comet, &[]).await;
    let notes = notes(&bot);

    // The event: its place, its name, its data.
    let of_the_log: Vec<String> =
        notes.iter().filter(|note| note.pipe == "web_log" || note.name == "web_log").map(place).collect();
    let recovered: Vec<String> = (SAID - ROWS..SAID).map(|number| format!("+{number}")).collect();
    let expected = [vec!["here".to_owned(), "gap".to_owned()], recovered, vec!["back".to_owned()]].concat();
    assert_eq!(of_the_log, expected);
    let of_the_other: Vec<String> =
        notes.iter().filter(|note| note.pipe == "web_plain" || note.name == "web_plain").map(place).collect();
    assert_eq!(of_the_other, ["gap", "back"]);
    for (pipe, reason, count) in [("web_log", "log_too_short", ROWS), ("web_plain", "no_log", 0)] {
        let note = gap_of(&notes, pipe);
        let data: serde_json::Value = serde_json::from_str(&note.data).unwrap();
        assert!(!note.history);
        assert_eq!(data["pipe"], pipe);
        assert_eq!(data["recovered"], count);
        assert!(data["since"].as_u64().unwrap() <= data["until"].as_u64().unwrap());
        assert_eq!(data.as_object().unwrap().len(), 5, "{data}");

        // The line says the same.
        let lines: Vec<Line> = gaps(&bot).into_iter().filter(|line| line.field("pipe") == pipe).collect();
        assert_eq!(lines.len(), 1);
        assert!(lines[0].is("WARN"));
        assert_eq!(lines[0].field("reason"), reason);
        assert!(lines[0].says(data["why"].as_str().unwrap()), "{}", lines[0].raw);
        for field in ["since", "until", "recovered"] {
            assert_eq!(lines[0].field(field), data[field].to_string());
        }
    }

    // And the metrics.
    let metrics = metrics(&bot).await;
    let metric = |name: &str| metrics.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
    assert_eq!(metric("cometbot_gaps_total{reason=\"log_too_short\"}"), "1");
    // `web_ask`, of the scribe, has no log either.
    assert_eq!(metric("cometbot_gaps_total{reason=\"no_log\"}"), (gaps(&bot).len() - 1).to_string());
    assert_eq!(metric("cometbot_gaps_total{reason=\"too_much_held\"}"), "0");
    assert_eq!(metric("cometbot_recovered_events_total"), ROWS.to_string());
    let seconds: u64 = gaps(&bot).iter().map(|line| number(line, "until") - number(line, "since")).sum();
    assert_eq!(metric("cometbot_gap_seconds_total"), seconds.to_string());
    let line = bot.wait_until_it_says("what was missed came out of the log").await;
    assert_eq!((line.field("pipe").as_str(), number(&line, "events")), ("web_log", ROWS as u64));
}

fn place(note: &Note) -> String {
    if note.pipe == "host:gap" { "gap".to_owned() } else { note.word() }
}

fn number(line: &Line, field: &str) -> u64 {
    line.field(field).parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_hears_of_the_gaps_that_it_asked_for_and_of_no_others() {
    let comet = Comet::start().await;
    let all = Plugin::new().hears("host:gap", []);
    let plain = Plugin::new().hears("host:gap", ["web_plain"]);
    let none = Plugin::new().hears("web_log", []).hears("web_plain", []);
    let plugins = [("all.wat", all), ("plain.wat", plain), ("none.wat", none)]
        .map(|(file, plugin)| (file, listener(file.trim_end_matches(".wat"), plugin)));
    let bot = after_a_gap(&comet, &plugins).await;
    let heard_by = |plugin: &'static str| {
        bot.lines(move |line| line.of(plugin) && line.field("context") == plugin)
            .iter()
            .map(|line| line.message().to_owned())
            .collect::<Vec<_>>()
    };
    // The other plugins may be behind the scribe, whose last event came after all gaps.
    bot.wait_for_all("the gaps in all", 3, |line| line.of("all") && line.field("context") == "all").await;
    bot.wait_for("the gap in plain", |line| line.of("plain") && line.field("context") == "plain").await;
    bot.wait_for_all("all events in none", ROWS + 3, |line| line.of("none") && line.field("context") == "none").await;
    let mut all = heard_by("all");
    all.sort();
    assert_eq!(all, ["web_ask", "web_log", "web_plain"]);
    assert_eq!(heard_by("plain"), ["web_plain"]);
    assert!(heard_by("none").iter().all(|name| name == "msg"));
    assert_eq!(comet.control.subscribers("host:gap"), 0, "the server knows nothing of it");
}

/// What the bot serves at `/metrics`.
async fn metrics(bot: &Process) -> String {
    let line = bot.wait_until_it_says("metrics are at http://").await;
    let (_, address) = line.message().rsplit_once("http://").unwrap();
    let address = address.strip_suffix("/metrics").unwrap();
    let mut stream = within("a connection to the metrics", TcpStream::connect(address)).await.unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: bot\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    within("the metrics", stream.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    answer
}
