//! What a plugin can ask of the comet server. What `setup` did not ask for is refused with [`Error::Denied`].

use std::fmt;

use serde::Serialize;

use crate::{Event, bindings::cometbot::plugin::comet as bindings, host};

/// Why something was not done. The texts are for people: they say what to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// The server could not take it: a bad name, a text that is too long, a NUL byte.
    Invalid(String),
    /// The plugin did not ask for it in `setup`, or the operator did not grant it.
    Denied(String),
    /// There is no connection to ask over; or none to send over, and as much waits for it as may; or one event sends too
    /// much. Trying again later can help.
    Unavailable(String),
    /// The server did not answer in time.
    TimedOut,
}

impl std::error::Error for Error {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(why) | Self::Denied(why) | Self::Unavailable(why) => f.write_str(why),
            Self::TimedOut => f.write_str("the comet server did not answer in time"),
        }
    }
}

impl From<bindings::Error> for Error {
    fn from(error: bindings::Error) -> Self {
        match error {
            bindings::Error::Invalid(why) => Self::Invalid(why),
            bindings::Error::Denied(why) => Self::Denied(why),
            bindings::Error::Unavailable(why) => Self::Unavailable(why),
            bindings::Error::TimedOut => Self::TimedOut,
        }
    }
}

/// Sends an event into a pipe.
///
/// `pipe` starts with `web_`, with `webauth_` (the bot must be logged in), or with `@web_` (sent anonymously); `event`
/// is at most 64 characters of `A-Z a-z 0-9 _ -`. All sends of one event leave together when `handle` returns `Ok`,
/// and none of them if it fails. The bot does not hear what it sends itself, unless its operator wants that.
///
/// Ok means that the send will leave, not that the server has it. While there is no connection it waits. If the
/// connection breaks before the server has answered, it is sent again and may arrive twice; or, if the operator wants
/// that, it is not and may be missing.
///
/// # Errors
/// Names or text that the server cannot take, a pipe that is not granted, more than one event may send; and, while there
/// is no connection, as much waiting already as may.
pub fn send(pipe: &str, event: &str, message: &str) -> Result<(), Error> {
    host::send(pipe, event, message)
}

/// Sends a value as JSON; otherwise as [`send`].
///
/// # Errors
/// As [`send`]; [`Error::Invalid`] for a value that JSON has no form for, such as a map with keys that are no texts.
pub fn send_json(pipe: &str, event: &str, value: &impl Serialize) -> Result<(), Error> {
    let message = serde_json::to_string(value).map_err(|error| Error::Invalid(error.to_string()))?;
    send(pipe, event, &message)
}

/// The newest events in a pipe's log, oldest first: at most `limit`, and never more than [`LOG_MAX_EVENTS`].
///
/// A pipe has a log only where the server's operator switched it on; without one this is empty.
///
/// # Errors
/// A pipe that is not granted, no connection, no answer in time.
pub fn log(pipe: &str, limit: u32) -> Result<Vec<Event>, Error> {
    host::log(pipe, limit)
}

/// The most that [`log()`] answers.
pub const LOG_MAX_EVENTS: u32 = 99;

/// How many connections subscribe to a pipe (`web_…` or `track_…`), the bot's own among them.
///
/// # Errors
/// A pipe that is not granted, no connection, no answer in time.
pub fn count(pipe: &str) -> Result<u64, Error> {
    host::count(pipe)
}
