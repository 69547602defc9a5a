//! A plugin: what became of its events, and the sends that it was refused.

use std::{
    fmt,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};

use super::{
    gate::{BreakerView, GateTally, Gates},
    held::Held,
    refusals::{Refusals, Said},
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

/// How often it is said that lines of the plugin's own were dropped.
const DROPPED_LINES_EVERY: Duration = Duration::from_secs(10);

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
    fuel: Family<Name, Counter>,
    lines_dropped: Family<Name, Counter>,
    reloads: Family<ReloadLabels, Counter>,
    pauses: Histogram,
    refusals: Refusals,
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
        let fuel = Family::default();
        registry.register("plugin_fuel", "What a plugin has computed, in units of about one instruction", fuel.clone());
        let lines_dropped = Family::default();
        registry.register(
            "plugin_log_lines_dropped",
            "Lines that a plugin would have written into the log beyond what it may",
            lines_dropped.clone(),
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
        let (refusals, gates) = (Refusals::register(registry), Gates::register(registry));
        let held = Held::default();
        Self { held, events, memory, fuel, lines_dropped, reloads, pauses, refusals, gates, sends: sends.clone() }
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
    /// Where it is metered what plugins compute.
    fuel: OnceLock<Counter>,
    lines_dropped: Counter,
    /// Says how many were dropped.
    lines_about_lines: Mutex<Throttle>,
    /// Whether lines have been dropped that it has not spoken of yet.
    owes_a_line_about_lines: AtomicBool,
    gate: GateTally,
    failure_lines: Mutex<Throttle>,
    drop_lines: Mutex<Throttle>,
    /// Whether drops have been counted that no line speaks of yet.
    owes_a_line: AtomicBool,
    bound_lines: Mutex<Throttle>,
    said_of_refusals: Mutex<Said>,
}

impl Tally {
    fn new(plugins: &Arc<Plugins>, name: Arc<str>) -> Self {
        let counter = |outcome| plugins.events.get_or_create_owned(&Labels { plugin: Arc::clone(&name), outcome });
        for outcome in ReloadKind::ALL {
            // From 0 on, so that the first one is an increase.
            drop(plugins.reloads.get_or_create(&ReloadLabels { plugin: Arc::clone(&name), outcome }));
        }
        plugins.refusals.begin(&name);
        Self {
            handled: counter(Outcome::Handled),
            failed: counter(Outcome::Failed),
            dropped: counter(Outcome::Dropped),
            memory: plugins.memory.get_or_create_owned(&Name { plugin: Arc::clone(&name) }),
            fuel: OnceLock::new(),
            lines_dropped: plugins.lines_dropped.get_or_create_owned(&Name { plugin: Arc::clone(&name) }),
            lines_about_lines: Mutex::new(Throttle::line_in(DROPPED_LINES_EVERY)),
            owes_a_line_about_lines: AtomicBool::new(false),
            gate: plugins.gates.tally(&name),
            plugins: Arc::clone(plugins),
            name,
            failure_lines: Mutex::new(Throttle::lines_per_second(FAILURES_PER_SECOND)),
            drop_lines: Mutex::new(Throttle::lines_per_second(DROPS_PER_SECOND)),
            owes_a_line: AtomicBool::new(false),
            bound_lines: Mutex::new(Throttle::lines_per_second(BOUNDS_PER_SECOND)),
            said_of_refusals: Mutex::default(),
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
            self.plugins.refusals.end(&self.name);
            self.plugins.memory.remove(&Name { plugin: Arc::clone(&self.name) });
            self.plugins.fuel.remove(&Name { plugin: Arc::clone(&self.name) });
            self.plugins.lines_dropped.remove(&Name { plugin: Arc::clone(&self.name) });
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

    /// A call of the plugin has used so much fuel. Never called where that is not metered.
    pub fn fuel(&self, used: u64) {
        let name = || Name { plugin: Arc::clone(&self.0.name) };
        self.0.fuel.get_or_init(|| self.0.plugins.fuel.get_or_create_owned(&name())).inc_by(used);
    }

    /// So many of the plugin's lines are not in the log, as it may write `per_second`. To be called with none as well: earlier
    /// ones may not have been told yet.
    pub fn log_lines_dropped(&self, lines: u64, per_second: u32) {
        if lines == 0 && !self.0.owes_a_line_about_lines.load(Ordering::Relaxed) {
            return;
        }
        self.0.lines_dropped.inc_by(lines);
        let told = pass(&self.0.lines_about_lines, lines);
        self.0.owes_a_line_about_lines.store(told.is_none(), Ordering::Relaxed);
        if let Some(lines) = told {
            tracing::warn!(
                target: TARGET,
                plugin = &*self.0.name,
                lines,
                "lines of the plugin are dropped: it may write {per_second} a second in the long run; have it write less, \
                 or raise `log-lines-per-second`"
            );
        }
    }

    /// How many of the plugin's lines are not in the log.
    #[must_use]
    pub fn lines_dropped(&self) -> u64 {
        self.0.lines_dropped.get()
    }

    /// How much fuel the plugin has used; 0 where that is not metered.
    #[must_use]
    pub fn fuel_used(&self) -> u64 {
        self.0.fuel.get().map_or(0, Counter::get)
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
        // The names of its functions are the plugin's own words, and those of events are the sender's.
        let backtrace = (!failed.backtrace.is_empty()).then(|| brief(&failed.backtrace.join(" < ")));
        tracing::error!(
            target: TARGET,
            plugin = &*self.0.name,
            version = failed.version,
            times,
            pipe = brief(failed.pipe),
            event = brief(failed.event),
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

    /// The plugin was refused a call, with these words.
    #[cold]
    pub fn call_refused(&self, verb: &'static str, pipe: &str, why: &str) {
        self.0.plugins.refusals.count(&self.0.name, verb);
        let mut said = self.0.said_of_refusals.lock().unwrap_or_else(PoisonError::into_inner);
        said.say(&self.0.name, verb, pipe, &why);
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
