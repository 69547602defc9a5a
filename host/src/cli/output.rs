//! How answers are written: for people, or as JSON lines. Colour only on a terminal.

use std::io::{self, IsTerminal as _, Write as _};

use serde::Serialize;

use super::CliError;
use crate::report::Quiet;

/// An event or a row of a log, as commands show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Shown {
    pub(super) pipe: String,
    pub(super) event: String,
    pub(super) data: String,
    pub(super) user_id: Option<u64>,
    pub(super) time: Option<u64>,
    pub(super) history: bool,
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
            serde_json::to_writer(&mut out, value).map_err(CliError::failed)?;
            writeln!(out)?;
        } else {
            writeln!(out, "{text}")?;
        }
        out.flush()?;
        Ok(())
    }

    /// Writes an event as a line.
    pub(super) fn event(self, event: &Shown) -> Result<(), CliError> {
        let sender = match event.user_id {
            None => String::new(),
            Some(0) => " (anonymous)".to_owned(),
            Some(id) => format!(" (user {id})"),
        };
        let (dim, strong, plain) = if self.colour { ("\u{1b}[2m", "\u{1b}[36m", "\u{1b}[0m") } else { ("", "", "") };
        let (pipe, name) = (Quiet(&event.pipe), Quiet(&event.event));
        let text = format!("{strong}{pipe}{plain} {name}{dim}{sender}{plain}: {}", Quiet(&event.data));
        self.line(&text, event)
    }
}
