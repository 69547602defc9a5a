//! A slot's queue: bounded, filled by the reader of a link, emptied whole by the slot's task.
//!
//! One lock an event and one wake-up a burst; the reader never waits, because a connection that is not read stalls the
//! server for others (PROTOCOL.md, section 8). At the bound the newest event is dropped and counted: what is older was
//! promised first.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use tokio::sync::Notify;

use crate::plugins::{api::Event, limits::QUEUE_BYTES};

/// Events that wait for a plugin.
#[derive(Debug)]
pub struct Queue {
    waiting: Mutex<Waiting>,
    filled: Notify,
    bound: AtomicUsize,
    dropped: AtomicU64,
    /// Events that were taken and wait all the same.
    held: AtomicUsize,
}

#[derive(Debug, Default)]
struct Waiting {
    events: VecDeque<Arc<Event>>,
    /// Of all payloads.
    bytes: usize,
}

impl Queue {
    /// An empty queue for at most `bound` events and [`QUEUE_BYTES`] of payload.
    #[must_use]
    pub fn with_bound(bound: usize) -> Self {
        Self {
            waiting: Mutex::default(),
            filled: Notify::new(),
            bound: AtomicUsize::new(bound.max(1)),
            dropped: AtomicU64::new(0),
            held: AtomicUsize::new(0),
        }
    }

    /// Puts an event at the end. Wakes nobody: whoever pushed the first one calls [`Self::wake`] after its burst.
    pub fn push(&self, event: Arc<Event>) -> Pushed {
        let mut waiting = self.lock();
        if waiting.events.len() >= self.bound.load(Ordering::Relaxed) || waiting.bytes >= QUEUE_BYTES {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return Pushed::Dropped;
        }
        waiting.bytes += event.data.len();
        waiting.events.push_back(event);
        if waiting.events.len() == 1 { Pushed::First } else { Pushed::Behind }
    }

    /// From now on at most `bound` events may wait. Those that do already stay.
    pub(super) fn set_bound(&self, bound: usize) {
        self.bound.store(bound.max(1), Ordering::Relaxed);
    }

    /// How many events wait, with those that the slot has taken and cannot handle yet.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.lock().events.len() + self.held.load(Ordering::Relaxed)
    }

    /// How many events of a pipe wait, and how many of any pipe found no room.
    pub(super) fn come(&self, pipe: &str) -> usize {
        let dropped = usize::try_from(self.dropped.load(Ordering::Relaxed)).unwrap_or(usize::MAX);
        self.lock().events.iter().filter(|event| *event.pipe == *pipe).count().saturating_add(dropped)
    }

    /// So many that were taken wait all the same.
    pub(super) fn set_held(&self, events: usize) {
        self.held.store(events, Ordering::Relaxed);
    }

    /// Wakes the slot.
    pub fn wake(&self) {
        self.filled.notify_one();
    }

    /// How many events were dropped since this was last asked.
    pub fn take_dropped(&self) -> u64 {
        self.dropped.swap(0, Ordering::Relaxed)
    }

    /// Waits until an event waits.
    pub(super) async fn filled(&self) {
        loop {
            let filled = self.filled.notified();
            if !self.lock().events.is_empty() {
                return;
            }
            filled.await;
        }
    }

    /// Swaps everything that waits into `into`, which must be empty.
    pub(super) fn take(&self, into: &mut VecDeque<Arc<Event>>) {
        let mut waiting = self.lock();
        std::mem::swap(&mut waiting.events, into);
        waiting.bytes = 0;
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What became of an event that was pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Pushed {
    /// It waits, alone: the slot must be woken.
    First,
    /// It waits behind others.
    Behind,
    /// The queue was full.
    Dropped,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(number: u64) -> Arc<Event> {
        Arc::new(Event {
            pipe: "web_a".into(),
            name: "e".into(),
            data: number.to_string(),
            user_id: None,
            time: None,
            history: false,
        })
    }

    #[test]
    fn at_the_bound_the_newest_event_is_dropped_and_counted() {
        let queue = Queue::with_bound(2);
        assert_eq!(queue.push(event(0)), Pushed::First);
        assert_eq!(queue.push(event(1)), Pushed::Behind);
        assert_eq!(queue.push(event(2)), Pushed::Dropped);
        let mut batch = VecDeque::new();
        queue.take(&mut batch);
        assert_eq!(batch.iter().map(|event| event.data.as_str()).collect::<Vec<_>>(), ["0", "1"]);
        assert_eq!(queue.take_dropped(), 1);
        assert_eq!(queue.take_dropped(), 0);
    }

    #[test]
    fn large_events_are_dropped_before_they_fill_the_memory() {
        let queue = Queue::with_bound(usize::MAX);
        let large = |_| Arc::new(Event { data: "x".repeat(QUEUE_BYTES / 2), ..(*event(0)).clone() });
        let pushed: Vec<Pushed> = (0..3).map(large).map(|event| queue.push(event)).collect();
        assert_eq!(pushed, [Pushed::First, Pushed::Behind, Pushed::Dropped]);
        queue.take(&mut VecDeque::new());
        assert_eq!(queue.push(event(1)), Pushed::First);
    }
}
