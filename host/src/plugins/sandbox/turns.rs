//! Who goes on when many calls run for long: all but one of the runtime's threads are for them, in turns of a tick.
//!
//! Without that, ten plugins in endless loops would take every thread, and the event of an honest plugin would stand in
//! line behind all of them. A call that ends within a tick or two never takes a turn. What [`Turn::run`] runs is a call
//! of one instance; the sandbox asks for [`Turn::next`] at the ticks of that call.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::{sync::Semaphore, task::yield_now};

use super::ticker::Pulse;

/// As many turns at a time as may be taken.
pub(super) fn turns(threads: usize) -> Arc<Semaphore> {
    // With a single thread a turn is a tick, and short calls come between two of them.
    Arc::new(Semaphore::new(threads.saturating_sub(1).max(1)))
}

/// The turns of one instance, which has one at most.
pub struct Turn {
    turns: Arc<Semaphore>,
    is_held: AtomicBool,
    pulse: Arc<Pulse>,
}

impl Turn {
    pub(super) const fn new(turns: Arc<Semaphore>, pulse: Arc<Pulse>) -> Self {
        Self { turns, is_held: AtomicBool::new(false), pulse }
    }

    /// Runs a call. Whenever it waits, for its next turn or for something else, it has none meanwhile.
    pub async fn run<F: Future>(&self, call: F) -> F::Output {
        let mut call = pin!(call);
        poll_fn(|context| {
            self.pulse.beat();
            let _given_back = GivenBack(self);
            call.as_mut().poll(context)
        })
        .await
    }

    /// At a tick of a call that runs: says that it does.
    pub(super) fn beat(&self) {
        self.pulse.beat();
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use super::*;

    fn of(turns: &Arc<Semaphore>) -> Arc<Turn> {
        Arc::new(Turn::new(Arc::clone(turns), Arc::default()))
    }

    #[test]
    fn one_thread_is_left_for_short_calls() {
        assert_eq!([1, 2, 8].map(|threads| turns(threads).available_permits()), [1, 1, 7]);
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
