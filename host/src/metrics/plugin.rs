//! A plugin: what became of its events, and the sends that it was refused.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};

use super::{
    gate::{BreakerView, GateTally, Gates},
    held::Held,
    reload::{Reload, ReloadKind},
    sends::SendTally,
};
use crate::report::{Throttle, brief};

/// The part of the bot that lines about plugins are of.
pub(super) const TARGET: &str = "cometbot::plugins::slot::occupant";

/// Failures that are logged one by one; those beyond are counted.
const FAILURES_PER_SECOND: u32 = 20;

/// Lines about dropped events, which are counted anyway.
const DROPS_PER_SECOND: u32 = 1;

/// Lines about sends that cannot wait.
const BOUNDS_PER_SECOND: u32 = 1;

/// The bounds by which pauses are counted, in seconds.
const PAUSES: [f64; 10] = [0.000_02, 0.000_05, 0.000_1, 0.000_2, 0.000_5, 0.001, 0.005, 0.02, 0.1, 1.0];

/// An event that a plugin failed on.
pub struct Failed<'a> {
    /// The running version.
    pub version: &'a str,
    /// The event's pipe.
    pub pipe: &'a str,
    /// The event's name.
    pub event: &'a str,
    /// How often it was tried.
    pub tries: u32,
    /// The plugin's functions that were running, innermost first.
    pub backtrace: &'a [String],
    /// Why, in words.
    pub why: &'a dyn fmt::Display,
}

/// Events that a plugin's queue had no room for.
#[derive(Debug, Clone, Copy)]
pub struct Dropped<'a> {
    /// The running version.
    pub version: &'a str,
    /// How many.
    pub events: u64,
    /// The most events that the queue holds.
    pub queue_events: usize,
    /// The most payload that it holds, in MiB.
    pub queue_mib: usize,
}

/// What a plugin's sends have reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// So many may wait.
    Sends(usize),
    /// They may take so many MiB.
    Mib(usize),
    /// One event may send so many.
    Burst(usize),
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sends(most) => write!(f, "{most} wait already, which is the most (`outbox-sends`)"),
            Self::Burst(most) => write!(f, "one event may send at most {most} messages (`sends-burst`)"),
            Self::Mib(most) => write!(f, "{most} MiB wait already, which is the most (`outbox-mib`)"),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Outcome {
    Handled,
    Failed,
    Dropped,
}

impl Outcome {
    const ALL: [Self; 3] = [Self::Handled, Self::Failed, Self::Dropped];
}

impl EncodeLabelValue for Outcome {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        let outcome = match self {
            Self::Handled => "handled",
            Self::Failed => "failed",
            Self::Dropped => "dropped",
        };
        outcome.encode(encoder)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    plugin: Arc<str>,
    outcome: Outcome,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReloadLabels {
    plugin: Arc<str>,
    outcome: ReloadKind,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Name {
    pub(super) plugin: Arc<str>,
}

/// The series of all plugins.
#[derive(Debug)]
pub(super) struct Plugins {
    held: Held<Arc<str>, Tally>,
    events: Family<Labels, Counter>,
    memory: Family<Name, Gauge>,
    reloads: Family<ReloadLabels, Counter>,
    pauses: Histogram,
    gates: Gates,
    sends: SendTally,
}

impl Plugins {
    pub(super) fn register(registry: &mut Registry, sends: &SendTally) -> Self {
        let events = Family::default();
        registry.register("plugin_events", "Events for a plugin, by what became of them", events.clone());
        let memory = Family::default();
        registry.register(
            "plugin_memory_bytes",
            "What the linear memories of a plugin's instance take",
            memory.clone(),
        );
        let reloads = Family::default();
        registry.register("plugin_reloads", "Files and versions of a plugin, by what became of them", reloads.clone());
        let pauses = Histogram::new(PAUSES);
        registry.register_with_unit(
            "plugin_swap_pause",
            "For how long no event was handled while a new version took over",
            Unit::Seconds,
            pauses.clone(),
        );
        let gates = Gates::register(registry);
        Self { held: Held::default(), events, memory, reloads, pauses, gates, sends: sends.clone() }
    }

    pub(super) fn tally(plugins: &Arc<Self>, name: &str) -> PluginTally {
        let name: Arc<str> = name.into();
        PluginTally(plugins.held.get(Arc::clone(&name), || Tally::new(plugins, name)))
    }
}

/// What happens to one plugin. Clones share it.
#[derive(Debug, Clone)]
pub struct PluginTally(Arc<Tally>);

#[derive(Debug)]
struct Tally {
    plugins: Arc<Plugins>,
    name: Arc<str>,
    handled: Counter,
    failed: Counter,
    dropped: Counter,
    memory: Gauge,
    gate: GateTally,
    failure_lines: Mutex<Throttle>,
    drop_lines: Mutex<Throttle>,
    /// Whether drops have been counted that no line speaks of yet.
    owes_a_line: AtomicBool,
    bound_lines: Mutex<Throttle>,
}

impl Tally {
    fn new(plugins: &Arc<Plugins>, name: Arc<str>) -> Self {
        let counter = |outcome| plugins.events.get_or_create_owned(&Labels { plugin: Arc::clone(&name), outcome });
        for outcome in ReloadKind::ALL {
            // From 0 on, so that the first one is an increase.
            drop(plugins.reloads.get_or_create(&ReloadLabels { plugin: Arc::clone(&name), outcome }));
        }
        Self {
            handled: counter(Outcome::Handled),
            failed: counter(Outcome::Failed),
            dropped: counter(Outcome::Dropped),
            memory: plugins.memory.get_or_create_owned(&Name { plugin: Arc::clone(&name) }),
            gate: plugins.gates.tally(&name),
            plugins: Arc::clone(plugins),
            name,
            failure_lines: Mutex::new(Throttle::lines_per_second(FAILURES_PER_SECOND)),
            drop_lines: Mutex::new(Throttle::lines_per_second(DROPS_PER_SECOND)),
            owes_a_line: AtomicBool::new(false),
            bound_lines: Mutex::new(Throttle::lines_per_second(BOUNDS_PER_SECOND)),
        }
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        self.plugins.held.gone(&self.name, || {
            for outcome in Outcome::ALL {
                self.plugins.events.remove(&Labels { plugin: Arc::clone(&self.name), outcome });
            }
            for outcome in ReloadKind::ALL {
                self.plugins.reloads.remove(&ReloadLabels { plugin: Arc::clone(&self.name), outcome });
            }
            self.plugins.memory.remove(&Name { plugin: Arc::clone(&self.name) });
            self.plugins.gates.remove(&self.name);
        });
    }
}

impl PluginTally {
    /// The plugin handled an event. For every event: it only counts.
    pub fn handled(&self) {
        self.0.handled.inc();
    }

    /// What holds it up.
    #[must_use]
    pub fn gate(&self) -> &GateTally {
        &self.0.gate
    }

    /// Something became of the plugin's file.
    pub fn reloaded(&self, reload: &Reload<'_>) {
        let labels = ReloadLabels { plugin: Arc::clone(&self.0.name), outcome: reload.kind() };
        self.0.plugins.reloads.get_or_create(&labels).inc();
        if let Reload::Swapped { pause, .. } = reload {
            self.0.plugins.pauses.observe(pause.as_secs_f64());
        }
        reload.say(&self.0.name);
    }

    /// The memories of the plugin's newest instance have grown to so many bytes.
    pub fn memory(&self, bytes: usize) {
        self.0.memory.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// How many bytes the memories of the plugin's newest instance have.
    #[must_use]
    pub fn memory_bytes(&self) -> u64 {
        u64::try_from(self.0.memory.get()).unwrap_or_default()
    }

    /// How many events the plugin has handled.
    #[must_use]
    pub fn events_handled(&self) -> u64 {
        self.0.handled.get()
    }

    /// How many events found no room in the plugin's queue.
    #[must_use]
    pub fn events_dropped(&self) -> u64 {
        self.0.dropped.get()
    }

    /// How many events the plugin has failed on.
    #[must_use]
    pub fn events_failed(&self) -> u64 {
        self.0.failed.get()
    }

    /// The plugin failed on an event for good.
    #[cold]
    pub fn failed(&self, failed: &Failed<'_>) {
        self.0.failed.inc();
        let Some(times) = pass(&self.0.failure_lines, 1) else { return };
        let backtrace = (!failed.backtrace.is_empty()).then(|| failed.backtrace.join(" < "));
        tracing::error!(
            target: TARGET,
            plugin = &*self.0.name,
            version = failed.version,
            times,
            pipe = failed.pipe,
            event = failed.event,
            tries = (failed.tries > 1).then_some(failed.tries),
            backtrace,
            "the plugin failed on an event: {}",
            brief(&failed.why.to_string())
        );
    }

    /// The plugin ends while its breaker is open, and so many events waited. Gives the reason by which they are kept.
    #[cold]
    pub fn not_tried(&self, version: &str, events: usize) -> String {
        self.0.failed.inc_by(events as u64);
        if events > 0 {
            tracing::warn!(
                target: TARGET,
                plugin = &*self.0.name,
                version,
                events,
                "the plugin ends while its breaker is open, so what waited goes to quarantine untried"
            );
        }
        let BreakerView { failures, why, .. } = self.gate().breaker();
        format!(
            "it was not tried: the plugin had failed on {failures} events in a row when it was to end; the last failure: \
             {why}"
        )
    }

    /// Events found no room in the plugin's queue. To be called now and then with none as well: a line may be owed for
    /// earlier ones.
    pub fn dropped(&self, dropped: &Dropped<'_>) {
        if dropped.events == 0 && !self.0.owes_a_line.load(Ordering::Relaxed) {
            return;
        }
        self.0.dropped.inc_by(dropped.events);
        let times = pass(&self.0.drop_lines, dropped.events);
        self.0.owes_a_line.store(times.is_none(), Ordering::Relaxed);
        if let Some(events) = times {
            tracing::warn!(
                target: TARGET,
                plugin = &*self.0.name,
                version = dropped.version,
                events,
                "events were dropped: {} wait already, or {} MiB, which is the most; give the plugin less to hear or a \
                 larger `queue-events`",
                dropped.queue_events,
                dropped.queue_mib
            );
        }
    }

    /// The plugin was told that so many of its sends cannot wait, or are too many for one event.
    pub fn sends_refused(&self, sends: u64, bound: Bound) {
        self.0.plugins.sends.refused_locally(sends);
        if let Some(times) = pass(&self.0.bound_lines, sends) {
            tracing::warn!(target: TARGET, plugin = &*self.0.name, times, "sends are refused: {bound}");
        }
    }
}

pub(super) fn pass(lines: &Mutex<Throttle>, times: u64) -> Option<u64> {
    lines.lock().unwrap_or_else(PoisonError::into_inner).pass_many(times)
}
