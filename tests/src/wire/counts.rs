//! What a wire has done, for tests to wait for.

use super::Both;

/// Counted from the beginning of a wire, over all its connections.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections that were accepted, whatever became of them.
    pub accepted: u64,
    /// Of these, those that were not let in on purpose.
    pub refused: u64,
    /// Of these, those that were closed because the server could not be reached.
    pub stranded: u64,
    /// Connections that are carried at the moment.
    pub open: u64,
    /// Connections whose server is gone and whose bot has not been told, at the moment.
    pub silent: u64,
    /// Connections that were cut, silent ones too.
    pub cut: u64,
    /// Ways that were closed alone.
    pub half_closed: u64,
    /// Bytes that have come in.
    pub came: Both<u64>,
    /// Bytes that have been passed on.
    pub passed: Both<u64>,
    /// Writes that it took.
    pub writes: Both<u64>,
    /// Bytes that were changed.
    pub changed: u64,
}

impl Counts {
    /// Bytes that have come in and not been passed on, those that were lost included.
    #[must_use]
    pub fn kept(&self) -> Both<u64> {
        Both { up: self.came.up - self.passed.up, down: self.came.down - self.passed.down }
    }
}
