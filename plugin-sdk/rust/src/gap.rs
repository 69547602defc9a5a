//! What could not be heard.

use serde::{Deserialize, Serialize};

/// The pipe on which the host tells of gaps: a plugin that hears it is told by [`Plugin::gap`](crate::Plugin::gap).
pub(crate) const PIPE: &str = "host:gap";

/// What an event of `host:gap` has in its data, as JSON: `event.json::<Gap>()`.
///
/// It is a time in which events of a pipe may be missing for good: after a lost connection, when the pipe has no log or the
/// log does not tell everything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Gap {
    /// The pipe.
    pub pipe: String,
    /// From when on, in Unix seconds by the server's clock.
    pub since: u64,
    /// Until when.
    pub until: u64,
    /// How many events of this time came out of the log all the same; they follow.
    pub recovered: u64,
    /// Why, for people.
    pub why: String,
}

impl Gap {
    /// A gap of which nothing is recovered, for tests of your plugin; times in Unix seconds.
    #[must_use]
    pub fn new(pipe: impl Into<String>, since: u64, until: u64) -> Self {
        Self { pipe: pipe.into(), since, until, recovered: 0, why: "the pipe has no log".to_owned() }
    }
}
