//! Which sends a spool's file holds and where, so that removing them reads nothing. Used by the spool alone.

use std::{collections::VecDeque, fs::File, io};

use super::format::{Batches, HEAD_BYTES};

/// The sends that are not removed, and their batches' places.
#[derive(Debug)]
pub(super) struct Ledger {
    /// Oldest first.
    runs: VecDeque<Run>,
    /// Where the oldest batch begins of which a send is left.
    pub(super) start: u64,
    /// Where the next batch goes.
    pub(super) end: u64,
    /// How many sends were ever removed from the file, which is the number of the oldest in it.
    pub(super) removed: u64,
    /// The number of the next send that gets into the file.
    pub(super) next: u64,
}

/// Sends that were put in together.
#[derive(Debug)]
struct Run {
    /// Those that are not removed.
    sends: usize,
    /// What their batch takes in the file; 0 if they are not in it.
    bytes: u64,
}

impl Ledger {
    /// Reads a file of `length` bytes, whose head says that so many were removed, up to the first damage.
    pub(super) fn of(file: &File, length: u64, removed: u64) -> io::Result<Self> {
        let mut ledger = Self { runs: VecDeque::new(), start: HEAD_BYTES, end: HEAD_BYTES, removed, next: removed };
        let mut batches = Batches::new(file, HEAD_BYTES, length)?;
        while let Some(batch) = batches.next()? {
            if ledger.end == HEAD_BYTES {
                // A file that was emptied has a head of before.
                ledger.removed = removed.max(batch.first);
            }
            ledger.end = batches.at;
            ledger.next = batch.first + batch.sends;
            let left = ledger.next.saturating_sub(ledger.removed).min(batch.sends);
            if left == 0 {
                ledger.start = ledger.end;
            } else {
                let sends = usize::try_from(left).map_err(io::Error::other)?;
                ledger.runs.push_back(Run { sends, bytes: batch.bytes });
            }
        }
        ledger.next = ledger.next.max(ledger.removed);
        Ok(ledger)
    }

    /// Notes a batch that was written at the end.
    pub(super) fn put_in(&mut self, sends: usize, bytes: u64) {
        self.runs.push_back(Run { sends, bytes });
        self.end += bytes;
        self.next += sends as u64;
    }

    /// Notes sends that did not get into the file.
    pub(super) fn left_out(&mut self, sends: usize) {
        match self.runs.back_mut() {
            Some(run) if run.bytes == 0 => run.sends += sends,
            _ => self.runs.push_back(Run { sends, bytes: 0 }),
        }
    }

    /// Drops the oldest sends and says whether any of them was in the file.
    pub(super) fn remove(&mut self, count: usize) -> bool {
        let before = self.removed;
        let mut left = count;
        while left > 0
            && let Some(run) = self.runs.front_mut()
        {
            let gone = run.sends.min(left);
            left -= gone;
            run.sends -= gone;
            if run.bytes > 0 {
                self.removed += gone as u64;
            }
            if run.sends == 0 {
                self.start += run.bytes;
                self.runs.pop_front();
            }
        }
        self.removed != before
    }

    /// Notes that all batches before the start are gone from the file.
    pub(super) fn moved_to_head(&mut self) {
        self.end -= self.dead_bytes();
        self.start = HEAD_BYTES;
    }

    /// What removed sends take, apart from those in the oldest batch.
    pub(super) fn dead_bytes(&self) -> u64 {
        self.start - HEAD_BYTES
    }

    /// What the other batches take.
    pub(super) fn live_bytes(&self) -> u64 {
        self.end - self.start
    }

    /// Whether no send is left, in the file or not.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }
}
