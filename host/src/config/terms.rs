//! What a plugin gets: its bounds, how a new version of it is judged, and what it reads as its settings.

use std::{ops::RangeInclusive, time::Duration};

use serde::Deserialize;

use super::{
    check::Checker,
    difference::that_differ,
    error::ConfigError,
    limits,
    raw::{self, RawPlugin},
};

/// What a plugin gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginTerms {
    /// The memory it may grow to, in bytes.
    pub memory_bytes: usize,
    /// How long a call may run.
    pub time_per_event: Duration,
    /// How many events may wait.
    pub queue_events: usize,
    /// What a new version has to stand before it counts as good.
    pub probation: Probation,
    /// What becomes of a new version that asks for more than was granted.
    pub new_grants: NewGrants,
    /// The most that a version may hand over to the next one, in bytes.
    pub state_bytes: usize,
    /// How many events are kept on which it failed; with 0 none is.
    pub quarantine_events: usize,
    /// Whether new versions run beside the running one, compared and without effect, until they are promoted.
    pub shadow: bool,
    /// What it reads through `wasi:config`.
    pub config: Vec<(String, String)>,
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

/// What becomes of a new version that asks for more than was granted to the one that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NewGrants {
    /// It waits for the operator, and the one that runs goes on: who may replace a file may not grant.
    #[default]
    Wait,
    /// It gets what it asks for.
    Grant,
}

impl Default for PluginTerms {
    fn default() -> Self {
        Self {
            memory_bytes: mebibytes(limits::MEMORY_MIB),
            time_per_event: Duration::from_millis(u64::from(limits::TIME_PER_EVENT_MS)),
            queue_events: size(limits::QUEUE_EVENTS),
            probation: Probation::default(),
            new_grants: NewGrants::default(),
            state_bytes: mebibytes(limits::STATE_MIB),
            quarantine_events: size(limits::QUARANTINE_EVENTS),
            shadow: false,
            config: Vec::new(),
        }
    }
}

impl Default for Probation {
    fn default() -> Self {
        Self {
            events: size(limits::PROBATION_EVENTS),
            time: Duration::from_secs(u64::from(limits::PROBATION_SECONDS)),
            failures: limits::PROBATION_FAILURES,
        }
    }
}

impl PluginTerms {
    /// The keys that say something else in `other`.
    pub(super) fn differing(&self, other: &Self) -> Vec<&'static str> {
        // Taken apart to the last field, so that a new one cannot be forgotten here.
        let Self {
            memory_bytes,
            time_per_event,
            queue_events,
            probation: Probation { events, time, failures },
            new_grants,
            state_bytes,
            quarantine_events,
            shadow,
            config,
        } = self;
        that_differ([
            ("memory-mib", *memory_bytes != other.memory_bytes),
            ("time-per-event-ms", *time_per_event != other.time_per_event),
            ("queue-events", *queue_events != other.queue_events),
            ("probation-events", *events != other.probation.events),
            ("probation-seconds", *time != other.probation.time),
            ("probation-failures", *failures != other.probation.failures),
            ("new-grants", *new_grants != other.new_grants),
            ("state-mib", *state_bytes != other.state_bytes),
            ("quarantine-events", *quarantine_events != other.quarantine_events),
            ("shadow", *shadow != other.shadow),
            ("config", *config != other.config),
        ])
    }
}

/// The terms in the table `at`; what it does not say is as in `otherwise`.
pub(super) fn terms(
    raw: &RawPlugin,
    otherwise: &PluginTerms,
    at: &[&str],
    check: &Checker<'_>,
) -> Result<PluginTerms, ConfigError> {
    let table = Table { at, check };
    let memory = table.number("memory-mib", &(1..=limits::MOST_MEMORY_MIB), raw.memory_mib)?;
    let time = table.number("time-per-event-ms", &(1..=u32::MAX), raw.time_per_event_ms)?;
    let queue = table.number("queue-events", &(1..=u32::MAX), raw.queue_events)?;
    let state = table.number("state-mib", &(1..=limits::MOST_STATE_MIB), raw.state_mib)?;
    let quarantine = table.number("quarantine-events", &(0..=limits::MOST_QUARANTINE_EVENTS), raw.quarantine_events)?;
    let config = raw.config.iter().map(|(key, value)| {
        let text = raw::as_text(value).ok_or_else(|| {
            let fault = "a plugin's value is a text, a number, true, false, or a list of these, not a table";
            check.fault(&table.path(&["config", key]), fault)
        })?;
        Ok((key.clone(), text))
    });
    Ok(PluginTerms {
        memory_bytes: memory.map_or(otherwise.memory_bytes, mebibytes),
        time_per_event: time.map_or(otherwise.time_per_event, |millis| Duration::from_millis(u64::from(millis))),
        queue_events: queue.map_or(otherwise.queue_events, size),
        probation: probation(raw, otherwise.probation, &table)?,
        new_grants: raw.new_grants.unwrap_or(otherwise.new_grants),
        state_bytes: state.map_or(otherwise.state_bytes, mebibytes),
        quarantine_events: quarantine.map_or(otherwise.quarantine_events, size),
        shadow: raw.shadow.unwrap_or(otherwise.shadow),
        config: config.collect::<Result<_, _>>()?,
    })
}

fn probation(raw: &RawPlugin, otherwise: Probation, table: &Table<'_>) -> Result<Probation, ConfigError> {
    let events = table.number("probation-events", &(0..=limits::MOST_PROBATION_EVENTS), raw.probation_events)?;
    let seconds = table.number("probation-seconds", &(1..=limits::MOST_PROBATION_SECONDS), raw.probation_seconds)?;
    let failures = table.number("probation-failures", &(1..=limits::MOST_PROBATION_EVENTS), raw.probation_failures)?;
    let probation = Probation {
        events: events.map_or(otherwise.events, size),
        time: seconds.map_or(otherwise.time, |seconds| Duration::from_secs(u64::from(seconds))),
        failures: failures.unwrap_or(otherwise.failures),
    };
    // A probation that nobody can fail would look like a safety that is not there.
    if probation.events != 0 && size(probation.failures) > probation.events {
        let key = if failures.is_some() { "probation-failures" } else { "probation-events" };
        let fault = format!(
            "{} events cannot fail {} times: make `probation-failures` at most `probation-events`, or the latter 0 for \
             no probation",
            probation.events, probation.failures
        );
        return Err(table.check.fault(&table.path(&[key]), &fault));
    }
    Ok(probation)
}

/// Checks the values of one table.
struct Table<'a> {
    at: &'a [&'a str],
    check: &'a Checker<'a>,
}

impl Table<'_> {
    /// A number, if there is one, that must lie in `range`.
    fn number(&self, key: &str, range: &RangeInclusive<u32>, value: Option<u32>) -> Result<Option<u32>, ConfigError> {
        value.map(|value| self.check.within(range, &self.path(&[key]), value).map(|_| value)).transpose()
    }

    fn path<'p>(&'p self, key: &[&'p str]) -> Vec<&'p str> {
        self.at.iter().chain(key).copied().collect()
    }
}

const fn mebibytes(number: u32) -> usize {
    size(number).saturating_mul(1024 * 1024)
}

/// No machine that this runs on has addresses of fewer bits.
const fn size(number: u32) -> usize {
    number as usize
}
