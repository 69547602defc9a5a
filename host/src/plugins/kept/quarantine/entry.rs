//! A failed event as it is kept: what the plugin got, and how it failed.
//!
//! The event is written out here once more, so that the type of the contract and the form of these files can change
//! without each other. Fields that are not known are passed over and those that are no part of the event may be missing.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::Id;
use crate::plugins::api::Event;

/// What is kept of the words of a failure.
const REASON_BYTES: usize = 4 * 1024;
/// The innermost functions that are kept.
const BACKTRACE_FUNCTIONS: usize = 32;
/// What is kept of the name of a function.
const FUNCTION_BYTES: usize = 1024;

/// An event and how a plugin failed with it.
#[derive(Debug, Clone, Copy)]
pub struct Failed<'a> {
    /// The label of the version that failed.
    pub version: &'a str,
    /// What it got.
    pub event: &'a Event,
    /// What happened, in words; 4 KiB of them are kept.
    pub reason: &'a str,
    /// The functions that were running, innermost first; may be empty.
    pub backtrace: &'a [String],
    /// When it failed.
    pub at: SystemTime,
}

/// A failed event as it is kept; its JSON is also what people and programs get to see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// How it is called.
    pub id: Id,
    /// The plugin that failed.
    pub plugin: String,
    /// The label of the version that failed.
    #[serde(default)]
    pub version: String,
    /// When it failed, in milliseconds of Unix time.
    #[serde(default)]
    pub at_unix_ms: u64,
    /// What happened, in words.
    #[serde(default)]
    pub reason: String,
    /// The functions that were running, innermost first; may be empty.
    #[serde(default)]
    pub backtrace: Vec<String>,
    /// What the plugin got.
    pub event: FailedEvent,
}

/// What the plugin got; see `record event` in the contract. As JSON it looks as `cometbot listen --json` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the contract documents its fields")]
pub struct FailedEvent {
    pub pipe: String,
    #[serde(rename = "event")]
    pub name: String,
    pub data: String,
    #[serde(default)]
    pub user_id: Option<u64>,
    #[serde(default)]
    pub time: Option<u64>,
    #[serde(default)]
    pub history: bool,
}

impl Entry {
    pub(super) fn new(id: Id, plugin: &str, failed: &Failed<'_>) -> Self {
        let since = failed.at.duration_since(UNIX_EPOCH).unwrap_or_default();
        let functions = failed.backtrace.iter().take(BACKTRACE_FUNCTIONS);
        Self {
            id,
            plugin: plugin.to_owned(),
            version: failed.version.to_owned(),
            at_unix_ms: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
            reason: cut(failed.reason, REASON_BYTES),
            backtrace: functions.map(|function| cut(function, FUNCTION_BYTES)).collect(),
            event: failed.event.into(),
        }
    }

    /// Reads a file. What it is called by there counts, as that is how it is found.
    pub(super) fn read(id: Id, plugin: &str, bytes: &[u8]) -> Result<Self, serde_json::Error> {
        let entry: Self = serde_json::from_slice(bytes)?;
        Ok(Self { id, plugin: plugin.to_owned(), ..entry })
    }
}

fn cut(text: &str, most_bytes: usize) -> String {
    text.get(..text.floor_char_boundary(most_bytes)).unwrap_or_default().to_owned()
}

impl From<&Event> for FailedEvent {
    fn from(event: &Event) -> Self {
        let Event { pipe, name, data, user_id, time, history } = event;
        Self {
            pipe: pipe.as_ref().to_owned(),
            name: name.as_ref().to_owned(),
            data: data.clone(),
            user_id: *user_id,
            time: *time,
            history: *history,
        }
    }
}

impl From<FailedEvent> for Event {
    fn from(event: FailedEvent) -> Self {
        let FailedEvent { pipe, name, data, user_id, time, history } = event;
        Self { pipe: pipe.into(), name: name.into(), data, user_id, time, history }
    }
}
