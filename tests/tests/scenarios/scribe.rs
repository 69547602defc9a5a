//! A plugin that writes down what it hears, and a way to read it: the bot's own log is the record, since what a plugin
//! sends is subject to the very faults that the scenarios are about. With it, what those scenarios begin with.

use cometbot_tests::{Comet, Home, Line, Plugin, Process};

/// What the plugin is called.
pub const SCRIBE: &str = "scribe";
/// Its file.
pub const FILE: &str = "scribe.wat";

/// An event that a plugin wrote down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The pipe.
    pub pipe: String,
    /// The event's name.
    pub name: String,
    /// The payload.
    pub data: String,
    /// Whether it was missed and came out of a log.
    pub history: bool,
}

impl Note {
    fn read(line: &Line) -> Self {
        let context = line.field("context");
        let (pipe, name) = context.split_once(' ').expect("the scribe writes pipe and name");
        Self { pipe: pipe.to_owned(), name: name.to_owned(), data: line.message().to_owned(), history: line.is("WARN") }
    }

    /// Its data, with `+` before it if it was missed.
    pub fn word(&self) -> String {
        format!("{}{}", if self.history { "+" } else { "" }, self.data)
    }
}

/// A plugin that writes all events of these pipes into the log, as warnings if they are history. In `web_ask` it hears
/// `ask`, reads the log of `web_log`, and writes that down as well.
pub fn scribe<const N: usize>(pipes: [&str; N]) -> Plugin {
    let plugin = pipes.into_iter().fold(Plugin::new(), |plugin, pipe| plugin.hears(pipe, []));
    plugin
        .hears("web_ask", ["ask"])
        .logs("web_log")
        .writes_log()
        .function(
            r#"(func $joined (param $one i32) (param $one_bytes i32) (param $two i32) (param $two_bytes i32)
                (result i32 i32)
                (local $at i32) (local $gap i32)
                (local.set $at (call $allocate (i32.const 0) (i32.const 0) (i32.const 1)
                    (i32.add (i32.const 1) (i32.add (local.get $one_bytes) (local.get $two_bytes)))))
                (local.set $gap (i32.add (local.get $at) (local.get $one_bytes)))
                (memory.copy (local.get $at) (local.get $one) (local.get $one_bytes))
                (i32.store8 (local.get $gap) (i32.const 32))
                (memory.copy (i32.add (i32.const 1) (local.get $gap)) (local.get $two) (local.get $two_bytes))
                (local.get $at)
                (i32.add (i32.const 1) (i32.add (local.get $one_bytes) (local.get $two_bytes))))"#,
        )
        .handle(
            r#"(if (call $is (local.get $pipe) (local.get $pipe_bytes) "web_ask")
                (then (call $ask_log "web_log" (i32.const 1) (i32.const 0x120))))
            (call $log (i32.add (i32.const 2) (local.get $history))
                (call $joined (local.get $pipe) (local.get $pipe_bytes) (local.get $name) (local.get $name_bytes))
                (local.get $data) (local.get $data_bytes))"#,
        )
}

fn is_note(line: &Line) -> bool {
    line.of(SCRIBE) && !line.field("context").is_empty()
}

/// What was written down so far, of everything but `web_ask`.
pub fn notes(bot: &Process) -> Vec<Note> {
    let notes = bot.lines(is_note);
    notes.iter().map(Note::read).filter(|note| note.pipe != "web_ask").collect()
}

/// The words of one pipe's notes so far; see [`Note::word`].
pub fn words(bot: &Process, pipe: &str) -> Vec<String> {
    notes(bot).iter().filter(|note| note.pipe == pipe).map(Note::word).collect()
}

/// The words of one pipe's notes, as soon as `last` is among them.
pub async fn words_up_to(bot: &Process, pipe: &str, last: &str) -> Vec<String> {
    let context = format!("{pipe} ");
    let fits = |line: &Line| is_note(line) && line.field("context").starts_with(&context) && line.message() == last;
    bot.wait_for(&format!("{last} in {pipe}"), fits).await;
    words(bot, pipe)
}

/// For a bot with this scribe, at `url`, that tries again soon.
pub fn home(url: &str, scribe: &Plugin) -> Home {
    Home::at_url(url).set("server", "retry-min-ms = 10\nretry-max-seconds = 1").plugin(FILE, scribe.text())
}

/// Puts rows of an hour ago into a log: `old 0`, `old 1` ...
pub fn said_long_ago(comet: &Comet, pipe: &str, rows: usize) {
    comet.control.shift_clock(-3_600);
    for number in 0..rows {
        comet.control.publish(pipe, "msg", &format!("old {number}")).unwrap();
    }
    comet.control.shift_clock(3_600);
}

/// Publishes these words as events `msg`.
pub fn say<W: AsRef<str>>(comet: &Comet, pipe: &str, words: impl IntoIterator<Item = W>) {
    for word in words {
        comet.control.publish(pipe, "msg", word.as_ref()).unwrap();
    }
}

/// Waits until the bot has read the logs of what it subscribed: questions are answered in order, so the scribe's own
/// comes after them, and another event after that.
pub async fn settled(comet: &Comet, bot: &Process) {
    for number in 0..2 {
        let asked = format!("asked {number}");
        let before = bot.lines(|line| line.message() == asked).len();
        comet.control.publish("web_ask", "ask", &asked).unwrap();
        bot.wait_for_all(&asked, before + 1, |line| line.message() == asked).await;
    }
}

/// A bot with a scribe that hears and has read the logs.
pub async fn settled_bot(comet: &Comet, home: &Home) -> Process {
    let bot = home.live().await;
    settled(comet, &bot).await;
    bot
}

/// Ends all connections and lets nobody in.
pub fn shut(comet: &Comet) {
    comet.control.refuse_connections(true);
    assert!(comet.control.disconnect_all() >= 1);
}

/// Lets everybody in again, and waits for the bot.
pub async fn reopen(comet: &Comet) {
    comet.control.refuse_connections(false);
    comet.subscribed("web_ask", 1).await;
}

/// What the bot's log says about gaps so far.
pub fn gaps(bot: &Process) -> Vec<Line> {
    bot.lines(|line| line.says("messages of this pipe may be missing"))
}
