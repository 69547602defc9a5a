//! How long a link waits for what: for a word of the server, for an answer, before the next try.
//!
//! Made by `config`, read by everything in [`link`](super).

use std::time::Duration;

/// The times of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// After so long without a frame the server is asked whether it is still there. It sends nothing by itself, and a
    /// ping would end the connection (PROTOCOL.md, section 8).
    pub heartbeat: Duration,
    /// How long the server may take for the answer to anything that was sent to it. Then the connection is dead.
    pub answer: Duration,
    /// The bound of the pause after the first failure. It doubles with each further one.
    pub retry_shortest: Duration,
    /// The bound of the pause after many failures.
    pub retry_longest: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_secs(20),
            answer: Duration::from_secs(10),
            retry_shortest: Duration::from_millis(300),
            retry_longest: Duration::from_secs(30),
        }
    }
}
