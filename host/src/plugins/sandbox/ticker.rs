//! The clock of all calls: a thread that advances the engine's epoch while plugins run, and sleeps while none does.
//!
//! A call says that it runs through [`Pulse::beat`]. That is on the path of every event, so it only reads in all but one
//! of the calls of a tick. Called by the sandbox and by `turns`.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering},
    },
    thread::{JoinHandle, Thread},
    time::Duration,
};

use wasmtime::Engine;

/// A call ran since the last tick.
const BUSY: u8 = 0;
/// None has run since.
const QUIET: u8 = 1;
/// None has run for long, and the ticker sleeps until one does.
const ASLEEP: u8 = 2;

/// How a ticker behaves.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rhythm {
    /// The length of a tick.
    pub(super) tick: Duration,
    /// After so many ticks in which nothing ran it sleeps.
    pub(super) quiet_ticks: u32,
    /// How often it ticks while it sleeps. A thread that was held up for long between saying that a call runs and running
    /// it is noticed at last.
    pub(super) asleep_tick: Duration,
}

/// What calls tell the ticker.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    state: AtomicU8,
    is_stopped: AtomicBool,
    thread: OnceLock<Thread>,
    ticks: AtomicU64,
}

impl Pulse {
    /// Says that a call runs, or goes on.
    pub(super) fn beat(&self) {
        // The order of other memory does not matter, and whoever reads an old value says it again at the next tick, of
        // which there are some before the ticker sleeps.
        if self.state.load(Ordering::Relaxed) != BUSY {
            self.wake();
        }
    }

    /// How many ticks there have been.
    pub(super) fn tick(&self) -> u64 {
        self.ticks.load(Ordering::Relaxed)
    }

    #[cold]
    fn wake(&self) {
        if self.state.swap(BUSY, Ordering::AcqRel) == ASLEEP {
            self.unpark();
        }
    }

    fn unpark(&self) {
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }

    fn is_asleep(&self) -> bool {
        self.state.load(Ordering::Acquire) == ASLEEP
    }

    /// Goes from one state to the other, unless a call runs meanwhile.
    fn settle(&self, from: u8, to: u8) {
        // If it fails a call has run, which is what the state says then.
        let _ = self.state.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire);
    }
}

/// The thread. One of its own, since a busy runtime must not stop the clock.
pub(super) struct Ticker {
    pulse: Arc<Pulse>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    /// Starts it.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub(super) fn start(engine: Engine, rhythm: Rhythm) -> std::io::Result<Self> {
        let pulse = Arc::new(Pulse::default());
        let thread = std::thread::Builder::new().name("epoch-ticker".into()).spawn({
            let pulse = Arc::clone(&pulse);
            move || tick(&engine, &pulse, rhythm)
        })?;
        // Set here and not by the thread itself, so that it is there before the first call.
        pulse.thread.get_or_init(|| thread.thread().clone());
        Ok(Self { pulse, thread: Some(thread) })
    }

    /// Where calls say that they run.
    pub(super) const fn pulse(&self) -> &Arc<Pulse> {
        &self.pulse
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.pulse.is_stopped.store(true, Ordering::Release);
        self.pulse.unpark();
        if let Some(thread) = self.thread.take() {
            // A ticker that panicked has nothing left to stop.
            let _ = thread.join();
        }
    }
}

fn tick(engine: &Engine, pulse: &Pulse, rhythm: Rhythm) {
    let mut quiet_ticks = 0;
    while !pulse.is_stopped.load(Ordering::Acquire) {
        std::thread::park_timeout(if pulse.is_asleep() { rhythm.asleep_tick } else { rhythm.tick });
        engine.increment_epoch();
        pulse.ticks.fetch_add(1, Ordering::Relaxed);
        match pulse.state.load(Ordering::Acquire) {
            BUSY => {
                quiet_ticks = 0;
                pulse.settle(BUSY, QUIET);
            }
            QUIET if quiet_ticks < rhythm.quiet_ticks => quiet_ticks += 1,
            QUIET => pulse.settle(QUIET, ASLEEP),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::time::Instant;

    use wasmtime::{Config, Instance, Module, Store, UpdateDeadline};

    use super::*;

    /// One that sleeps soon and that nothing but a call wakes.
    const SLEEPY: Rhythm =
        Rhythm { tick: Duration::from_millis(1), quiet_ticks: 3, asleep_tick: Duration::from_secs(3600) };

    fn ticker(rhythm: Rhythm) -> (Engine, Ticker) {
        let mut config = Config::new();
        config.epoch_interruption(true);
        let engine = Engine::new(&config).unwrap();
        let ticker = Ticker::start(engine.clone(), rhythm).unwrap();
        (engine, ticker)
    }

    fn wait_until(what: &str, is_so: impl Fn() -> bool) {
        let since = Instant::now();
        while !is_so() {
            assert!(since.elapsed() < Duration::from_secs(20), "{what}");
            std::thread::yield_now();
        }
    }

    #[test]
    fn nothing_ticks_while_nothing_runs() {
        let (_engine, ticker) = ticker(SLEEPY);
        let pulse = Arc::clone(ticker.pulse());
        wait_until("it goes to sleep", || pulse.is_asleep());
        let ticks = || pulse.ticks.load(Ordering::Relaxed);
        // It may be on its way from the last tick to its bed.
        let asleep_since = ticks();
        let since = Instant::now();
        while since.elapsed() < 100 * SLEEPY.tick {
            std::thread::yield_now();
        }
        assert!(ticks() <= asleep_since + 1, "{} ticks in its sleep", ticks() - asleep_since);
    }

    #[test]
    fn a_call_wakes_it_and_each_tick_of_the_call_keeps_it_awake() {
        let (_engine, ticker) = ticker(SLEEPY);
        let pulse = Arc::clone(ticker.pulse());
        wait_until("it goes to sleep", || pulse.is_asleep());
        let asleep_since = pulse.ticks.load(Ordering::Relaxed);
        wait_until("it ticks as long as something runs", || {
            pulse.beat();
            pulse.ticks.load(Ordering::Relaxed) > asleep_since + 50
        });
        wait_until("it goes to sleep again", || pulse.is_asleep());
    }

    #[test]
    fn a_loop_that_begins_in_its_sleep_is_stopped() {
        let (engine, ticker) = ticker(SLEEPY);
        let module = wat::parse_str("(module (func (export \"spin\") (loop $again (br $again))))").unwrap();
        let module = Module::new(&engine, module).unwrap();
        let pulse = Arc::clone(ticker.pulse());
        wait_until("it goes to sleep", || pulse.is_asleep());
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        let spin = instance.get_typed_func::<(), ()>(&mut store, "spin").unwrap();
        // As the callback of a real call does at each tick.
        let keeps_on = Arc::clone(&pulse);
        let mut left = 20;
        store.epoch_deadline_callback(move |_| {
            keeps_on.beat();
            left -= 1;
            Ok(if left > 0 { UpdateDeadline::Continue(1) } else { UpdateDeadline::Interrupt })
        });
        store.set_epoch_deadline(1);
        pulse.beat();
        spin.call(&mut store, ()).unwrap_err();
    }
}
