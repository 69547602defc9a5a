//! The text of each command, refused where the server would answer with silence, two errors or a closed connection
//! (sections 2.1, 2.4, 4, 5, 6 and 9).
//!
//! One command is one text frame. Every keyword ends in a line feed, because the server reads stale bytes behind one
//! that ends its frame.

use super::growth;
use crate::comet::name::{self, Marker, NAME_MAX_BYTES, NameError, PipeName, USER_ID_MAX};

/// The most pipes that one connection can subscribe to (section 6).
pub const SUBSCRIBED_PIPES_MAX: usize = 32;
/// The keyword of a send (section 5).
pub(in crate::comet) const WEB_PIPE2: &str = "web_pipe2";
/// The longest subscription list that does not close the connection (section 6).
const SUBSCRIPTION_MAX_BYTES: usize = 2_176;

// So many names can never make too long a list, and need no check.
const _: () = assert!(SUBSCRIBED_PIPES_MAX * (NAME_MAX_BYTES + 1) <= SUBSCRIPTION_MAX_BYTES);

/// Why a command cannot be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A name that the server would cut or refuse.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Clients may send to no other pipes.
    #[error("cannot send to pipe {0:?}: clients may send only to pipes that begin with web_ or webauth_")]
    NotSendable(String),
    /// `@` hides the sender, and a `webauth_` pipe wants it known.
    #[error("cannot send to {0:?}: the form with @ works only for pipes that begin with web_; leave the @ out")]
    HiddenSender(String),
    /// The server counts only these.
    #[error("cannot count pipe {0:?}: the server counts only pipes that begin with web_ or track_")]
    NotCountable(String),
    /// The server tracks only these.
    #[error("cannot list the users of pipe {0:?}: the server lists only those of pipes that begin with track_")]
    NotTracked(String),
    /// The server would take it for another number and answer for that.
    #[error("no user has the number {0}: {USER_ID_MAX} is the largest")]
    NoUser(u64),
    /// The server would silently cut the message there.
    #[error("the message has a NUL character, where the server would cut it: encode or remove it")]
    Nul,
    /// The server would deliver the message and then cut the sender off, or deliver nothing.
    #[error(
        "the message would grow to {bytes} bytes on the server, and {} is the most: send less at once",
        growth::FRAME_MAX_BYTES
    )]
    TooLarge {
        /// The length of the largest frame that the server would make of it.
        bytes: usize,
    },
    /// The server would ignore the rest.
    #[error("cannot subscribe to {0} pipes on one connection: {SUBSCRIBED_PIPES_MAX} is the most")]
    TooManyPipes(usize),
}

/// Subscribes to these pipes and no others; to none if there are none. A name given twice counts once: the server
/// would deliver everything twice.
///
/// # Errors
/// [`Refusal::TooManyPipes`].
pub fn subscription<'a>(names: impl IntoIterator<Item = &'a PipeName>) -> Result<String, Refusal> {
    let mut pipes: Vec<&str> = Vec::with_capacity(SUBSCRIBED_PIPES_MAX);
    for name in names {
        if !pipes.contains(&name.as_str()) {
            pipes.push(name.as_str());
        }
    }
    if pipes.len() > SUBSCRIBED_PIPES_MAX {
        return Err(Refusal::TooManyPipes(pipes.len()));
    }
    Ok(format!("subscription\n{}", pipes.join("\n")))
}

/// Appends the command that sends `message` to `pipe` (`web_x`, `webauth_x`, or `@web_x` to hide the sender).
///
/// # Errors
/// A [`Refusal`]; `out` is then unchanged.
pub fn web_pipe2(out: &mut Vec<u8>, pipe: &str, event: &str, message: &str) -> Result<(), Refusal> {
    check_send(pipe, event, message)?;
    out.reserve(WEB_PIPE2.len() + "\n\n\n*\n".len() + pipe.len() + event.len() + message.len());
    for part in [WEB_PIPE2, "\n", pipe, "\n", event, "\n*\n", message] {
        out.extend_from_slice(part.as_bytes());
    }
    Ok(())
}

/// Checks what [`web_pipe2`] would send.
///
/// # Errors
/// A [`Refusal`].
pub fn check_send(pipe: &str, event: &str, message: &str) -> Result<(), Refusal> {
    let name = pipe.strip_prefix('@').unwrap_or(pipe);
    name::check_pipe(name)?;
    name::check_event(event)?;
    if !name.starts_with("web_") {
        if !name.starts_with("webauth_") {
            return Err(Refusal::NotSendable(pipe.to_owned()));
        }
        if name.len() < pipe.len() {
            return Err(Refusal::HiddenSender(pipe.to_owned()));
        }
    }
    if memchr::memchr(0, message.as_bytes()).is_some() {
        return Err(Refusal::Nul);
    }
    growth::fits(name, event, message).map_err(|bytes| Refusal::TooLarge { bytes })
}

/// Asks for the log of a pipe. Its rows carry no marker and have no end: send a [`pipe_count`] behind it (section 7).
#[must_use]
pub fn pipe_log(pipe: &PipeName, marker: &Marker) -> String {
    format!("pipe_log\n{pipe}\n{marker}\n")
}

/// Asks how many subscriptions a pipe has.
///
/// # Errors
/// [`Refusal::NotCountable`].
pub fn pipe_count(pipe: &PipeName, marker: &Marker) -> Result<String, Refusal> {
    if !is_countable(pipe) {
        return Err(Refusal::NotCountable(pipe.to_string()));
    }
    Ok(format!("pipe_count\n{pipe}\n{marker}\n"))
}

/// Whether the server answers a [`pipe_count`] of this pipe.
#[must_use]
pub fn is_countable(pipe: &PipeName) -> bool {
    pipe.as_str().starts_with("web_") || pipe.as_str().starts_with("track_")
}

/// Asks when a user was last there.
///
/// # Errors
/// [`Refusal::NoUser`].
pub fn user_status(user_id: u64) -> Result<String, Refusal> {
    if user_id > USER_ID_MAX {
        return Err(Refusal::NoUser(user_id));
    }
    Ok(format!("user_status\n{user_id}"))
}

/// Asks who is subscribed to a `track_` pipe.
///
/// # Errors
/// [`Refusal::NotTracked`].
pub fn track_pipe_users(pipe: &PipeName, marker: &Marker) -> Result<String, Refusal> {
    if !pipe.as_str().starts_with("track_") {
        return Err(Refusal::NotTracked(pipe.to_string()));
    }
    Ok(format!("track_pipe_users\n{pipe}\n{marker}"))
}

/// Asks what is stored for a user. Here the marker comes first. Servers before 4.0 close the connection on it.
#[must_use]
pub fn user_data(user_id: u64, marker: &Marker) -> String {
    format!("user_data\n{marker}\n{user_id}")
}
