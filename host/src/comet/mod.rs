//! The comet side: the address of a server, the wire protocol, one connection, and questions asked over it.
//!
//! Knows nothing of plugins. `router`, `plugins`, `bot` and `cli` may call it; it calls none of them: events leave
//! through the [`link::Inlet`] that the caller hands in.

pub mod address;
pub mod asks;
pub mod catchup;
pub mod client;
pub mod commands;
pub mod fleet;
pub mod link;
pub mod login;
pub mod name;
pub mod outbox;
pub mod wire;
