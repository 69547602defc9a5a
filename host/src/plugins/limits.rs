//! The bounds of a plugin, in one table, and the counters that keep them.

use std::time::Duration;

use wasmtime::ResourceLimiter;

use crate::{config::PluginTerms, metrics::PluginTally};

/// The length of a tick: how precise time limits are, and how long a spinning plugin keeps a thread to itself.
pub const EPOCH_TICK: Duration = Duration::from_millis(2);
/// After so many ticks in which nothing ran there are none any more.
pub const QUIET_TICKS: u32 = 50;
/// The tick while nothing runs.
pub const ASLEEP_TICK: Duration = Duration::from_secs(1);
/// The stack that a plugin's functions may use, unless the operator says otherwise.
pub const STACK_BYTES: usize = 512 * 1024;
/// Instances of one plugin at the same time: what runs, what would come back, what is about to take over, and a candidate.
pub const INSTANCES_A_PLUGIN: u32 = 4;
/// Core modules in one component: a plugin, its adapter, their glue; language runtimes bring a few more.
pub const CORE_INSTANCES_A_PLUGIN: u32 = 16;
/// Linear memories in one component.
pub const MEMORIES_A_PLUGIN: u32 = 4;
/// Tables in one component.
pub const TABLES_A_PLUGIN: u32 = 16;
/// The most elements that one table may have; the tables of a large language runtime have some ten thousand.
pub const TABLE_ELEMENTS: usize = 100_000;
/// What the engine may need to keep of one instance.
pub const INSTANCE_METADATA_BYTES: usize = 4 * 1024 * 1024;
/// How long a call may take in all, waiting included: the server's answers, and sleep.
pub const WAIT_TIME: Duration = Duration::from_secs(60);
/// How long starting may take in all, waiting included, unless it may run for longer than that anyway.
pub const START_WAIT: Duration = Duration::from_secs(10);
/// How long `save` and `restore` may run, each: events wait meanwhile.
pub const STATE_TIME: Duration = Duration::from_secs(1);
/// How long they may take in all, waiting included.
pub const STATE_WAIT: Duration = Duration::from_secs(2);
/// The payload of events that a version on probation may have handled; with more it has passed.
pub const PROBATION_BYTES: usize = 16 * 1024 * 1024;
/// Handles of host resources, such as streams and pollables, that an instance may hold.
pub const RESOURCES: usize = 1024;
/// What a plugin may hand over in one call of a host function, or answer, in bytes that the host makes room for. Sends are
/// read where they lie, and what is saved has a bound of its own.
pub const HOST_CALL_BYTES: usize = 2 * 1024 * 1024;
/// Random bytes in one call: more would take longer than a tick.
pub const RANDOM_BYTES: u64 = 64 * 1024;
/// What may wait in a slot's queue, in bytes of payload, whatever the number of events.
pub const QUEUE_BYTES: usize = 64 * 1024 * 1024;
/// How many more events may wait where the connection waits for the queue. A burst is much less.
pub const QUEUE_BEYOND_EVENTS: usize = 65_536;
/// The same in bytes of payload.
pub const QUEUE_BEYOND_BYTES: usize = QUEUE_BYTES;
/// Pipes, and patterns for each verb, that a plugin may ask for, and events for each pipe.
pub const WANTS: usize = 128;
/// What a handler may send for one event.
pub const STAGED_BYTES: usize = 1024 * 1024;

/// What one instance may use.
#[derive(Debug, Clone)]
pub struct Budget {
    /// The memory it may grow to.
    pub memory: MemoryBudget,
    /// The time it has left in the call that runs now.
    pub time: TimeBudget,
    /// The most that one call may send, in bytes.
    pub staged_bytes: usize,
    /// The longest message that it may send, in bytes.
    pub message_bytes: usize,
}

impl Budget {
    /// A budget on these terms. `tally` is told what memory is used. There is no time yet: each call is given its own.
    #[must_use]
    pub const fn new(terms: &PluginTerms, tally: PluginTally) -> Self {
        let (bytes, table_elements) = (terms.memory_bytes, terms.table_elements);
        Self {
            memory: MemoryBudget { bytes, table_elements, used: 0, was_denied: false, tally },
            time: TimeBudget { ticks: 0 },
            staged_bytes: STAGED_BYTES,
            message_bytes: terms.message_bytes,
        }
    }

    /// Counts fuel that a call has used.
    pub(in crate::plugins) fn used_fuel(&self, fuel: u64) {
        self.memory.tally.fuel(fuel);
    }
}

/// What one call may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallBudget {
    /// For so long it may run.
    pub time: TimeBudget,
    /// So much it may compute, in the engine's units; none is no bound.
    pub fuel: Option<u64>,
}

impl CallBudget {
    /// A bound on time alone.
    #[must_use]
    pub fn of(time: Duration) -> Self {
        Self { time: TimeBudget::new(time), fuel: None }
    }

    /// What a call of `handle` may use on these terms.
    #[must_use]
    pub fn of_an_event(terms: &PluginTerms) -> Self {
        Self { fuel: terms.fuel_per_event, ..Self::of(terms.time_per_event) }
    }
}

/// Time on the processor, counted in ticks in which the plugin really ran: waiting for the server costs nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeBudget {
    ticks: u32,
}

impl TimeBudget {
    /// A budget of `time`, rounded up to whole ticks; the tick that is running already is not counted.
    #[must_use]
    pub fn new(time: Duration) -> Self {
        let ticks = time.as_nanos().div_ceil(EPOCH_TICK.as_nanos());
        Self { ticks: u32::try_from(ticks).unwrap_or(u32::MAX) }
    }

    /// The budget in milliseconds.
    pub(in crate::plugins) fn milliseconds(self) -> u128 {
        u128::from(self.ticks) * EPOCH_TICK.as_millis()
    }

    /// What is left after so many ticks more, if anything is.
    pub(in crate::plugins) const fn checked_sub(self, ticks: u32) -> Option<Self> {
        match self.ticks.checked_sub(ticks) {
            Some(ticks) => Some(Self { ticks }),
            None => None,
        }
    }
}

/// A call ran longer than it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it ran longer than it may")]
pub struct Overrun;

/// What all linear memories of an instance may grow to together, and each of its tables.
#[derive(Debug, Clone)]
pub struct MemoryBudget {
    bytes: usize,
    table_elements: usize,
    used: usize,
    /// Whether the plugin asked for more than it may have; that often explains the trap that follows.
    pub was_denied: bool,
    tally: PluginTally,
}

impl ResourceLimiter for MemoryBudget {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let used = self.used.saturating_add(desired.saturating_sub(current));
        let granted = used <= self.bytes;
        if granted {
            self.used = used;
            self.tally.memory(used);
        }
        self.was_denied |= !granted;
        Ok(granted)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let granted = desired <= self.table_elements;
        self.was_denied |= !granted;
        Ok(granted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Metrics;

    #[test]
    fn all_memories_of_an_instance_share_one_bound() {
        let tally = Metrics::new().plugin("karma");
        let terms = PluginTerms { memory_bytes: 100, ..PluginTerms::default() };
        let mut memory = Budget::new(&terms, tally.clone()).memory;
        let mut grow = |current, desired| memory.memory_growing(current, desired, None).unwrap_or_default();
        assert!(grow(0, 60), "the first memory");
        assert!(grow(0, 40), "the second");
        assert!(!grow(60, 61));
        assert!(memory.was_denied);
        assert_eq!(tally.memory_bytes(), 100);
    }

    #[test]
    fn each_table_has_a_bound_of_its_own() {
        let terms = PluginTerms { table_elements: 10, ..PluginTerms::default() };
        let mut memory = Budget::new(&terms, Metrics::new().plugin("karma")).memory;
        let mut grow = |current, desired| memory.table_growing(current, desired, None).unwrap_or_default();
        assert!(grow(0, 10) && grow(0, 10));
        assert!(!grow(10, 11));
        assert!(memory.was_denied);
    }

    #[test]
    fn time_is_rounded_up_to_ticks_and_runs_out() {
        let two = TimeBudget::new(EPOCH_TICK + Duration::from_millis(1));
        assert_eq!(two.checked_sub(2), Some(TimeBudget::new(Duration::ZERO)));
        assert_eq!(two.checked_sub(3), None);
    }
}
