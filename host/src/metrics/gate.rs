//! What holds up a plugin: tries that failed and are repeated, its breaker, the pace of its sends, and loops.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicU64},
    time::{Duration, Instant},
};

use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::{Registry, Unit},
};

use serde::{Deserialize, Serialize};

use super::plugin::{Name, TARGET, pass};
use crate::report::{Throttle, brief};

/// How much of a loop's text is shown, in bytes.
const LOOP_TEXT_BYTES: usize = 80;

/// Tries that are logged one by one; those beyond are counted.
const TRIES_PER_SECOND: u32 = 20;

/// A plugin that is slowed again is told of only after it has been quick for so long.
const QUICK_FOR: Duration = Duration::from_secs(60);

/// A try at an event that failed and is not the last one.
pub struct Retried<'a> {
    /// The running version.
    pub version: &'a str,
    /// The event's pipe.
    pub pipe: &'a str,
    /// The event's name.
    pub event: &'a str,
    /// The plugin's functions that were running, innermost first.
    pub backtrace: &'a [String],
    /// Why, in words.
    pub why: &'a dyn fmt::Display,
    /// How long it takes until the next one.
    pub pause: Duration,
}

/// A plugin is left in peace.
pub struct BreakerOpened<'a> {
    /// The running version.
    pub version: &'a str,
    /// On so many events it failed in a row.
    pub failures: u32,
    /// How long it is left in peace.
    pub pause: Duration,
    /// And so until when.
    pub until: Instant,
    /// Why it failed on the last one, in words.
    pub why: &'a str,
}

/// A plugin and somebody else answer each other.
pub struct LoopFound<'a> {
    /// The running version.
    pub version: &'a str,
    /// Where.
    pub pipe: &'a str,
    /// The name of an event of the loop.
    pub event: &'a str,
    /// Its data.
    pub data: &'a str,
    /// So many answers of the plugin at least.
    pub hops: u32,
    /// In so long.
    pub time: Duration,
}

/// Whether a plugin gets events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BreakerState {
    /// It does.
    #[default]
    Closed,
    /// It gets one, and what becomes of that decides.
    HalfOpen,
    /// It does not for now.
    Open,
}

/// How a plugin's breaker stands.
#[derive(Debug, Clone, Default)]
pub struct BreakerView {
    /// Whether it gets events.
    pub state: BreakerState,
    /// On so many events it failed in a row, if it was left in peace for that.
    pub failures: u32,
    /// When it gets the next one, while it is left in peace.
    pub next_try: Option<Instant>,
    /// Why it failed on the last one, in words.
    pub why: String,
}

/// The series of all plugins.
#[derive(Debug)]
pub(super) struct Gates {
    retries: Family<Name, Counter>,
    breakers: Family<Name, Gauge>,
    slowed: Family<Name, Seconds>,
    loops: Family<Name, Counter>,
}

/// A sum of times.
type Seconds = Counter<f64, AtomicU64>;

impl Gates {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let retries = Family::default();
        registry.register("plugin_retries", "Tries at an event that failed and were repeated", retries.clone());
        let breakers = Family::default();
        registry.register(
            "plugin_breaker_state",
            "Whether a plugin gets events: 0 it does, 1 it gets one that decides, 2 it does not",
            breakers.clone(),
        );
        let slowed = Family::default();
        registry.register_with_unit(
            "plugin_slowed",
            "For how long a plugin got no event because it had sent too much",
            Unit::Seconds,
            slowed.clone(),
        );
        let loops = Family::default();
        registry.register("plugin_loops", "Loops in which a plugin and somebody else answer each other", loops.clone());
        Self { retries, breakers, slowed, loops }
    }

    pub(super) fn tally(&self, plugin: &Arc<str>) -> GateTally {
        let name = Name { plugin: Arc::clone(plugin) };
        GateTally {
            retries: self.retries.get_or_create_owned(&name),
            breaker: self.breakers.get_or_create_owned(&name),
            view: Mutex::default(),
            slowed: self.slowed.get_or_create_owned(&name),
            slowed_until: Mutex::default(),
            loops: self.loops.get_or_create_owned(&name),
            try_lines: Mutex::new(Throttle::lines_per_second(TRIES_PER_SECOND)),
            plugin: Arc::clone(plugin),
        }
    }

    pub(super) fn remove(&self, plugin: &Arc<str>) {
        let name = Name { plugin: Arc::clone(plugin) };
        self.retries.remove(&name);
        self.breakers.remove(&name);
        self.slowed.remove(&name);
        self.loops.remove(&name);
    }
}

/// What holds up one plugin.
#[derive(Debug)]
pub struct GateTally {
    plugin: Arc<str>,
    retries: Counter,
    breaker: Gauge,
    view: Mutex<BreakerView>,
    slowed: Seconds,
    slowed_until: Mutex<Option<Instant>>,
    loops: Counter,
    try_lines: Mutex<Throttle>,
}

impl GateTally {
    /// A try at an event failed, and there is another one.
    pub fn retried(&self, retried: &Retried<'_>) {
        self.retries.inc();
        let Some(times) = pass(&self.try_lines, 1) else { return };
        let backtrace = (!retried.backtrace.is_empty()).then(|| retried.backtrace.join(" < "));
        tracing::warn!(
            target: TARGET,
            plugin = &*self.plugin,
            version = retried.version,
            times,
            pipe = retried.pipe,
            event = retried.event,
            backtrace,
            "a try at an event failed, the next one comes in {} ms: {}",
            retried.pause.as_millis(),
            brief(&retried.why.to_string())
        );
    }

    /// It is left in peace, and its events wait.
    pub fn breaker_opened(&self, opened: &BreakerOpened<'_>) {
        let BreakerOpened { version, failures, pause, until, why } = opened;
        let why = brief(why);
        let (state, next_try) = (BreakerState::Open, Some(*until));
        self.show(BreakerView { state, failures: *failures, next_try, why: why.clone() });
        tracing::error!(
            target: TARGET,
            plugin = &*self.plugin,
            version,
            failures,
            "breaker open: the plugin failed on {failures} events in a row and gets none for {} s, they wait; the last \
             failure: {why}",
            pause.as_secs_f64()
        );
    }

    /// It gets an event again, which decides.
    pub fn breaker_half_open(&self, version: &str) {
        let mut view = self.breaker();
        (view.state, view.next_try) = (BreakerState::HalfOpen, None);
        self.show(view);
        tracing::info!(
            target: TARGET, plugin = &*self.plugin, version, "breaker half-open: the plugin gets one event"
        );
    }

    /// It gets its events again.
    pub fn breaker_closed(&self, version: &str) {
        self.show(BreakerView::default());
        tracing::info!(target: TARGET, plugin = &*self.plugin, version, "breaker closed: the plugin gets its events");
    }

    /// It has sent more than so much a second, and gets no event until then.
    pub fn slowed(&self, version: &str, until: Instant, per_second: u32) {
        let now = Instant::now();
        self.slowed.inc_by(until.saturating_duration_since(now).as_secs_f64());
        let before = self.slowed_until.lock().unwrap_or_else(PoisonError::into_inner).replace(until);
        if before.is_some_and(|before| now.saturating_duration_since(before) < QUICK_FOR) {
            return;
        }
        tracing::warn!(
            target: TARGET,
            plugin = &*self.plugin,
            version,
            "the plugin sends more than {per_second} messages a second and is slowed, its events wait: let it send less, or \
             raise `sends-per-second`"
        );
    }

    /// It and somebody else answer each other.
    pub fn loop_found(&self, found: &LoopFound<'_>) {
        let LoopFound { version, pipe, event, data, hops, time } = found;
        self.loops.inc();
        let shown = data.get(..data.floor_char_boundary(LOOP_TEXT_BYTES)).unwrap_or_default();
        let rest = if shown.len() < data.len() { "…" } else { "" };
        tracing::warn!(
            target: TARGET,
            plugin = &*self.plugin,
            version,
            pipe,
            event,
            "loop: the plugin and somebody else, or itself, answer each other in {pipe}: {hops} answers or more to {:?} and \
             what came of it, in {:.1} s; slowed to one answer a second until it ends: let the plugin ignore such events, or \
             set `hops`",
            format!("{shown}{rest}"),
            time.as_secs_f64()
        );
    }

    /// A loop in `pipe` is over, after so many answers more.
    pub fn loop_over(&self, version: &str, pipe: &str, answers: u64) {
        tracing::info!(
            target: TARGET, plugin = &*self.plugin, version, pipe, "the loop is over, after {answers} slow answers"
        );
    }

    /// What looked like a loop in `pipe` is none.
    pub fn loop_cleared(&self, version: &str, pipe: &str) {
        tracing::debug!(
            target: TARGET,
            plugin = &*self.plugin,
            version,
            pipe,
            "the plugin answers the same over and over, and that is no loop: it comes by itself"
        );
    }

    /// How its breaker stands.
    #[must_use]
    pub fn breaker(&self) -> BreakerView {
        self.view.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn show(&self, view: BreakerView) {
        self.breaker.set(match view.state {
            BreakerState::Closed => 0,
            BreakerState::HalfOpen => 1,
            BreakerState::Open => 2,
        });
        *self.view.lock().unwrap_or_else(PoisonError::into_inner) = view;
    }
}
