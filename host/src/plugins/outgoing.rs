//! What a plugin's handlers have sent and what of it may leave.
//!
//! A handler's sends are staged in its instance. They are committed when it returns ok and flushed into the plugin's
//! lane in batches: at the latest when a call starts to wait, so that nobody waits for what is done already. There is one
//! for each slot, whatever version runs in it, so that the order stays across a swap.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::{
    comet::{commands::Commands, outbox::Lane},
    metrics::Bound,
};

/// The way out of one plugin.
#[derive(Debug)]
pub struct Outgoing {
    committed: Mutex<Commands>,
    lane: Lane,
}

impl Outgoing {
    /// For what leaves by `lane`.
    #[must_use]
    pub fn new(lane: Lane) -> Self {
        Self { committed: Mutex::default(), lane }
    }

    /// Takes the sends of a handler that has returned ok; gives how many bytes are committed and not flushed.
    pub(super) fn commit(&self, staged: &mut Commands) -> usize {
        let mut committed = self.lock();
        committed.append(staged);
        committed.bytes()
    }

    /// Hands what is committed to the lane.
    pub(super) fn flush(&self) {
        self.lane.append(&mut self.lock());
    }

    /// Whether one more send to `pipe`, behind those in `staged`, would have no place: see [`Lane::would_refuse`]. What
    /// is committed waits as well.
    pub(super) fn would_refuse(&self, pipe: &str, staged: &Commands) -> Option<Bound> {
        if !self.lane.may_refuse() {
            return None;
        }
        let committed = self.lock();
        self.lane.would_refuse(pipe, committed.len() + staged.len(), committed.bytes() + staged.bytes())
    }

    /// The lane, for questions and for waiting until there is room.
    pub(super) const fn lane(&self) -> &Lane {
        &self.lane
    }

    fn lock(&self) -> MutexGuard<'_, Commands> {
        self.committed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
