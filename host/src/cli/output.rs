//! How answers are written: for people, or as JSON lines. Colour only on a terminal.

use std::io::{self, IsTerminal as _, Write as _};

use serde::Serialize;

use super::CliError;
use crate::{
    comet::wire::Event,
    report::{Quiet, QuietText},
};

/// An event or a row of a log, as commands show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Shown {
    pipe: String,
    event: String,
    data: String,
    user_id: Option<u64>,
    time: Option<u64>,
    history: bool,
}

impl From<Event<'static>> for Shown {
    fn from(event: Event<'static>) -> Self {
        Self {
            pipe: event.pipe.into_owned(),
            event: event.name.into_owned(),
            data: event.data.into_owned(),
            user_id: event.user_id,
            time: event.time,
            history: event.history,
        }
    }
}

/// Standard output.
#[derive(Debug, Clone, Copy)]
pub(super) struct Output {
    json: bool,
    colour: bool,
}

impl Output {
    pub(super) fn new(json: bool) -> Self {
        Self { json, colour: !json && io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none() }
    }

    /// Writes a line: the text for people, the value for programs.
    pub(super) fn line(self, text: &str, value: &impl Serialize) -> Result<(), CliError> {
        let mut out = io::stdout().lock();
        if self.json {
            writeln!(out, "{}", ascii_controls(&serde_json::to_string(value).map_err(CliError::failed)?))?;
        } else {
            writeln!(out, "{text}")?;
        }
        out.flush()?;
        Ok(())
    }

    /// Writes a line that may hold foreign text, which keeps its line breaks and loses what could steer a terminal.
    pub(super) fn foreign_line(self, text: &str, value: &impl Serialize) -> Result<(), CliError> {
        self.line(&QuietText(text).to_string(), value)
    }

    /// Writes an event as a line.
    pub(super) fn event(self, event: Event<'static>) -> Result<(), CliError> {
        let event = Shown::from(event);
        let sender = match event.user_id {
            None => String::new(),
            Some(0) => " (anonymous)".to_owned(),
            Some(id) => format!(" (user {id})"),
        };
        let (dim, strong, plain) = if self.colour { ("\u{1b}[2m", "\u{1b}[36m", "\u{1b}[0m") } else { ("", "", "") };
        let (pipe, name) = (Quiet(&event.pipe), Quiet(&event.event));
        let text = format!("{strong}{pipe}{plain} {name}{dim}{sender}{plain}: {}", Quiet(&event.data));
        self.line(&text, &event)
    }
}

/// JSON leaves the controls beyond ASCII's first thirty-two as they are; a terminal does not.
fn ascii_controls(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for character in json.chars() {
        if character.is_control() {
            text.push_str(&format!("\\u{:04x}", u32::from(character)));
        } else {
            text.push(character);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_beyond_json_s_own_are_escaped_too() {
        assert_eq!(ascii_controls("\"\u{9b}31m\u{7f}ж\""), "\"\\u009b31m\\u007fж\"");
    }
}
