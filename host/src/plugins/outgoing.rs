//! What a plugin's handlers have sent and what of it may leave.
//!
//! A handler's sends are staged in its instance. They are committed when it returns ok and flushed into the plugin's
//! lane in batches: at the latest when a call starts to wait, so that nobody waits for what is done already. There is one
//! for each slot, whatever version runs in it, so that the order stays across a swap, and so does what it may still send.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use tokio::time::sleep_until;

use super::rate::Bucket;
use crate::{
    comet::{commands::Commands, outbox::Lane},
    config::Rate,
    metrics::Bound,
};

/// The way out of one plugin.
#[derive(Debug)]
pub struct Outgoing {
    ready: Mutex<Ready>,
    lane: Lane,
    /// The most messages of one event; what is sent is not counted if that is [`UNBOUNDED`].
    most_sends: AtomicUsize,
    pace: Mutex<Pace>,
}

#[derive(Debug, Default)]
struct Ready {
    committed: Commands,
    /// Whether the messages of the next event that sends some are to be copied.
    is_watched: bool,
    /// That copy.
    seen: Vec<String>,
}

#[derive(Debug)]
struct Pace {
    rate: Rate,
    bucket: Bucket,
}

/// Messages of an event that are copied if they are wanted.
const SEEN: usize = 8;

/// As many messages as it likes.
const UNBOUNDED: usize = usize::MAX;

/// What a handler has left behind that returned ok.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Committed {
    /// How many messages it sent.
    pub sends: usize,
    /// How many bytes are committed and not flushed, with those of earlier ones.
    pub bytes: usize,
}

impl Outgoing {
    /// For what leaves by `lane`, so much at most.
    #[must_use]
    pub fn new(lane: Lane, rate: Rate) -> Self {
        let pace = Mutex::new(Pace { rate, bucket: Bucket::default() });
        Self { ready: Mutex::default(), lane, most_sends: AtomicUsize::new(most_sends(rate)), pace }
    }

    /// From now on so much may leave.
    pub(super) fn set_rate(&self, rate: Rate) {
        self.most_sends.store(most_sends(rate), Ordering::Relaxed);
        self.pace().rate = rate;
    }

    /// The most messages that one event may send.
    pub(super) fn most_sends(&self) -> usize {
        self.most_sends.load(Ordering::Relaxed)
    }

    /// Takes the sends of a handler that has returned ok.
    pub(super) fn commit(&self, staged: &mut Commands) -> Committed {
        let sends = staged.len();
        let mut ready = self.lock();
        if ready.is_watched && sends > 0 {
            ready.is_watched = false;
            ready.seen = staged.messages().take(SEEN).map(str::to_owned).collect();
        }
        ready.committed.append(staged);
        Committed { sends, bytes: ready.committed.bytes() }
    }

    /// The messages of the next event that sends some are wanted.
    pub(super) fn watch(&self) {
        self.lock().is_watched = true;
    }

    /// The messages of the event since [`Self::watch`] that has sent some.
    pub(super) fn take_seen(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().seen)
    }

    /// An event has sent so many messages. Gives until when that was more than may leave, and how much may. For every
    /// event: without a bound it does not even look at the clock.
    pub(super) fn spend(&self, sends: usize) -> Option<(Instant, Rate)> {
        if sends == 0 || self.most_sends() == UNBOUNDED {
            return None;
        }
        let mut pace = self.pace();
        let rate = pace.rate;
        let sends = u32::try_from(sends).unwrap_or(u32::MAX);
        pace.bucket.take(sends, rate, Instant::now()).map(|until| (until, rate))
    }

    /// Waits until a question may be asked: it counts like a message.
    pub(super) async fn may_ask(&self) {
        if let Some((until, _)) = self.spend(1) {
            sleep_until(until.into()).await;
        }
    }

    /// Hands what is committed to the lane.
    pub(super) fn flush(&self) {
        self.lane.append(&mut self.lock().committed);
    }

    /// Whether one more send to `pipe`, behind those in `staged`, would have no place: see [`Lane::would_refuse`]. What
    /// is committed waits as well.
    pub(super) fn would_refuse(&self, pipe: &str, staged: &Commands) -> Option<Bound> {
        if !self.lane.may_refuse() {
            return None;
        }
        let committed = &self.lock().committed;
        self.lane.would_refuse(pipe, committed.len() + staged.len(), committed.bytes() + staged.bytes())
    }

    /// The lane, for questions and for waiting until there is room.
    pub(super) const fn lane(&self) -> &Lane {
        &self.lane
    }

    fn pace(&self) -> MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, Ready> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const fn most_sends(rate: Rate) -> usize {
    if rate.per_second == 0 { UNBOUNDED } else { rate.burst as usize }
}
