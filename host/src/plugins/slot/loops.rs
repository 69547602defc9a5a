//! Whether a plugin and somebody else answer each other without end, or the plugin answers itself. Pure: the time is handed
//! in, and how much waits.
//!
//! A *hop* is an event that the plugin answered and that one of its own answers may have caused: its text came before, or has
//! something in it that the plugin has just sent. Hops make *chains*. What lay in the queue already when an answer was given
//! was not caused by it, so a crowd that says the same is no chain.
//!
//! A chain that is too long is a suspicion and no verdict, as people repeat themselves too. The plugin stops for a moment: if
//! events of that pipe go on to come they come anyway, and the pipe is not looked at for a while. If the pipe falls silent
//! with the plugin it is a loop. From then on the plugin answers it once a second, until it ends.

use std::{
    collections::VecDeque,
    hash::{BuildHasher as _, RandomState},
    sync::Arc,
    time::{Duration, Instant},
};

use memchr::memmem;

#[cfg(test)]
mod tests;

/// What came longer ago has caused nothing.
const FRESH: Duration = Duration::from_secs(10);
/// Texts that were answered and are remembered.
const ANSWERED: usize = 64;
/// Texts that were sent and are remembered.
const SENT: usize = 8;
/// A text that is shorter is in many by chance.
const TELLING_BYTES: usize = 4;
/// Of longer texts the beginning is remembered.
const REMEMBERED_BYTES: usize = 4096;
/// How long the plugin stops under suspicion, in times of a hop: a busy pipe does not fall silent for half of that by chance.
const PAUSE_HOPS: u32 = 8;
/// And at least.
const PAUSE: Duration = Duration::from_secs(1);
/// A chain that is slower than that need not be slowed.
const SLOW: Duration = Duration::from_secs(1);
/// So many events may be under way in a plain loop.
const UNDER_WAY: usize = 2;
/// A pipe that fell silent with more of them is suspected once more within so long before it is a loop.
const DOUBT: Duration = Duration::from_secs(60);
/// A pipe that was cleared is not looked at for so long.
const CLEARED: Duration = Duration::from_secs(600);
/// The time between two answers in a loop.
const STEP: Duration = Duration::from_secs(1);
/// If so many more wait after a step, several times in a row, it was no loop.
const CROWD: usize = 8;
const CROWDED_STEPS: u32 = 3;
/// After so long without an event of it a loop is over.
const QUIET: Duration = Duration::from_secs(30);
/// Pipes of which something is known.
const PIPES: usize = 64;

/// An event that was answered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answered<'a> {
    pub(super) pipe: &'a Arc<str>,
    pub(super) name: &'a str,
    pub(super) data: &'a str,
    /// The number of the batch in which it came: what was sent for another event of the same batch has not caused it.
    pub(super) batch: u64,
}

/// What came of a suspicion or a loop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Finding {
    /// The events of this pipe come anyway.
    Cleared(Arc<str>),
    /// It is a loop.
    Loop {
        pipe: Arc<str>,
        /// An event of it.
        name: String,
        data: String,
        /// So many answers at least, in that time.
        hops: u32,
        time: Duration,
    },
    /// The loop in this pipe is over, after so many answers more.
    Over { pipe: Arc<str>, answers: u64 },
}

/// What is known of a plugin's answers.
#[derive(Debug, Default)]
pub(super) struct Loops {
    hasher: RandomState,
    answered: VecDeque<Trace<u64>>,
    sent: VecDeque<Trace<Box<str>>>,
    suspicion: Option<Suspicion>,
    loops: Vec<Loop>,
    /// Until when pipes are not looked at.
    cleared: Deadlines,
    /// Until when another suspicion is a verdict.
    doubted: Deadlines,
}

/// How long it has gone on.
#[derive(Debug, Clone, Copy)]
struct Chain {
    hops: u32,
    since: Instant,
}

/// Something by which a chain is recognized.
#[derive(Debug)]
struct Trace<T> {
    what: T,
    chain: Chain,
    batch: u64,
    at: Instant,
}

#[derive(Debug)]
struct Suspicion {
    pipe: Arc<str>,
    name: String,
    data: String,
    chain: Chain,
    since: Instant,
    /// When it is looked how much waits, for the first time.
    half: Instant,
    until: Instant,
    waiting: Option<usize>,
}

#[derive(Debug)]
struct Loop {
    pipe: Arc<str>,
    next: Instant,
    last: Instant,
    answers: u64,
    waiting: usize,
    crowded: u32,
}

impl Loops {
    /// Looks at an event that was answered with these texts. Gives until when the plugin shall stop, if it is suspicious.
    pub(super) fn look(
        &mut self,
        event: Answered<'_>,
        sent: &[String],
        most_hops: u32,
        now: Instant,
    ) -> Option<Instant> {
        if self.suspicion.is_some() || self.cleared.holds(event.pipe, now) {
            return None;
        }
        let chain = self.chain_of(event, now).unwrap_or(Chain { hops: 1, since: now });
        let (batch, key) = (event.batch, self.key(event));
        remember(&mut self.answered, ANSWERED, Trace { what: key, chain, batch, at: now });
        for text in sent.iter().filter(|text| text.len() >= TELLING_BYTES) {
            let what = text.get(..text.floor_char_boundary(REMEMBERED_BYTES)).unwrap_or_default().into();
            remember(&mut self.sent, SENT, Trace { what, chain, batch, at: now });
        }
        if chain.hops <= most_hops || self.loop_in(event.pipe).is_some() {
            return None;
        }
        let hop = now.saturating_duration_since(chain.since) / chain.hops.max(1);
        if hop > SLOW {
            return None;
        }
        let pause = (hop * PAUSE_HOPS).max(PAUSE);
        let until = now + pause;
        self.suspicion = Some(Suspicion {
            pipe: Arc::clone(event.pipe),
            name: event.name.to_owned(),
            data: event.data.to_owned(),
            chain,
            since: now,
            half: now + pause / 2,
            until,
            waiting: None,
        });
        Some(until)
    }

    /// When [`Self::judge`] is to be called, if nothing happens before.
    pub(super) fn wake_at(&self) -> Option<Instant> {
        let suspicion = self.suspicion.as_ref().map(|suspicion| match suspicion.waiting {
            None => suspicion.half,
            Some(_) => suspicion.until,
        });
        suspicion.into_iter().chain(self.loops.iter().map(|looping| looping.last + QUIET)).min()
    }

    /// Looks how a suspicion or a loop stands. `waiting` counts the events of a pipe that wait.
    pub(super) fn judge(&mut self, now: Instant, waiting: impl Fn(&str) -> usize) -> Option<Finding> {
        if let Some(at) = self.loops.iter().position(|looping| looping.last + QUIET <= now) {
            let Loop { pipe, answers, .. } = self.loops.swap_remove(at);
            self.forget_chains();
            return Some(Finding::Over { pipe, answers });
        }
        let suspicion = self.suspicion.as_mut()?;
        let wait = waiting(&suspicion.pipe);
        let Some(before) = suspicion.waiting else {
            if suspicion.half <= now {
                suspicion.waiting = Some(wait);
            }
            return None;
        };
        let Suspicion { pipe, name, data, chain, since, .. } =
            self.suspicion.take_if(|suspicion| suspicion.until <= now)?;
        if wait > before {
            self.forget_chains();
            self.cleared.set(&pipe, now + CLEARED, now);
            return Some(Finding::Cleared(pipe));
        }
        if wait > UNDER_WAY && !self.doubted.holds(&pipe, now) {
            // A crowd may have stopped by chance, or what answers does so several times.
            self.forget_chains();
            self.doubted.set(&pipe, now + DOUBT, now);
            return None;
        }
        let time = since.saturating_duration_since(chain.since);
        let looping = Loop { pipe: Arc::clone(&pipe), next: now, last: now, answers: 0, waiting: wait, crowded: 0 };
        self.loops.push(looping);
        Some(Finding::Loop { pipe, name, data, hops: chain.hops, time })
    }

    /// Whether there is a loop, so that [`Self::hold`] has to be asked.
    pub(super) const fn is_any(&self) -> bool {
        !self.loops.is_empty()
    }

    /// Whether there is a loop in this pipe, so that every answer there is looked at.
    pub(super) fn is_in(&self, pipe: &str) -> bool {
        self.loop_in(pipe).is_some()
    }

    /// Until when an event of a loop has to wait that is about to be handled; none if it is its turn, or is of no loop.
    pub(super) fn hold(
        &mut self,
        event: Answered<'_>,
        now: Instant,
        waiting: impl Fn(&str) -> usize,
    ) -> Result<(), Held> {
        let Some(at) = self.loop_in(event.pipe) else { return Ok(()) };
        if self.chain_of(event, now).is_none() {
            return Ok(());
        }
        let Some(looping) = self.loops.get_mut(at) else { return Ok(()) };
        if now < looping.next {
            return Err(Held::Until(looping.next));
        }
        let wait = waiting(event.pipe);
        looping.crowded = if wait > looping.waiting + CROWD { looping.crowded + 1 } else { 0 };
        if looping.crowded >= CROWDED_STEPS {
            let pipe = self.loops.swap_remove(at).pipe;
            self.forget_chains();
            self.cleared.set(&pipe, now + CLEARED, now);
            return Err(Held::NoMore(Finding::Cleared(pipe)));
        }
        // Held against the least that ever waited: what grows by a little each second is a crowd as well.
        (looping.next, looping.last, looping.waiting) = (now + STEP, now, wait.min(looping.waiting));
        looping.answers += 1;
        Ok(())
    }

    /// The longest chain that an event goes on with.
    fn chain_of(&self, event: Answered<'_>, now: Instant) -> Option<Chain> {
        let key = self.key(event);
        let same = self.answered.iter().filter(|trace| trace.what == key).map(|trace| trace.hop(event.batch, now));
        let echo = self.sent.iter().filter(|trace| trace.is_fresh(now));
        let echo = echo.filter(|trace| memmem::find(event.data.as_bytes(), trace.what.as_bytes()).is_some());
        let echo = echo.map(|trace| trace.hop(event.batch, now));
        same.chain(echo).flatten().max_by_key(|chain| chain.hops)
    }

    fn key(&self, Answered { pipe, name, data, .. }: Answered<'_>) -> u64 {
        self.hasher.hash_one((pipe, name, data))
    }

    fn loop_in(&self, pipe: &str) -> Option<usize> {
        self.loops.iter().position(|looping| *looping.pipe == *pipe)
    }

    fn forget_chains(&mut self) {
        if self.loops.is_empty() {
            self.answered.clear();
            self.sent.clear();
        }
    }
}

/// Why an event is not handled now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Held {
    /// It has to wait until then.
    Until(Instant),
    /// It need not wait any more.
    NoMore(Finding),
}

impl<T> Trace<T> {
    fn is_fresh(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.at) < FRESH
    }

    /// The chain as it goes on in this batch. It goes on once in each.
    fn hop(&self, batch: u64, now: Instant) -> Option<Chain> {
        let hops = self.chain.hops.saturating_add(u32::from(self.batch < batch));
        self.is_fresh(now).then_some(Chain { hops, ..self.chain })
    }
}

fn remember<T: PartialEq>(traces: &mut VecDeque<Trace<T>>, most: usize, trace: Trace<T>) {
    traces.retain(|known| known.what != trace.what);
    traces.push_back(trace);
    if traces.len() > most {
        traces.pop_front();
    }
}

/// Pipes for which something holds for some time.
#[derive(Debug, Default)]
struct Deadlines(Vec<(Arc<str>, Instant)>);

impl Deadlines {
    fn holds(&self, pipe: &str, now: Instant) -> bool {
        self.0.iter().any(|(known, until)| **known == *pipe && now < *until)
    }

    fn set(&mut self, pipe: &Arc<str>, until: Instant, now: Instant) {
        self.0.retain(|(known, until)| now < *until && known != pipe);
        if self.0.len() < PIPES {
            self.0.push((Arc::clone(pipe), until));
        }
    }
}
