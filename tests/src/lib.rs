//! What the scenarios in `tests/scenarios` are written with: the real binary as a process, a comet server and clients in
//! the test's own process, and plugins made on the spot.
//!
//! - [`Home`]: a temporary directory with bot.toml and a plugin folder, in which the binary is run.
//! - [`Process`]: the binary while it runs: its log, its standard output, signals, its end.
//! - [`Comet`]: an embedded comet server that can be stopped and started again at the same address.
//! - [`Wire`]: what lies between the bot and that server, and all that can go wrong there.
//! - [`Load`]: numbered events at a steady rate, and a book of what came back.
//! - [`Client`]: somebody who talks to the bot over that server.
//! - [`fuzzed`]: what the fuzz targets do with an input.
//! - [`Plugin`]: the text of a plugin out of a few lines of WebAssembly.
//!
//! Nothing here waits for a time to pass: everything waits for something to happen and fails after [`PATIENCE`] with all
//! that is known.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "tests: a panic is how they fail"
)]

use std::{future::Future, time::Duration};

mod client;
mod comet;
pub mod fuzzed;
mod home;
mod load;
mod log;
mod plugin;
mod process;
mod wire;

pub use client::{Client, Heard};
pub use comet::{Comet, HASH, PASSWORD, USER};
pub use home::{Home, binary, example};
pub use load::{Book, Load};
pub use log::Line;
pub use plugin::Plugin;
pub use process::{Ended, Process};
pub use wire::{Both, Counts, End, Refusal, Way, Wire};

/// No answer takes this long, even on a busy machine: only a test that fails waits for it.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for `what` to happen.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(outcome) => outcome,
        Err(_) => panic!("waited {} s in vain: {what}", PATIENCE.as_secs()),
    }
}
