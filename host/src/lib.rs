//! cometbot, as a library: everything that the binary does, callable and testable.
//!
//! # Layout
//!
//! Arrows point down this list only; nothing imports upward.
//!
//! - [`cli`]: the commands of the binary, one file each.
//! - [`bot`]: puts the parts together: start, reload, drain, stop.
//! - [`kit`]: what authors of plugins need: new folders, builds, their languages' tools.
//! - [`local`]: the embedded comet server, which the shipped configuration connects to and the tests use.
//! - [`plugins`]: the folder, packages, slots, the sandbox, and the functions that plugins can call.
//! - [`config`]: bot.toml → checked types, with errors that point at the line.
//! - [`router`]: pipe and event name → the slots that want it.
//! - [`comet`]: the comet side: address, wire protocol, links, questions. Knows nothing of plugins.
//! - [`metrics`]: what happens, counted and said.
//! - [`report`]: keeping repeated troubles from flooding the log.
//! - [`watch`]: what stirs in a folder, as the system reports it.
//! - `unix_time`: the wall clock in seconds.
//! - `private_file`: files that are one user's and one process's alone.
//!
//! As data: a frame comes in at [`comet::link`], is read once in [`comet::wire`], looked up in [`router`], queued in a
//! [`plugins::slot`], handled by an instance, and its sends go back out through [`comet::outbox`] and the same link.

pub mod bot;
pub mod cli;
pub mod comet;
pub mod config;
pub mod kit;
pub mod local;
pub mod metrics;
pub mod plugins;
mod private_file;
pub mod report;
pub mod router;
mod unix_time;
pub mod watch;
