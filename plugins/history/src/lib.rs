//! Answers `!last N` with the last N messages of the pipe, out of the pipe's log.

use cometbot_plugin::{Error, Event, Plugin, Wants, comet, config, export};

const COMMAND: &str = "!last";
const LINES_DEFAULT: usize = 5;
const LINES_MAX: usize = 20;

/// A longer text is cut, so that the longest answer still fits into one message.
const TEXT_MAX_CHARS: usize = 200;

const NO_LOG: &str = "this pipe has no log: the operator of the comet server can switch it on";

struct History;

impl Plugin for History {
    fn setup() -> Result<(Self, Wants), Error> {
        let mut wants = Wants::new();
        for pipe in config::list("pipes", "web_chat")? {
            wants = wants.hear(&pipe, ["msg"]).log(&pipe).send(pipe);
        }
        Ok((Self, wants))
    }

    fn handle(&mut self, question: Event) -> Result<(), Error> {
        let lines = match Command::read(&question.text()) {
            Command::Other => return Ok(()),
            Command::Unclear => {
                return Ok(question.reply("bot", &format!("say {COMMAND} N, with an N from 1 to {LINES_MAX}"))?);
            }
            Command::Last(lines) => lines,
        };
        // All of it, for the log holds every event of the pipe, and only messages are shown.
        let log = comet::log(&question.pipe, comet::LOG_MAX_EVENTS)?;
        Ok(question.reply("bot", &transcript(log, &question, lines))?)
    }
}

export!(History);

#[derive(Debug, PartialEq, Eq)]
enum Command {
    Last(usize),
    /// It is this command, but not with a number that makes sense.
    Unclear,
    /// Somebody just talks.
    Other,
}

impl Command {
    fn read(text: &str) -> Self {
        let mut words = text.split_whitespace();
        if words.next() != Some(COMMAND) {
            return Self::Other;
        }
        let Some(lines) = words.next() else { return Self::Last(LINES_DEFAULT) };
        match lines.parse() {
            Ok(lines @ 1..=LINES_MAX) if words.next().is_none() => Self::Last(lines),
            _ => Self::Unclear,
        }
    }
}

fn transcript(log: Vec<Event>, question: &Event, lines: usize) -> String {
    if log.is_empty() {
        return NO_LOG.to_owned();
    }
    let mut messages: Vec<Event> = log.into_iter().filter(|event| event.name == "msg").collect();
    // The server logs a message before it delivers it, so the question is there as well.
    if let Some(index) =
        messages.iter().rposition(|event| event.user_id == question.user_id && event.data == question.data)
    {
        messages.remove(index);
    }
    if messages.is_empty() {
        return "nobody has said anything yet".to_owned();
    }
    let skipped = messages.len().saturating_sub(lines);
    messages.iter().skip(skipped).map(line).collect::<Vec<_>>().join("\n")
}

fn line(event: &Event) -> String {
    let time = event.time.map(|time| format!("{:02}:{:02} ", time / 3600 % 24, time / 60 % 60)).unwrap_or_default();
    let user = match event.user_id {
        Some(0) => "anonymous".to_owned(),
        Some(user) => format!("user {user}"),
        None => "unknown".to_owned(),
    };
    let mut text = event.text().split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = text.char_indices().nth(TEXT_MAX_CHARS) {
        text.truncate(end);
        text.push('…');
    }
    // JavaScript clients lose a message that has an apostrophe in it.
    format!("{time}{user}: {}", text.replace('\'', "’"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use cometbot_plugin::testing::{Sent, Stage};

    use super::*;

    #[test]
    fn the_command_is_answered_from_the_log_of_its_pipe() {
        let mut stage = Stage::<History>::with().log("web_chat", [said(1, "one"), said(2, "two")]).start().unwrap();
        let mut answer = |command| stage.handle(said(7, command)).unwrap();
        assert_eq!(answer("!last 1"), [Sent::new("web_chat", "bot", "user 2: two")]);
        assert_eq!(answer(r#""!last""#), [Sent::new("web_chat", "bot", r#""user 1: one\nuser 2: two""#)]);
        assert_eq!(answer("!last 99"), [Sent::new("web_chat", "bot", "say !last N, with an N from 1 to 20")]);
        assert_eq!(answer("at last"), []);
    }

    #[test]
    fn a_pipe_without_a_log_is_told_so() {
        let mut stage = Stage::<History>::with().config("pipes", "web_help").start().unwrap();
        let asked = Event { pipe: "web_help".into(), ..said(7, "!last") };
        assert_eq!(stage.handle(asked).unwrap(), [Sent::new("web_help", "bot", NO_LOG)]);
    }

    fn said(user: u64, data: &str) -> Event {
        Event { user_id: Some(user), ..Event::new("web_chat", "msg", data) }
    }

    fn answer(log: &[Event], lines: usize) -> String {
        transcript(log.to_vec(), &said(7, "!last 2"), lines)
    }

    #[test]
    fn a_number_of_lines_is_optional_and_from_1_to_20() {
        for (text, command) in [
            ("!last 2", Command::Last(2)),
            (" !last  20 ", Command::Last(20)),
            ("!last", Command::Last(5)),
            ("!last 0", Command::Unclear),
            ("!last 21", Command::Unclear),
            ("!last -1", Command::Unclear),
            ("!last two", Command::Unclear),
            ("!last 2 please", Command::Unclear),
            ("!lastly 2", Command::Other),
            ("the !last 2", Command::Other),
            ("", Command::Other),
        ] {
            assert_eq!(Command::read(text), command, "{text}");
        }
    }

    #[test]
    fn the_last_messages_are_shown_oldest_first_without_the_question() {
        let log = [said(1, "one"), said(0, "two"), said(2, "three"), said(7, "!last 2")];
        assert_eq!(answer(&log, 2), "anonymous: two\nuser 2: three");
        assert_eq!(answer(&log, 20), "user 1: one\nanonymous: two\nuser 2: three");
    }

    #[test]
    fn the_same_question_of_another_or_an_earlier_one_is_shown() {
        let log = [said(7, "!last 2"), said(8, "!last 2"), said(7, "!last 2")];
        assert_eq!(answer(&log, 5), "user 7: !last 2\nuser 8: !last 2");
    }

    #[test]
    fn what_was_said_after_the_question_is_shown() {
        assert_eq!(answer(&[said(1, "one"), said(7, "!last 2"), said(2, "late")], 2), "user 1: one\nuser 2: late");
    }

    #[test]
    fn only_messages_are_shown() {
        let bot = Event::new("web_chat", "bot", "user 1: one");
        assert_eq!(answer(&[said(1, "one"), bot, said(7, "!last 2")], 5), "user 1: one");
    }

    #[test]
    fn an_empty_log_and_a_log_of_only_the_question_are_not_the_same() {
        assert_eq!(answer(&[], 5), NO_LOG);
        assert_eq!(answer(&[said(7, "!last 2")], 5), "nobody has said anything yet");
    }

    #[test]
    fn a_line_has_the_time_of_day_if_the_server_says_it() {
        let event = Event { time: Some(1_700_000_000), user_id: None, ..said(0, "hi") };
        assert_eq!(line(&event), "22:13 unknown: hi");
    }

    #[test]
    fn a_text_is_one_line_of_bounded_length_without_apostrophes() {
        assert_eq!(line(&said(1, r#""it's\na   line""#)), "user 1: it’s a line");
        assert_eq!(line(&said(1, &"я".repeat(201))), format!("user 1: {}…", "я".repeat(200)));
        assert_eq!(line(&said(1, &"я".repeat(200))), format!("user 1: {}", "я".repeat(200)));
    }
}
