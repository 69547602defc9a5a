//! The embedded comet server: a double of CppComet 4.09 (and 3.31) that speaks its protocol with its bugs and limits.
//!
//! For whom: what the default configuration connects to, what `cometbot server` runs alone, and what the tests use. It
//! shares no code with the client side, so that a mistake of one cannot hide a mistake of the other.
//!
//! # Layout
//! - [`Server`] listens; `link` is the life of one connection: `http` and `pages` answer the request, `frames` (or
//!   `decent`) finds commands in what was read, `commands` and `pipes` carry them out, `outbox` writes what was said.
//! - `world` and `accounts` are the state that connections share; `desk` turns sayings into frames for one batch of
//!   commands; `forms` (or `old`) prints a saying, `escape` its text, `wire` puts the frame around it.
//! - [`Control`] does from outside what CometQL does on a real server, and makes faults on demand. CometQL itself is not
//!   spoken; nor are TLS, clusters and lists of allowed origins.
//!
//! # What is like the real server
//! With [`Faults::Faithful`] everything that PROTOCOL.md calls observed, byte for byte. Where the real one depends on
//! luck the double chooses: bytes lost from short frames are NUL, log rows of one second keep their order, and what counts
//! as one read is one call for up to 65,536 bytes. What kills the real server ends all connections here, is logged as an
//! error and counted ([`Control::crashes`]); the double goes on listening.
//!
//! Not doubled, because nothing observable follows reliably: frames of two senders that interleave on a full socket, the
//! worker thread that a slow reader stalls for others (use [`Control::pause`] to have everybody stall), stale slots of
//! long subscription lists, bytes of earlier commands behind a bare keyword, the loss of a third glued frame by a 3.31.
//!
//! One thing is better in any case: a reader that does not read holds up only those who send to it, and those only when
//! more than [`Options::outgoing_limit`] waits. It is never dropped and misses nothing. [`Control`] never waits.
//!
//! # What [`Faults::Forgiving`] switches off
//! - Frames of 123 to 125 bytes arrive whole (section 2.3).
//! - `number_messages` counts all connections that the message was sent to (section 9).
//! - `pipe_log` answers the newest 99 rows, and messages with emoji are kept (section 7).
//! - Text that is not UTF-8 ends the one connection; a `sesion` of 600 bytes is only wrong (sections 1.1, 9).
//! - Ping is answered, pong ignored, close answered, fragments joined, binary taken as text; unmasked frames and reserved
//!   bits end the connection at once (section 2.1).
//! - Header names are found in any case, the key may be long, a request may come in any pieces and with frames behind
//!   it; a uuid ends where its parameter ends (section 1.1).
//! - Subscription lists: blank lines and private names are skipped, duplicates dropped (section 6).
//!
//! The limits stay: names, 32 subscriptions, 65,535 bytes either way.

mod accounts;
mod auth;
mod clock;
mod commands;
mod complaint;
mod control;
mod decent;
mod desk;
mod escape;
mod forms;
mod frames;
#[cfg(test)]
mod garbage;
mod gate;
mod http;
mod limits;
mod link;
mod listing;
mod log;
mod old;
mod options;
mod outbox;
mod pages;
mod pipes;
mod reader;
mod server;
mod wire;
mod world;

pub use control::{Control, ControlError, Personal, text_frame};
pub use options::{Era, Faults, LogRule, Options, Secret, User, UsersError, parse_users, read_users};
pub use outbox::Trickle;
pub use server::{Error, Server};
