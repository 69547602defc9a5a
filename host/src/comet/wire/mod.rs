//! The wire protocol, client side: the text of commands going out, the JSON of messages coming in.
//!
//! Pure: no socket, no clock, no task. `comet::link` calls it for every frame; nothing else needs to.
//!
//! - [`command`]: the text of each command, refused where the server would choke on it.
//! - [`growth`]: how large the server makes a message, so that none is cut off.
//! - [`reader`]: one frame in, messages out; never panics, whatever the text.
//! - [`message`]: what a frame can say.
//!
//! Behind the reader: `envelope` and `values` (one pass over a JSON object), `sort` (which kind of message it is),
//! `answers` (what the server's own frames carry), `escape` (the server's escaping undone), `repair` (the frames it
//! damages), `loose` (JSON that is almost right) and `old` (servers before 4.0).
//!
//! The facts are those of PROTOCOL.md; a section number in a comment is one of its sections.

mod answers;
pub mod command;
mod envelope;
mod escape;
pub mod growth;
mod loose;
pub mod message;
mod old;
pub mod reader;
mod repair;
mod sort;
#[cfg(test)]
mod tests;
mod values;

pub use command::Refusal;
pub use message::{
    AnsweredPipe, Event, LogRow, Message, Seen, ServerError, ServerInfo, Standing, Subscriber, Unreadable, Why,
};
pub use reader::{Era, Peer, Reader};
