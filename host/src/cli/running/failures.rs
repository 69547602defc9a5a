//! Events in quarantine, for people. An entry of another form than ours is shown as it came.

use serde::Deserialize as _;
use serde_json::Value;

use super::words::age;
use crate::{plugins::kept::Entry, report::Quiet};

/// How much of a text has room in a list, in characters.
const BRIEF: usize = 60;

/// A line for each.
pub(super) fn list(entries: &[Value], now: u64) -> String {
    let lines: Vec<String> = entries.iter().map(|entry| in_a_line(entry, now)).collect();
    lines.join("\n")
}

fn in_a_line(entry: &Value, now: u64) -> String {
    let Ok(failed) = Entry::deserialize(entry) else { return entry.to_string() };
    let (age, Entry { id, plugin, version, reason, event, .. }) = (age(failed.at_unix_ms / 1_000, now), &failed);
    let text = format!("{plugin} {id}  {age} ago, {version}, {} {}: {}", event.pipe, event.name, brief(reason));
    Quiet(&text).to_string()
}

/// The first line of a text, cut where it is long.
fn brief(text: &str) -> String {
    let first = text.lines().next().unwrap_or_default();
    let shown: String = first.chars().take(BRIEF).collect();
    if shown.len() < text.trim_end().len() { format!("{shown}…") } else { shown }
}

/// Everything about each.
pub(super) fn details(entries: &[Value], now: u64) -> String {
    let texts: Vec<String> = entries.iter().map(|entry| in_full(entry, now)).collect();
    texts.join("\n\n")
}

fn in_full(entry: &Value, now: u64) -> String {
    let Ok(failed) = Entry::deserialize(entry) else { return entry.to_string() };
    let Entry { id, plugin, version, reason, backtrace, event, .. } = &failed;
    let sender = match event.user_id {
        None => String::new(),
        Some(0) => " (anonymous)".to_owned(),
        Some(user) => format!(" (user {user})"),
    };
    let mut text = format!("{plugin} {id}, {} ago, by {version}\n", age(failed.at_unix_ms / 1_000, now));
    // The data of an event is one thing, and stays on its line.
    text.push_str(&format!("  event   {} {}{sender}: {}\n", event.pipe, event.name, Quiet(&event.data)));
    text.push_str(&format!("  reason  {}", reason.replace('\n', "\n          ")));
    for frame in backtrace {
        text.push_str(&format!("\n          at {frame}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: u64 = 1_795_500_000;

    fn entry(reason: &str) -> Value {
        json!({
            "id": "1795499910123456", "plugin": "karma", "version": "1.2.0+c082587a6b3ba957", "at_unix_ms": (NOW - 90) * 1_000,
            "reason": reason, "backtrace": ["karma::on_event", "karma::add"],
            "event": {"pipe": "web_chat", "event": "msg", "data": "!karma\n++", "user_id": 7, "history": false},
        })
    }

    #[test]
    fn the_list_has_a_line_for_each_whatever_is_in_it() {
        let long = entry(&"x".repeat(100));
        let text = list(&[entry("unreachable\nat the end"), long, json!({"of": "another form"})], NOW);
        let beginning = "karma 1795499910123456  1 min ago, 1.2.0+c082587a6b3ba957, web_chat msg:";
        assert_eq!(
            text,
            format!("{beginning} unreachable…\n{beginning} {}…\n{{\"of\":\"another form\"}}", "x".repeat(60))
        );
    }

    #[test]
    fn one_is_shown_whole() {
        let text = details(&[entry("it trapped:\nunreachable")], NOW);
        assert_eq!(
            text,
            "\
karma 1795499910123456, 1 min ago, by 1.2.0+c082587a6b3ba957
  event   web_chat msg (user 7): !karma\\n++
  reason  it trapped:
          unreachable
          at karma::on_event
          at karma::add"
        );
    }
}
