//! What a plugin gets: what it may do, its bounds, how failures and new versions are judged, and what it reads as its
//! settings. `read`: how that is written.

use std::time::Duration;

use serde::Deserialize;

use super::{Allowed, Secret, difference::that_differ, limits};

pub(super) mod read;

/// What a plugin gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginTerms {
    /// What the operator lets it do.
    pub allowed: Allowed,
    /// What becomes of a version that asks for more than that.
    pub new_grants: NewGrants,
    /// The memory it may grow to, in bytes.
    pub memory_bytes: usize,
    /// How many elements each of its tables may grow to.
    pub table_elements: usize,
    /// How long a call may run.
    pub time_per_event: Duration,
    /// How long it may run until it is set up.
    pub time_to_start: Duration,
    /// How much a call may compute, in the engine's units of about one instruction; none is no bound.
    pub fuel_per_event: Option<u64>,
    /// How much it may send.
    pub sends: Rate,
    /// The longest message that it may send, in bytes.
    pub message_bytes: usize,
    /// How much it may write into the log, in lines.
    pub log_lines: Rate,
    /// How many events may wait.
    pub queue_events: usize,
    /// What becomes of an event for which there is no room.
    pub queue_full: QueueFull,
    /// How an event is tried again on which it failed.
    pub retry: Retry,
    /// When it is left in peace because it fails on every event.
    pub breaker: Breaker,
    /// How often it may answer the same message on the same pipe before that is taken for a loop; with 0 always.
    pub hops: u32,
    /// How many events are kept on which it failed; with 0 none is.
    pub quarantine_events: usize,
    /// What a new version has to stand before it counts as good.
    pub probation: Probation,
    /// The most that a version may hand over to the next one, in bytes.
    pub state_bytes: usize,
    /// Whether new versions run beside the running one, compared and without effect, until they are promoted.
    pub shadow: bool,
    /// The finest time that it can tell.
    pub clock: Duration,
    /// Where its random numbers begin; without it they are the system's.
    pub random_seed: Option<u64>,
    /// What it reads through `wasi:config`.
    pub config: Vec<(String, String)>,
    /// What it reads in the same way, and nothing else shows.
    pub secrets: Vec<(String, Secret)>,
}

/// How much may happen in a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How often in a second, in the long run; 0 is no bound.
    pub per_second: u32,
    /// How often at once.
    pub burst: u32,
}

/// What becomes of an event for which a plugin's queue has no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum QueueFull {
    /// It is dropped: what is older was promised first, and is handled in whole conversations.
    #[default]
    DropNewest,
    /// The oldest is dropped for it: for plugins to which only the present counts.
    DropOldest,
    /// The connection is not read until there is room, which every other plugin feels.
    Wait,
}

/// How an event is tried again on which a plugin failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// How often.
    pub times: u32,
    /// The pause before the first time; it doubles.
    pub pause: Duration,
}

/// When a plugin is left in peace for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Breaker {
    /// After so many events in a row on which it failed for good; with 0 never.
    pub failures: u32,
    /// For so long at first; it doubles with each event on which it fails then.
    pub pause: Duration,
}

/// The time in which a new version can still be taken back. It ends with the number of events or the time, whichever
/// comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probation {
    /// How many events it lasts; with 0 there is none.
    pub events: usize,
    /// How long it lasts.
    pub time: Duration,
    /// With so many failures meanwhile the last good version comes back.
    pub failures: u32,
}

/// What becomes of a version that asks for more than is granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NewGrants {
    /// The first one runs with what is granted. A later one waits for the operator, and the one that runs goes on: who may
    /// replace a file may not grant.
    #[default]
    Wait,
    /// It gets what it asks for.
    Grant,
}

impl Default for PluginTerms {
    fn default() -> Self {
        Self {
            allowed: Allowed::default(),
            new_grants: NewGrants::default(),
            memory_bytes: mebibytes(limits::MEMORY_MIB),
            table_elements: size(limits::TABLE_ELEMENTS),
            time_per_event: milliseconds(limits::TIME_PER_EVENT_MS),
            time_to_start: milliseconds(limits::TIME_TO_START_MS),
            fuel_per_event: None,
            sends: Rate { per_second: limits::SENDS_PER_SECOND, burst: limits::SENDS_BURST },
            message_bytes: kibibytes(limits::MESSAGE_KIB),
            log_lines: log_lines(limits::LOG_LINES_PER_SECOND),
            queue_events: size(limits::QUEUE_EVENTS),
            queue_full: QueueFull::default(),
            retry: Retry { times: limits::RETRIES, pause: milliseconds(limits::RETRY_MS) },
            breaker: Breaker { failures: limits::BREAKER_FAILURES, pause: seconds(limits::BREAKER_SECONDS) },
            hops: limits::HOPS,
            quarantine_events: size(limits::QUARANTINE_EVENTS),
            probation: Probation::default(),
            state_bytes: mebibytes(limits::STATE_MIB),
            shadow: false,
            clock: milliseconds(limits::CLOCK_MS),
            random_seed: None,
            config: Vec::new(),
            secrets: Vec::new(),
        }
    }
}

impl Default for Probation {
    fn default() -> Self {
        Self {
            events: size(limits::PROBATION_EVENTS),
            time: seconds(limits::PROBATION_SECONDS),
            failures: limits::PROBATION_FAILURES,
        }
    }
}

impl PluginTerms {
    /// The keys that say something else in `other`.
    pub(super) fn differing(&self, other: &Self) -> Vec<&'static str> {
        // Taken apart to the last field, so that a new one cannot be forgotten here.
        let Self {
            allowed,
            new_grants,
            memory_bytes,
            table_elements,
            time_per_event,
            time_to_start,
            fuel_per_event,
            sends,
            message_bytes,
            log_lines,
            queue_events,
            queue_full,
            retry,
            breaker,
            hops,
            quarantine_events,
            probation: Probation { events, time, failures },
            state_bytes,
            shadow,
            clock,
            random_seed,
            config,
            secrets,
        } = self;
        that_differ([
            ("grants", *allowed != other.allowed),
            ("new-grants", *new_grants != other.new_grants),
            ("memory-mib", *memory_bytes != other.memory_bytes),
            ("table-elements", *table_elements != other.table_elements),
            ("time-per-event-ms", *time_per_event != other.time_per_event),
            ("time-to-start-ms", *time_to_start != other.time_to_start),
            ("fuel-per-event", *fuel_per_event != other.fuel_per_event),
            ("sends-per-second", sends.per_second != other.sends.per_second),
            ("sends-burst", sends.burst != other.sends.burst),
            ("message-kib", *message_bytes != other.message_bytes),
            ("log-lines-per-second", *log_lines != other.log_lines),
            ("queue-events", *queue_events != other.queue_events),
            ("queue-full", *queue_full != other.queue_full),
            ("retries", retry.times != other.retry.times),
            ("retry-ms", retry.pause != other.retry.pause),
            ("breaker-failures", breaker.failures != other.breaker.failures),
            ("breaker-seconds", breaker.pause != other.breaker.pause),
            ("hops", *hops != other.hops),
            ("quarantine-events", *quarantine_events != other.quarantine_events),
            ("probation-events", *events != other.probation.events),
            ("probation-seconds", *time != other.probation.time),
            ("probation-failures", *failures != other.probation.failures),
            ("state-mib", *state_bytes != other.state_bytes),
            ("shadow", *shadow != other.shadow),
            ("clock-ms", *clock != other.clock),
            ("random-seed", *random_seed != other.random_seed),
            ("config", *config != other.config),
            ("secrets", *secrets != other.secrets),
        ])
    }
}

const fn mebibytes(number: u32) -> usize {
    kibibytes(number).saturating_mul(1024)
}

const fn kibibytes(number: u32) -> usize {
    size(number).saturating_mul(1024)
}

fn milliseconds(number: u32) -> Duration {
    Duration::from_millis(u64::from(number))
}

fn seconds(number: u32) -> Duration {
    Duration::from_secs(u64::from(number))
}

/// Lines of so many a second, of which those of some seconds may come at once.
const fn log_lines(per_second: u32) -> Rate {
    Rate { per_second, burst: per_second.saturating_mul(limits::LOG_BURST_SECONDS) }
}

/// No machine that this runs on has addresses of fewer bits.
const fn size(number: u32) -> usize {
    number as usize
}
