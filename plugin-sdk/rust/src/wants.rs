//! Saying what a plugin wants.

use crate::{Wants, bindings::cometbot::plugin::types::Hearing};

/// In `send`, `log` and `count` a name is a pipe's whole name, or a beginning followed by `*`: `web_*` is every pipe
/// that starts with `web_`. What is not named is refused when it is tried.
impl Wants {
    /// Nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { version: String::new(), hear: Vec::new(), send: Vec::new(), log: Vec::new(), count: Vec::new() }
    }

    /// Names a version other than the crate's own.
    #[must_use]
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = version.into();
        self
    }

    /// Hears these events of a pipe.
    ///
    /// The events of `host:gap`, on which the host says what could not be heard, are called like the pipes that they are
    /// about: `hear("host:gap", ["web_chat"])`.
    #[must_use]
    pub fn hear<N: Into<String>>(mut self, pipe: impl Into<String>, events: impl IntoIterator<Item = N>) -> Self {
        self.hear.push(Hearing { pipe: pipe.into(), events: events.into_iter().map(Into::into).collect() });
        self
    }

    /// Hears every event of a pipe.
    #[must_use]
    pub fn hear_all(self, pipe: impl Into<String>) -> Self {
        self.hear::<String>(pipe, [])
    }

    /// Sends to a pipe.
    #[must_use]
    pub fn send(mut self, pipe: impl Into<String>) -> Self {
        self.send.push(pipe.into());
        self
    }

    /// Reads the log of a pipe.
    #[must_use]
    pub fn log(mut self, pipe: impl Into<String>) -> Self {
        self.log.push(pipe.into());
        self
    }

    /// Counts the subscribers of a pipe.
    #[must_use]
    pub fn count(mut self, pipe: impl Into<String>) -> Self {
        self.count.push(pipe.into());
        self
    }
}

impl Default for Wants {
    fn default() -> Self {
        Self::new()
    }
}
