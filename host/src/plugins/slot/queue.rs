//! A slot's queue: bounded, filled by the reader of a link, emptied whole by the slot's task.
//!
//! One lock an event and one wake-up a burst. At the bound an event is dropped and counted, the newest unless the operator
//! wants otherwise: what is older was promised first. The reader waits only where the operator has said so, because a
//! connection that is not read stalls the server for others (PROTOCOL.md, section 8).

use std::{
    collections::VecDeque,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
};

use tokio::sync::Notify;

use crate::{
    config::QueueFull,
    plugins::{
        api::Event,
        limits::{QUEUE_BEYOND_BYTES, QUEUE_BEYOND_EVENTS, QUEUE_BYTES},
    },
};

/// Events that wait for a plugin.
#[derive(Debug)]
pub struct Queue {
    waiting: Mutex<Waiting>,
    filled: Notify,
    emptied: Notify,
    bound: AtomicUsize,
    full: Mutex<QueueFull>,
    /// Whether the reader has waited for long enough: until there is room again it does not.
    is_given_up: AtomicBool,
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
    /// An empty queue for at most `bound` events and [`QUEUE_BYTES`] of payload; `full` says what becomes of more.
    #[must_use]
    pub fn new(bound: usize, full: QueueFull) -> Self {
        Self {
            waiting: Mutex::default(),
            filled: Notify::new(),
            emptied: Notify::new(),
            bound: AtomicUsize::new(bound.max(1)),
            full: Mutex::new(full),
            is_given_up: AtomicBool::new(false),
            dropped: AtomicU64::new(0),
            held: AtomicUsize::new(0),
        }
    }

    /// Puts an event at the end. Wakes nobody: whoever pushed the first one calls [`Self::wake`] after its burst.
    pub fn push(&self, event: Arc<Event>) -> Pushed {
        let mut waiting = self.lock();
        let is_alone = waiting.events.is_empty();
        let mut pushed = if is_alone { Pushed::First } else { Pushed::Behind };
        if self.is_full(&waiting) {
            match self.policy() {
                QueueFull::Wait if self.takes_beyond(&waiting) => pushed = Pushed::Beyond,
                QueueFull::DropOldest => self.make_room(&mut waiting),
                QueueFull::Wait | QueueFull::DropNewest => {
                    self.dropped.fetch_add(1, Ordering::Relaxed);
                    return Pushed::Dropped;
                }
            }
        }
        waiting.bytes += event.data.len();
        waiting.events.push_back(event);
        pushed
    }

    fn is_full(&self, waiting: &Waiting) -> bool {
        waiting.events.len() >= self.bound.load(Ordering::Relaxed) || waiting.bytes >= QUEUE_BYTES
    }

    /// Whether one more may wait beyond the bound. Most of the time that is what a reader has read at once; it reads on
    /// all the same while somebody waits for an answer of the server.
    #[cold]
    fn takes_beyond(&self, waiting: &Waiting) -> bool {
        let most = self.bound.load(Ordering::Relaxed).saturating_add(QUEUE_BEYOND_EVENTS);
        !self.is_given_up.load(Ordering::Relaxed)
            && waiting.events.len() < most
            && waiting.bytes < QUEUE_BYTES + QUEUE_BEYOND_BYTES
    }

    #[cold]
    fn policy(&self) -> QueueFull {
        *self.full.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cold]
    fn make_room(&self, waiting: &mut Waiting) {
        while self.is_full(waiting)
            && let Some(oldest) = waiting.events.pop_front()
        {
            waiting.bytes -= oldest.data.len();
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until an event that was pushed beyond the bound would have room now.
    pub async fn room(&self) {
        loop {
            let mut emptied = pin!(self.emptied.notified());
            emptied.as_mut().enable();
            if !self.is_full(&self.lock()) || self.policy() != QueueFull::Wait {
                return;
            }
            emptied.await;
        }
    }

    /// Whoever waited for [`Self::room`] does so no more, until there is some.
    pub fn give_up(&self) {
        self.is_given_up.store(true, Ordering::Relaxed);
        // It may have been emptied just now.
        if !self.is_full(&self.lock()) {
            self.is_given_up.store(false, Ordering::Relaxed);
        }
    }

    /// From now on at most `bound` events may wait, and `full` says what becomes of more. Those that wait already stay.
    pub(super) fn set_bound(&self, bound: usize, full: QueueFull) {
        self.bound.store(bound.max(1), Ordering::Relaxed);
        *self.full.lock().unwrap_or_else(PoisonError::into_inner) = full;
        self.emptied.notify_waiters();
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
        drop(waiting);
        self.is_given_up.store(false, Ordering::Relaxed);
        self.emptied.notify_waiters();
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
    /// It waits behind others, beyond the bound: nobody should push another one before there is [room](Queue::room).
    Beyond,
    /// The queue was full.
    Dropped,
}

#[cfg(test)]
mod tests {
    use futures_util::future::poll_immediate;

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
        let queue = Queue::new(2, QueueFull::DropNewest);
        assert_eq!(queue.push(event(0)), Pushed::First);
        assert_eq!(queue.push(event(1)), Pushed::Behind);
        assert_eq!(queue.push(event(2)), Pushed::Dropped);
        let mut batch = VecDeque::new();
        queue.take(&mut batch);
        assert_eq!(batch.iter().map(|event| event.data.as_str()).collect::<Vec<_>>(), ["0", "1"]);
        assert_eq!(queue.take_dropped(), 1);
        assert_eq!(queue.take_dropped(), 0);
    }

    fn waiting(queue: &Queue) -> Vec<String> {
        let mut batch = VecDeque::new();
        queue.take(&mut batch);
        batch.iter().map(|event| event.data.clone()).collect()
    }

    #[test]
    fn the_oldest_make_room_if_the_newest_count() {
        let queue = Queue::new(2, QueueFull::DropOldest);
        let pushed: Vec<Pushed> = (0..4).map(|number| queue.push(event(number))).collect();
        assert_eq!(pushed, [Pushed::First, Pushed::Behind, Pushed::Behind, Pushed::Behind]);
        assert_eq!((waiting(&queue), queue.take_dropped()), (vec!["2".to_owned(), "3".to_owned()], 2));
        let large = |_| Arc::new(Event { data: "x".repeat(QUEUE_BYTES), ..(*event(0)).clone() });
        queue.set_bound(10, QueueFull::DropOldest);
        (0..3).map(large).for_each(|event| assert_ne!(queue.push(event), Pushed::Dropped));
        assert_eq!((queue.waiting(), queue.take_dropped()), (1, 2), "by their bytes too");
    }

    #[tokio::test]
    async fn whoever_waits_for_room_has_it_when_the_slot_has_taken_what_waits() {
        let queue = Queue::new(1, QueueFull::Wait);
        assert_eq!(queue.push(event(0)), Pushed::First);
        assert_eq!(queue.push(event(1)), Pushed::Beyond);
        let mut room = Box::pin(queue.room());
        assert!(poll_immediate(&mut room).await.is_none());
        assert_eq!(waiting(&queue), ["0", "1"]);
        room.await;
        // Nobody waits for ever.
        assert_eq!(queue.push(event(2)), Pushed::First);
        queue.give_up();
        assert_eq!((queue.push(event(3)), queue.take_dropped()), (Pushed::Dropped, 1));
        assert_eq!(waiting(&queue), ["2"]);
        assert_eq!((queue.push(event(4)), queue.push(event(5))), (Pushed::First, Pushed::Beyond));
        let mut room = Box::pin(queue.room());
        assert!(poll_immediate(&mut room).await.is_none());
        queue.set_bound(1, QueueFull::DropNewest);
        room.await;
    }

    #[test]
    fn what_waits_beyond_the_bound_has_a_bound_too() {
        let queue = Queue::new(1, QueueFull::Wait);
        assert_eq!(queue.push(event(0)), Pushed::First);
        assert!((0..QUEUE_BEYOND_EVENTS).all(|_| queue.push(event(1)) == Pushed::Beyond));
        assert_eq!(queue.push(event(2)), Pushed::Dropped);
        let large = Arc::new(Event { data: "x".repeat(QUEUE_BYTES + QUEUE_BEYOND_BYTES), ..(*event(0)).clone() });
        queue.take(&mut VecDeque::new());
        assert_eq!([queue.push(large), queue.push(event(3))], [Pushed::First, Pushed::Dropped], "in bytes");
    }

    #[test]
    fn large_events_are_dropped_before_they_fill_the_memory() {
        let queue = Queue::new(usize::MAX, QueueFull::DropNewest);
        let large = |_| Arc::new(Event { data: "x".repeat(QUEUE_BYTES / 2), ..(*event(0)).clone() });
        let pushed: Vec<Pushed> = (0..3).map(large).map(|event| queue.push(event)).collect();
        assert_eq!(pushed, [Pushed::First, Pushed::Behind, Pushed::Dropped]);
        queue.take(&mut VecDeque::new());
        assert_eq!(queue.push(event(1)), Pushed::First);
    }
}
