//! What a running bot answers: one JSON object a line, whose `answer` says of what kind it is.
//!
//! A field that is not known is passed over, so that an older command understands a newer bot.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{bot::outcome::Outcome, metrics::BreakerState};

/// What a running bot answers to a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub enum Answer {
    /// How the plugins do, in the order of their names.
    Plugins {
        /// One for each.
        plugins: Vec<PluginReport>,
    },
    /// What became of what was asked for.
    Outcomes {
        /// One for each plugin that it concerned.
        outcomes: Vec<Outcome>,
        /// What else the operator should know, as that a key of bot.toml waits for a restart.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        notes: Vec<String>,
    },
    /// It was done, or is on its way.
    Done {
        /// What, in words.
        text: String,
    },
    /// Events that failed.
    Quarantine {
        /// As they are kept.
        entries: Vec<Value>,
    },
    /// It was not done, and nothing has changed.
    Refused {
        /// Why, in words that say what to do.
        why: String,
    },
}

/// What a plugin is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PluginState {
    /// It runs.
    Running,
    /// A version that took over not long ago runs, and is watched.
    Probation,
    /// A version waits for the operator to grant what it asks for. The one before runs, if there is one.
    Waiting,
    /// What lies in the folder cannot run. The version before runs, if there is one.
    Rejected,
    /// The operator has switched it off.
    Disabled,
    /// Its file is gone; it finishes what waits.
    Stopping,
}

impl PluginState {
    /// The word for it, as in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Probation => "probation",
            Self::Waiting => "waiting",
            Self::Rejected => "rejected",
            Self::Disabled => "disabled",
            Self::Stopping => "stopping",
        }
    }
}

/// How a plugin does. The counts are since the bot started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginReport {
    /// Its name.
    pub name: String,
    /// What it is doing.
    pub state: PluginState,
    /// The label of the version that runs; none if none does.
    pub version: Option<String>,
    /// The hash of its file, 64 hex digits.
    pub hash: Option<String>,
    /// Since when it runs, in seconds of Unix time.
    pub since: Option<u64>,
    /// Events that it handled.
    pub handled: u64,
    /// Events that it failed to handle.
    pub failed: u64,
    /// Events that it did not get, because its queue was full.
    pub dropped: u64,
    /// Events that failed and are kept.
    pub quarantined: u64,
    /// Events in its queue.
    pub waiting_events: u64,
    /// The memory that it has, in bytes.
    pub memory_bytes: u64,
    /// What the version that runs asked for, as `cometbot --json check` shows it.
    #[serde(default)]
    pub asks: Option<Value>,
    /// What of that is granted: that is what it may do.
    pub grants: Option<Value>,
    /// What of that is not granted; none if nothing is missing.
    #[serde(default)]
    pub missing: Option<Value>,
    /// What was granted to the plugin by command, on top of what bot.toml grants.
    #[serde(default)]
    pub granted_by_command: Option<Value>,
    /// What became of the last attempt to change what runs.
    pub last: Option<Outcome>,
    /// The version that was taken back and why, if that is what lies in the folder.
    #[serde(default)]
    pub held_back: Option<String>,
    /// The good versions that are kept for a rollback, newest first.
    #[serde(default)]
    pub kept: Vec<KeptVersion>,
    /// What runs beside it without effect.
    #[serde(default)]
    pub candidate: Option<CandidateReport>,
    /// Whether it gets its events, if it runs.
    #[serde(default)]
    pub breaker: Option<BreakerReport>,
}

/// Whether a plugin gets its events, or is left in peace because it failed on one after the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakerReport {
    /// Whether it gets them.
    pub state: BreakerState,
    /// In how many seconds it gets the next one, while it is left in peace.
    #[serde(default)]
    pub next_try_seconds: Option<u64>,
    /// On so many events it failed in a row, if it was left in peace for that.
    pub failures: u32,
    /// Why it failed on the last one, in words.
    #[serde(default)]
    pub why: Option<String>,
}

/// A version that a rollback can put back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptVersion {
    /// Its label.
    pub version: String,
    /// The hash of its file, 64 hex digits.
    pub hash: String,
    /// Since when it is known to be good, in seconds of Unix time.
    pub since: u64,
}

/// How a candidate does beside the version that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CandidateReport {
    /// Its label.
    pub version: String,
    /// The hash of its file, 64 hex digits.
    pub hash: String,
    /// Events whose effects were compared.
    pub compared: u64,
    /// How many of them had other effects.
    pub different: u64,
    /// Events that it failed to handle and the running version did not.
    pub failed: u64,
    /// Events that were not compared, because it was too slow or asked the server for something.
    pub not_compared: u64,
    /// The latest difference, in words.
    #[serde(default)]
    pub last_difference: Option<String>,
}
