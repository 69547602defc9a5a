//! What could not be caught up with.

use crate::comet::name::PipeName;
pub use crate::metrics::GapReason;

/// A stretch of time for which it is not sure that everything in a pipe was heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// The pipe.
    pub pipe: PipeName,
    /// When everything had still been heard, Unix seconds of the server; of our own clock if the server tells no time.
    pub since: u64,
    /// From when on everything is heard again, likewise.
    pub until: u64,
    /// How many of the missed messages the log had, all the same; they follow the report.
    pub recovered: usize,
    /// Why there is no more.
    pub why: GapReason,
}
