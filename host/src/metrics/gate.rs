//! What holds up a plugin: tries that failed and are repeated.

use std::{
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use prometheus_client::{
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};

use super::plugin::{Name, TARGET, pass};
use crate::report::{Throttle, brief};

/// Tries that are logged one by one; those beyond are counted.
const TRIES_PER_SECOND: u32 = 20;

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

/// The series of all plugins.
#[derive(Debug)]
pub(super) struct Gates {
    retries: Family<Name, Counter>,
}

impl Gates {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let retries = Family::default();
        registry.register("plugin_retries", "Tries at an event that failed and were repeated", retries.clone());
        Self { retries }
    }

    pub(super) fn tally(&self, plugin: &Arc<str>) -> GateTally {
        let name = Name { plugin: Arc::clone(plugin) };
        GateTally {
            retries: self.retries.get_or_create_owned(&name),
            try_lines: Mutex::new(Throttle::lines_per_second(TRIES_PER_SECOND)),
            plugin: Arc::clone(plugin),
        }
    }

    pub(super) fn remove(&self, plugin: &Arc<str>) {
        let name = Name { plugin: Arc::clone(plugin) };
        self.retries.remove(&name);
    }
}

/// What holds up one plugin.
#[derive(Debug)]
pub struct GateTally {
    plugin: Arc<str>,
    retries: Counter,
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
}
