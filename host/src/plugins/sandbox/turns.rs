//! Who goes on when many calls run for long: all but one of the runtime's threads are for them, in turns of a tick.
//!
//! Without that, ten plugins in endless loops would take every thread, and the event of an honest plugin would stand in
//! line behind all of them. A call that ends within a tick or two never takes a turn. What [`Turn::run`] runs is a call
//! of one instance; the sandbox asks for [`Turn::next`] at the ticks of that call.
//!
//! What a call has used is counted here too. Of a call that has run through a tick it is the time of its thread, not the
//! ticks that it noticed: it notices none in a host function, or while it fills a gigabyte of memory.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use tokio::{sync::Semaphore, task::yield_now};

use super::ticker::Pulse;
use crate::plugins::limits::EPOCH_TICK;

/// As many turns at a time as may be taken.
pub(super) fn turns(threads: usize) -> Arc<Semaphore> {
    // With a single thread a turn is a tick, and short calls come between two of them.
    Arc::new(Semaphore::new(threads.saturating_sub(1).max(1)))
}

/// The turns of one instance, which has one at most.
pub struct Turn {
    turns: Arc<Semaphore>,
    is_held: AtomicBool,
    /// Whether the call that runs has run through a tick.
    is_long: AtomicBool,
    /// Of a long call: what its thread had run, in nanoseconds, when the call was last looked at.
    looked_at: AtomicU64,
    pulse: Arc<Pulse>,
}

/// What a call has used when it notices a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ticked {
    /// It began anywhere in the tick that is over.
    First,
    /// So many ticks of the thread's time since it was looked at.
    Another(u32),
}

impl Turn {
    pub(super) const fn new(turns: Arc<Semaphore>, pulse: Arc<Pulse>) -> Self {
        let (is_held, is_long) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { turns, is_held, is_long, looked_at: AtomicU64::new(0), pulse }
    }

    /// The next call is another one.
    pub(in crate::plugins) fn begin(&self) {
        self.is_long.store(false, Ordering::Relaxed);
    }

    /// Runs a call. Whenever it waits, for its next turn or for something else, it has none meanwhile.
    pub async fn run<F: Future>(&self, call: F) -> F::Output {
        let mut call = pin!(call);
        poll_fn(|context| {
            self.pulse.beat();
            if self.is_long.load(Ordering::Relaxed) {
                self.looked_at.store(thread_time(), Ordering::Relaxed);
            }
            let _given_back = GivenBack(self);
            call.as_mut().poll(context)
        })
        .await
    }

    /// To be called at each tick that a call notices.
    pub(super) fn ticked(&self) -> Ticked {
        self.pulse.beat();
        let now = thread_time();
        let since = self.looked_at.swap(now, Ordering::Relaxed);
        if !self.is_long.swap(true, Ordering::Relaxed) {
            return Ticked::First;
        }
        let tick = EPOCH_TICK.as_nanos();
        let ticks = (u128::from(now.saturating_sub(since)) + tick / 2) / tick;
        // A tick counts in any case, so that every call comes to its end.
        Ticked::Another(u32::try_from(ticks).unwrap_or(u32::MAX).max(1))
    }

    /// Waits for the next turn, in the order in which calls came. Others that are ready go first in any case.
    pub(super) fn next(self: &Arc<Self>) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let turn = Arc::clone(self);
        Box::pin(async move {
            yield_now().await;
            // Nobody closes it.
            if let Ok(permit) = turn.turns.acquire().await {
                permit.forget();
                turn.is_held.store(true, Ordering::Relaxed);
            }
        })
    }
}

/// How one plugin's events share the threads with those of others: a plugin whose events are short but never end must not
/// keep a thread either.
pub struct Pace {
    turn: Arc<Turn>,
    /// Whether its last stretch was long, of few events.
    is_heavy: AtomicBool,
}

/// A stretch that a tick ends and that has so many events is one of short ones: a flood, and not a plugin that computes.
const LIGHT_EVENTS: usize = 8;

impl Pace {
    pub(super) const fn new(turn: Arc<Turn>) -> Self {
        Self { turn, is_heavy: AtomicBool::new(false) }
    }

    /// The number of the tick. A stretch should end when there have been two, as the first was half over.
    #[must_use]
    pub fn tick(&self) -> u64 {
        self.turn.pulse.tick()
    }

    /// Runs a stretch of calls, which gives how many there were, and lets others have the thread if it took long. If the
    /// stretch before was a heavy one it takes a turn.
    pub async fn stretch(&self, calls: impl Future<Output = usize>) {
        let mut calls = pin!(calls);
        let mut has_waited = false;
        let is_heavy = self.is_heavy.load(Ordering::Relaxed);
        let (began, events) = self
            .turn
            .run(async {
                if is_heavy {
                    self.turn.next().await;
                }
                let began = self.tick();
                let events = poll_fn(|context| {
                    let state = calls.as_mut().poll(context);
                    has_waited |= state.is_pending();
                    state
                });
                (began, events.await)
            })
            .await;
        let ticks = self.tick().saturating_sub(began);
        // Whoever waited has let others have the thread, and long calls have turns of their own.
        self.is_heavy.store(ticks > 1 && events < LIGHT_EVENTS && !has_waited, Ordering::Relaxed);
        if ticks > 0 { yield_now().await } else { tokio::task::consume_budget().await }
    }
}

/// Gives a turn back, however the call left the thread.
struct GivenBack<'a>(&'a Turn);

impl Drop for GivenBack<'_> {
    fn drop(&mut self) {
        // A turn is taken and given back by the thread that runs the call, or hands it on as a whole.
        if self.0.is_held.load(Ordering::Relaxed) {
            self.0.is_held.store(false, Ordering::Relaxed);
            self.0.turns.add_permits(1);
        }
    }
}

/// What this thread has run, in nanoseconds; 0 where the system does not say.
fn thread_time() -> u64 {
    #[cfg(unix)]
    {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        let [seconds, nanoseconds] = [time.tv_sec, time.tv_nsec].map(|part| u64::try_from(part).unwrap_or_default());
        seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds)
    }
    #[cfg(not(unix))]
    0
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
    use super::*;

    fn of(turns: &Arc<Semaphore>) -> Arc<Turn> {
        Arc::new(Turn::new(Arc::clone(turns), Arc::default()))
    }

    #[test]
    fn one_thread_is_left_for_short_calls() {
        assert_eq!([1, 2, 8].map(|threads| turns(threads).available_permits()), [1, 1, 7]);
    }

    #[test]
    fn what_a_call_does_between_two_ticks_counts_for_as_long_as_it_takes() {
        let turn = of(&turns(1));
        turn.begin();
        assert_eq!(turn.ticked(), Ticked::First);
        assert_eq!(turn.ticked(), Ticked::Another(1));
        let since = thread_time();
        while thread_time() - since < 10_000_000 {}
        let Ticked::Another(ticks) = turn.ticked() else { panic!("it is the same call") };
        assert!((5..50).contains(&ticks), "10 ms are {ticks} ticks");
        turn.begin();
        assert_eq!(turn.ticked(), Ticked::First);
    }

    #[tokio::test]
    async fn turns_go_round_and_nobody_keeps_one_while_it_waits() {
        let turns = turns(2);
        let (say, mut said) = tokio::sync::mpsc::unbounded_channel();
        for name in ["one", "other"] {
            let (turn, say) = (of(&turns), say.clone());
            let call = {
                let turn = Arc::clone(&turn);
                async move {
                    for _ in 0..3 {
                        turn.next().await;
                        say.send((name, turn.turns.available_permits())).unwrap();
                    }
                    // For something else.
                    yield_now().await;
                    say.send(("waited", turn.turns.available_permits())).unwrap();
                }
            };
            tokio::spawn(async move { turn.run(call).await });
        }
        drop(say);
        let mut order = Vec::new();
        while let Some(line) = said.recv().await {
            order.push(line);
        }
        let (waited, turns_of): (Vec<_>, Vec<_>) = order.iter().partition(|(name, _)| *name == "waited");
        assert_eq!((turns_of.len(), waited.len()), (6, 2));
        assert!(turns_of.iter().all(|(_, free)| *free == 0), "{order:?}");
        assert!(turns_of.windows(3).all(|three| !three.iter().all(|turn| turn.0 == three[0].0)), "{order:?}");
        assert_eq!(turns.available_permits(), 1);
    }

    #[tokio::test]
    async fn a_call_that_is_dropped_while_it_waits_takes_no_turn_with_it() {
        let turns = turns(2);
        let (one, other) = (of(&turns), of(&turns));
        let taken = turns.acquire().await.map(drop);
        assert!(taken.is_ok());
        let within = Arc::clone(&one);
        let holding = one.run(async move {
            within.next().await;
            std::future::pending::<()>().await;
        });
        assert!(tokio::time::timeout(std::time::Duration::from_millis(5), holding).await.is_err());
        let within = Arc::clone(&other);
        other.run(async move { within.next().await }).await;
        assert_eq!(turns.available_permits(), 1);
    }
}
