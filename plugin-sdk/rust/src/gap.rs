//! What could not be heard.

use serde::Deserialize;

use crate::{Error, Event};

/// The pipe on which the host tells of gaps: a plugin that hears it is told by [`Plugin::gap`](crate::Plugin::gap).
pub(crate) const PIPE: &str = "host:gap";

/// A time in which events of a pipe may be missing for good: after a lost connection, when the pipe has no log or the
/// log does not tell everything.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
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
    pub(crate) fn read(event: &Event) -> Result<Self, Error> {
        event.json()
    }
}
