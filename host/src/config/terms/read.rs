//! The terms in [defaults] and in the tables of single plugins → checked values.

use std::ops::RangeInclusive;

use super::{
    super::{
        Allowed, Secret,
        allowed::allowed,
        check::Checker,
        error::ConfigError,
        limits,
        raw::{self, RawPlugin},
    },
    Breaker, PluginTerms, Probation, Rate, Retry, kibibytes, log_lines, mebibytes, milliseconds, seconds, size,
};

/// The terms in the table `at`; what it does not say is as in `otherwise`.
pub(in crate::config) fn terms(
    raw: &RawPlugin,
    otherwise: &PluginTerms,
    at: &[&str],
    check: &Checker<'_>,
) -> Result<PluginTerms, ConfigError> {
    let table = Table { at, check };
    let number = |key, range: RangeInclusive<u32>, value| table.number(key, &range, value);
    let whole = 0..=u32::MAX;
    let memory = number("memory-mib", 1..=limits::MOST_MEMORY_MIB, raw.memory_mib)?;
    let elements = number("table-elements", 1..=limits::TABLE_ELEMENTS, raw.table_elements)?;
    let time = number("time-per-event-ms", 1..=u32::MAX, raw.time_per_event_ms)?;
    let start = number("time-to-start-ms", 1..=u32::MAX, raw.time_to_start_ms)?;
    let per_second = number("sends-per-second", whole, raw.sends_per_second)?;
    let burst = number("sends-burst", 1..=u32::MAX, raw.sends_burst)?;
    let message = number("message-kib", 1..=limits::MESSAGE_KIB, raw.message_kib)?;
    let queue = number("queue-events", 1..=u32::MAX, raw.queue_events)?;
    let retries = number("retries", 0..=limits::MOST_RETRIES, raw.retries)?;
    let retry_pause = number("retry-ms", 1..=limits::MOST_RETRY_MS, raw.retry_ms)?;
    let breaker_pause = number("breaker-seconds", 1..=limits::MOST_BREAKER_SECONDS, raw.breaker_seconds)?;
    let quarantine = number("quarantine-events", 0..=limits::MOST_QUARANTINE_EVENTS, raw.quarantine_events)?;
    let state = number("state-mib", 1..=limits::MOST_STATE_MIB, raw.state_mib)?;
    let clock = number("clock-ms", 1..=limits::MOST_CLOCK_MS, raw.clock_ms)?;
    Ok(PluginTerms {
        allowed: grants(raw, &otherwise.allowed, &table)?,
        new_grants: raw.new_grants.unwrap_or(otherwise.new_grants),
        memory_bytes: memory.map_or(otherwise.memory_bytes, mebibytes),
        table_elements: elements.map_or(otherwise.table_elements, size),
        time_per_event: time.map_or(otherwise.time_per_event, milliseconds),
        time_to_start: start.map_or(otherwise.time_to_start, milliseconds),
        fuel_per_event: fuel(raw, otherwise, &table)?,
        sends: Rate {
            per_second: per_second.unwrap_or(otherwise.sends.per_second),
            burst: burst.unwrap_or(otherwise.sends.burst),
        },
        message_bytes: message.map_or(otherwise.message_bytes, kibibytes),
        log_lines: raw.log_lines_per_second.map_or(otherwise.log_lines, log_lines),
        queue_events: queue.map_or(otherwise.queue_events, size),
        queue_full: raw.queue_full.unwrap_or(otherwise.queue_full),
        retry: Retry {
            times: retries.unwrap_or(otherwise.retry.times),
            pause: retry_pause.map_or(otherwise.retry.pause, milliseconds),
        },
        breaker: Breaker {
            failures: raw.breaker_failures.unwrap_or(otherwise.breaker.failures),
            pause: breaker_pause.map_or(otherwise.breaker.pause, seconds),
        },
        hops: raw.hops.unwrap_or(otherwise.hops),
        quarantine_events: quarantine.map_or(otherwise.quarantine_events, size),
        probation: probation(raw, otherwise.probation, &table)?,
        state_bytes: state.map_or(otherwise.state_bytes, mebibytes),
        shadow: raw.shadow.unwrap_or(otherwise.shadow),
        clock: clock.map_or(otherwise.clock, milliseconds),
        random_seed: raw.random_seed.or(otherwise.random_seed),
        config: config(raw, &table)?,
        secrets: secrets(raw, &table)?,
    })
}

/// Grants of its own are all that a plugin has: those of all plugins are not added to them.
fn grants(raw: &RawPlugin, otherwise: &Allowed, table: &Table<'_>) -> Result<Allowed, ConfigError> {
    match &raw.grants {
        Some(grants) => allowed(grants, &table.path(&["grants"]), table.check),
        None => Ok(otherwise.clone()),
    }
}

fn fuel(raw: &RawPlugin, otherwise: &PluginTerms, table: &Table<'_>) -> Result<Option<u64>, ConfigError> {
    match raw.fuel_per_event {
        Some(0) => Err(table.check.fault(&table.path(&["fuel-per-event"]), "it must be at least 1")),
        fuel => Ok(fuel.or(otherwise.fuel_per_event)),
    }
}

fn probation(raw: &RawPlugin, otherwise: Probation, table: &Table<'_>) -> Result<Probation, ConfigError> {
    let events = table.number("probation-events", &(0..=limits::MOST_PROBATION_EVENTS), raw.probation_events)?;
    let time = table.number("probation-seconds", &(1..=limits::MOST_PROBATION_SECONDS), raw.probation_seconds)?;
    let failures = table.number("probation-failures", &(1..=limits::MOST_PROBATION_EVENTS), raw.probation_failures)?;
    let probation = Probation {
        events: events.map_or(otherwise.events, size),
        time: time.map_or(otherwise.time, seconds),
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

fn config(raw: &RawPlugin, table: &Table<'_>) -> Result<Vec<(String, String)>, ConfigError> {
    let texts = raw.config.iter().map(|(key, value)| {
        let text = raw::as_text(value).ok_or_else(|| {
            let fault = "a plugin's value is a text, a number, true, false, or a list of these, not a table";
            table.check.fault(&table.path(&["config", key]), fault)
        })?;
        Ok((key.clone(), text))
    });
    texts.collect()
}

/// Each from the place that is named: a file in which it stands alone, or a variable of the bot's environment.
fn secrets(raw: &RawPlugin, table: &Table<'_>) -> Result<Vec<(String, Secret)>, ConfigError> {
    let read = |(key, value): (&String, &toml::Value)| {
        let at = table.path(&["secrets", key]);
        if raw.config.contains_key(key) {
            return Err(table.check.fault(&at, "the plugin's `config` has this name already: give it another one"));
        }
        let place = value.as_table().filter(|place| place.len() == 1).and_then(|place| place.iter().next());
        let secret = match place.map(|(kind, name)| (kind.as_str(), name.as_str())) {
            Some(("file", Some(file))) => table.check.secret(&at, file.as_ref())?,
            Some(("env", Some(variable))) => table.check.environment.secret(variable).ok_or_else(|| {
                let fault = format!("the bot has no variable {variable:?} in its environment: set it, or name another");
                table.check.fault(&at, &fault)
            })?,
            _ => {
                // The value may be the secret itself, so it is not repeated.
                let fault = "say where the secret is: { file = \"secrets/key\" } or { env = \"KEY\" }";
                return Err(table.check.fault(&at, fault));
            }
        };
        Ok((key.clone(), Secret(secret)))
    };
    raw.secrets.iter().map(read).collect()
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
