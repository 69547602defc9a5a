//! What became of a plugin's file: whether a version started, took over, was refused, waits, came back or went.

use std::{fmt, time::Duration};

use prometheus_client::encoding::{EncodeLabelValue, LabelValueEncoder};

use crate::report::QuietText;

/// The part of the bot that these lines are of.
const TARGET: &str = "cometbot::bot::roster";

/// What became of a plugin's file or version, with what the log says of it. Versions are labels.
#[derive(Clone, Copy)]
#[allow(missing_docs, reason = "the fields are those of the line in the log")]
pub enum Reload<'a> {
    /// A plugin runs that did not run before.
    Started { version: &'a str, asks: &'a dyn fmt::Display },
    /// A new version has taken over.
    Swapped { version: &'a str, asks: &'a dyn fmt::Display, pause: Duration, state_bytes: Option<u64> },
    /// The file has the content that runs already.
    Unchanged { version: &'a str },
    /// The file does not run. The version that runs, if there is one, goes on.
    Rejected { running: Option<&'a str>, why: &'a dyn fmt::Display },
    /// The version asks for more than was granted. The version that runs, if there is one, goes on.
    Waiting { running: Option<&'a str>, version: &'a str, asks: &'a dyn fmt::Display },
    /// A version failed too often, or the operator wished it: another one is back.
    RolledBack { version: &'a str, bad: &'a str, why: &'a dyn fmt::Display },
    /// The plugin is gone with its file.
    Removed,
    /// The operator has switched the plugin off.
    Disabled,
}

impl Reload<'_> {
    pub(super) const fn kind(&self) -> ReloadKind {
        match self {
            Self::Started { .. } => ReloadKind::Started,
            Self::Swapped { .. } => ReloadKind::Swapped,
            Self::Unchanged { .. } => ReloadKind::Unchanged,
            Self::Rejected { .. } => ReloadKind::Rejected,
            Self::Waiting { .. } => ReloadKind::Waiting,
            Self::RolledBack { .. } => ReloadKind::RolledBack,
            Self::Removed => ReloadKind::Removed,
            Self::Disabled => ReloadKind::Disabled,
        }
    }

    /// Writes the line of the log.
    pub(super) fn say(&self, plugin: &str) {
        let quiet = |why: &dyn fmt::Display| QuietText(&why.to_string()).to_string();
        match *self {
            Self::Started { version, asks } => {
                tracing::info!(target: TARGET, plugin, version, "plugin started: {asks}");
            }
            Self::Swapped { version, asks, pause, state_bytes } => {
                let pause_us = u64::try_from(pause.as_micros()).unwrap_or(u64::MAX);
                tracing::info!(target: TARGET, plugin, version, pause_us, state_bytes, "plugin replaced: {asks}");
            }
            Self::Unchanged { version } => {
                tracing::debug!(target: TARGET, plugin, version, "the file has the content that runs already");
            }
            Self::Rejected { running: Some(version), why } => {
                let why = quiet(why);
                tracing::error!(
                    target: TARGET,
                    plugin,
                    version,
                    "the new file does not run, the old version goes on: {why}"
                );
            }
            Self::Rejected { running: None, why } => {
                tracing::error!(target: TARGET, plugin, "the file does not run: {}", quiet(why));
            }
            Self::Waiting { running, version, asks } => tracing::warn!(
                target: TARGET,
                plugin,
                version = running,
                waiting = version,
                "the new version waits for you, because it asks for more than was granted ({asks}): say \
                 `cometbot grant {plugin}`{}",
                if running.is_some() { "; the old version goes on" } else { "" }
            ),
            Self::RolledBack { version, bad, why } => tracing::error!(
                target: TARGET,
                plugin,
                version,
                bad,
                "an earlier version is back: {}",
                quiet(why)
            ),
            Self::Removed => tracing::info!(target: TARGET, plugin, "plugin removed"),
            Self::Disabled => tracing::info!(target: TARGET, plugin, "plugin disabled"),
        }
    }
}

/// The outcomes, as the label of the metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum ReloadKind {
    Started,
    Swapped,
    Unchanged,
    Rejected,
    Waiting,
    RolledBack,
    Removed,
    Disabled,
}

impl ReloadKind {
    pub(super) const ALL: [Self; 8] = [
        Self::Started,
        Self::Swapped,
        Self::Unchanged,
        Self::Rejected,
        Self::Waiting,
        Self::RolledBack,
        Self::Removed,
        Self::Disabled,
    ];
}

impl EncodeLabelValue for ReloadKind {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        let kind = match self {
            Self::Started => "started",
            Self::Swapped => "swapped",
            Self::Unchanged => "unchanged",
            Self::Rejected => "rejected",
            Self::Waiting => "waiting",
            Self::RolledBack => "rolled_back",
            Self::Removed => "removed",
            Self::Disabled => "disabled",
        };
        kind.encode(encoder)
    }
}
