//! What became of a plugin's version: one attempt, one outcome, for the log, the metrics, and whoever asked for it.
//!
//! Made by the roster alone; shown by `cli`, to which it travels over the control socket.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::unix_time;

/// What became of an attempt to change what runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The plugin's name, or that of the file that is no plugin.
    pub plugin: String,
    /// What became of it.
    #[serde(flatten)]
    pub kind: OutcomeKind,
    /// When, in seconds of Unix time.
    pub at: u64,
}

/// What can become of an attempt. Versions are labels: what the plugin calls it, and the beginning of its hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum OutcomeKind {
    /// A plugin runs that did not run before.
    Started {
        /// The version that runs.
        version: String,
    },
    /// Another version has taken over, between two events. A rollback that the operator asked for is one too.
    Swapped {
        /// The version that runs now.
        version: String,
        /// How long no event was handled because of it, in microseconds.
        pause_us: u64,
        /// The size of the state that was carried over, in bytes; none if there was none.
        #[serde(default)]
        state_bytes: Option<u64>,
    },
    /// It is what runs already.
    Unchanged {
        /// The version that runs.
        version: String,
    },
    /// It cannot run. If a version was running, it goes on, untouched.
    Rejected {
        /// Why, in words that say what to do.
        why: String,
    },
    /// It asks for more than was granted, and waits until the operator grants it. If a version was running, it goes on.
    Waiting {
        /// The version that waits.
        version: String,
        /// What it asks for beyond what was granted, as `cometbot --json check` shows grants.
        grants: Value,
        /// The same in words.
        text: String,
    },
    /// It took over, failed too often while on probation, and the last good version runs again.
    RolledBack {
        /// The version that runs again.
        version: String,
        /// How the other one failed.
        why: String,
    },
    /// The plugin is gone with its file, after it had finished what waited.
    Removed,
    /// The operator has switched the plugin off: its file is there, and it does not run.
    Disabled,
}

/// What an outcome means to whoever asked for the change, from the best to the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// What was wanted is the case.
    Done,
    /// The operator has to decide first.
    Waiting,
    /// It was not done, and nothing has changed.
    Rejected,
    /// It was done, failed, and was taken back.
    RolledBack,
}

impl Outcome {
    /// An outcome of this moment.
    #[must_use]
    pub fn now(plugin: impl Into<String>, kind: OutcomeKind) -> Self {
        Self { plugin: plugin.into(), kind, at: unix_time::now() }
    }
}

impl OutcomeKind {
    /// What it means to whoever asked for it.
    #[must_use]
    pub const fn class(&self) -> Class {
        match self {
            Self::Started { .. } | Self::Swapped { .. } | Self::Unchanged { .. } | Self::Removed | Self::Disabled => {
                Class::Done
            }
            Self::Waiting { .. } => Class::Waiting,
            Self::Rejected { .. } => Class::Rejected,
            Self::RolledBack { .. } => Class::RolledBack,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.plugin, self.kind)?;
        if matches!(self.kind, OutcomeKind::Waiting { .. }) {
            write!(f, "; allow it with `cometbot grant {}`", self.plugin)?;
        }
        Ok(())
    }
}

impl fmt::Display for OutcomeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started { version } => write!(f, "started {version}"),
            Self::Swapped { version, pause_us, state_bytes } => {
                write!(f, "swapped to {version}, with a pause of {pause_us} µs")?;
                state_bytes.map_or(Ok(()), |bytes| write!(f, " and {bytes} bytes of state"))
            }
            Self::Unchanged { version } => write!(f, "unchanged, {version} runs already"),
            Self::Rejected { why } => write!(f, "rejected: {why}"),
            Self::Waiting { version, text, .. } => {
                write!(f, "{version} waits: it asks for more than was granted: {text}")
            }
            Self::RolledBack { version, why } => write!(f, "rolled back to {version}: {why}"),
            Self::Removed => f.write_str("removed"),
            Self::Disabled => f.write_str("disabled"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

    use serde_json::json;

    use super::*;

    fn all() -> Vec<OutcomeKind> {
        let version = || "1.2.0+c082587a6b3ba957".to_owned();
        vec![
            OutcomeKind::Started { version: version() },
            OutcomeKind::Swapped { version: version(), pause_us: 85, state_bytes: Some(1200) },
            OutcomeKind::Swapped { version: version(), pause_us: 85, state_bytes: None },
            OutcomeKind::Unchanged { version: version() },
            OutcomeKind::Rejected { why: "it refuses to run".to_owned() },
            OutcomeKind::Waiting {
                version: version(),
                grants: json!({"send": ["web_*"]}),
                text: "send web_*".to_owned(),
            },
            OutcomeKind::RolledBack { version: version(), why: "3 of 7 events failed".to_owned() },
            OutcomeKind::Removed,
            OutcomeKind::Disabled,
        ]
    }

    #[test]
    fn every_outcome_reads_as_a_sentence() {
        let said: Vec<String> = all().into_iter().map(|kind| Outcome::now("karma", kind).to_string()).collect();
        assert_eq!(
            said,
            [
                "karma: started 1.2.0+c082587a6b3ba957",
                "karma: swapped to 1.2.0+c082587a6b3ba957, with a pause of 85 µs and 1200 bytes of state",
                "karma: swapped to 1.2.0+c082587a6b3ba957, with a pause of 85 µs",
                "karma: unchanged, 1.2.0+c082587a6b3ba957 runs already",
                "karma: rejected: it refuses to run",
                "karma: 1.2.0+c082587a6b3ba957 waits: it asks for more than was granted: send web_*; allow it with \
                 `cometbot grant karma`",
                "karma: rolled back to 1.2.0+c082587a6b3ba957: 3 of 7 events failed",
                "karma: removed",
                "karma: disabled",
            ]
        );
    }

    #[test]
    fn an_outcome_is_one_flat_object_that_names_itself_and_comes_back_as_it_was() {
        let names =
            ["started", "swapped", "swapped", "unchanged", "rejected", "waiting", "rolled-back", "removed", "disabled"];
        for (kind, name) in all().into_iter().zip(names) {
            let outcome = Outcome { plugin: "karma".to_owned(), kind, at: 1_795_488_865 };
            let value = serde_json::to_value(&outcome).unwrap();
            assert_eq!(
                (&value["plugin"], &value["outcome"], &value["at"]),
                (&json!("karma"), &json!(name), &json!(1_795_488_865))
            );
            assert_eq!(serde_json::from_value::<Outcome>(value).unwrap(), outcome);
        }
    }

    #[test]
    fn the_worst_of_several_outcomes_is_the_one_that_changed_something_and_failed() {
        let worst = all().iter().map(OutcomeKind::class).max();
        assert_eq!(worst, Some(Class::RolledBack));
        assert!(Class::Rejected > Class::Waiting && Class::Waiting > Class::Done);
    }
}
