//! What happens, counted and said: the one place where an occurrence becomes a line of the log and a metric.
//!
//! Whoever sees something happen calls one method with the facts, and that method does both, so that log and metrics
//! cannot drift apart. The words of an error stay with the error; the rest of the line, its level and its fields are
//! here. The names and meanings of all metrics are in `docs/src/metrics.md`, which the tests compare with what is
//! served.
//!
//! - [`LinkTally`]: a connection, from its first try to its loss, and what comes over it.
//! - [`SendTally`]: what became of sends.
//! - [`Gap`]: messages that could not be caught up.
//! - [`PluginTally`]: what a plugin did with its events, and what became of its file ([`Reload`]); what holds it up is its
//!   [`GateTally`].
//! - [`serve`]: all of it over HTTP.
//!
//! Tallies are looked up once and kept: what is counted for each event is one relaxed addition to an atomic. The series
//! of a link or a plugin exist as long as somebody holds its tally.
//!
//! Anyone may call it; it calls `report` alone.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use prometheus_client::{
    encoding::text,
    metrics::{gauge::Gauge, info::Info},
    registry::{Registry, Unit},
};

pub use self::{
    gaps::{Gap, GapReason},
    gate::{BreakerOpened, BreakerState, BreakerView, GateTally, LoopFound, Retried},
    link::{Connected, LinkTally},
    loss::{Loss, LossReason},
    plugin::{Bound, Dropped, Failed, PluginTally},
    reload::Reload,
    sends::{Refusal, SendTally},
    serve::serve,
};

mod gaps;
mod gate;
mod held;
mod link;
mod loss;
mod plugin;
mod refusals;
mod reload;
mod sends;
mod serve;

/// What stands before the name of every metric of ours.
const PREFIX: &str = "cometbot";

/// All metrics of a process. Clones share them.
#[derive(Debug, Clone)]
pub struct Metrics(Arc<All>);

#[derive(Debug)]
struct All {
    registry: Registry,
    links: Arc<link::Links>,
    plugins: Arc<plugin::Plugins>,
    sends: SendTally,
    gaps: gaps::Gaps,
    token_expires: Gauge,
}

impl Metrics {
    /// Metrics that all stand at zero. The process counts as started now.
    #[must_use]
    pub fn new() -> Self {
        let mut registry = Registry::default();
        let started: Gauge<f64, std::sync::atomic::AtomicU64> = Gauge::default();
        started.set(unix_seconds(Duration::ZERO));
        registry.register_with_unit(
            "process_start_time",
            "When the process started, Unix time",
            Unit::Seconds,
            started,
        );
        let ours = registry.sub_registry_with_prefix(PREFIX);
        ours.register("build", "The version that runs", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        let token_expires = Gauge::default();
        ours.register_with_unit(
            "token_expires",
            "When the token of the login expires, Unix time; 0 if that is not known",
            Unit::Seconds,
            token_expires.clone(),
        );
        let links = Arc::new(link::Links::register(ours));
        let sends = SendTally::register(ours);
        let gaps = gaps::Gaps::register(ours);
        let plugins = Arc::new(plugin::Plugins::register(ours, &sends));
        Self(Arc::new(All { registry, links, plugins, sends, gaps, token_expires }))
    }

    /// The tally of the link `number`, counted from 0. All who ask for it while it is held share one.
    #[must_use]
    pub fn link(&self, number: usize) -> LinkTally {
        link::Links::tally(&self.0.links, number)
    }

    /// The tally of the plugin `name`. All who ask for it while it is held share one: a plugin that comes back while its
    /// old self still finishes goes on counting where that is.
    #[must_use]
    pub fn plugin(&self, name: &str) -> PluginTally {
        plugin::Plugins::tally(&self.0.plugins, name)
    }

    /// The tally of sends.
    #[must_use]
    pub fn sends(&self) -> &SendTally {
        &self.0.sends
    }

    /// Messages of a pipe may be missing.
    pub fn gap(&self, gap: &Gap<'_>) {
        self.0.gaps.gap(gap);
    }

    /// `events` that the link `link` had missed came out of the log of `pipe` and were passed on. Those of a [`Gap`]
    /// belong here as well: it does not count them.
    pub fn recovered(&self, link: usize, pipe: &str, events: u64) {
        self.0.gaps.recovered(link, pipe, events);
    }

    /// When the token expires, in seconds of Unix time, if it says so.
    pub fn token_expires(&self, at: Option<u64>) {
        self.0.token_expires.set(saturated(at.unwrap_or_default()));
    }

    /// All metrics as OpenMetrics text 1.0.0.
    ///
    /// # Errors
    /// None that is known: writing into a text cannot fail.
    pub fn exposition(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        text::encode(&mut text, &self.0.registry)?;
        Ok(text)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

/// Unix time after `pause` from now, in seconds; 0 if the clock stands before 1970.
fn unix_seconds(pause: Duration) -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |now| (now + pause).as_secs_f64())
}

/// A number as gauges have it. Beyond what they hold it is the largest, as the encoder would refuse all metrics for it.
fn saturated(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
