//! Calls that plugins were refused: counted one by one, and said once a minute for each verb and pipe.

use std::{
    collections::BTreeMap,
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};

use crate::report::Quiet;

/// The part of the bot that the lines are of.
const TARGET: &str = "cometbot::plugins::api";

/// The verbs of a plugin.
const VERBS: [&str; 3] = ["send", "log", "count"];

/// For so long nothing more is said of the same verb and pipe.
const SILENCE: Duration = Duration::from_secs(60);
/// So many are told apart. A plugin that tries more is told of as a whole.
const PIPES: usize = 64;
/// What is shown of a name that may be none, in bytes.
const SHOWN_BYTES: usize = 64;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    plugin: Arc<str>,
    verb: &'static str,
}

/// The series of all plugins. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct Refusals(Family<Labels, Counter>);

impl Refusals {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let refusals = Self::default();
        let help = "Calls that a plugin was refused, as it had not asked for them or they were not granted";
        registry.register("plugin_calls_refused", help, refusals.0.clone());
        refusals
    }

    /// From 0 on, so that the first one is an increase.
    pub(super) fn begin(&self, plugin: &Arc<str>) {
        for verb in VERBS {
            drop(self.0.get_or_create(&Labels { plugin: Arc::clone(plugin), verb }));
        }
    }

    pub(super) fn count(&self, plugin: &Arc<str>, verb: &'static str) {
        self.0.get_or_create(&Labels { plugin: Arc::clone(plugin), verb }).inc();
    }

    pub(super) fn end(&self, plugin: &Arc<str>) {
        for verb in VERBS {
            self.0.remove(&Labels { plugin: Arc::clone(plugin), verb });
        }
    }
}

/// What has been said of a plugin's refused calls.
#[derive(Debug, Default)]
pub(super) struct Said(BTreeMap<(&'static str, String), Line>);

#[derive(Debug)]
struct Line {
    at: Instant,
    /// Calls since.
    times: u64,
}

impl Said {
    /// Says that a call was refused, if that is due.
    pub(super) fn say(&mut self, plugin: &str, verb: &'static str, pipe: &str, why: &dyn fmt::Display) {
        let shown = pipe.get(..pipe.floor_char_boundary(SHOWN_BYTES)).unwrap_or_default();
        let Some((pipe, times)) = self.due(verb, shown, Instant::now()) else { return };
        match pipe {
            Some(pipe) => {
                let pipe = Quiet(pipe);
                tracing::warn!(target: TARGET, plugin, verb, %pipe, times, "a call was refused: {why}");
            }
            None => {
                tracing::warn!(target: TARGET, plugin, verb, times, "calls with more than {PIPES} pipes were refused");
            }
        }
    }

    /// For how many calls a line stands that is due; with no pipe for those that are not told apart.
    fn due<'p>(&mut self, verb: &'static str, pipe: &'p str, now: Instant) -> Option<(Option<&'p str>, u64)> {
        let is_known = self.0.contains_key(&(verb, pipe.to_owned()));
        if !is_known && self.0.len() >= PIPES {
            self.0.retain(|_, line| now.saturating_duration_since(line.at) < SILENCE);
        }
        // One more for each verb, whose name no pipe has.
        let named = (is_known || self.0.len() < PIPES).then_some(pipe);
        let key = (verb, named.unwrap_or("").to_owned());
        let Some(line) = self.0.get_mut(&key) else {
            self.0.insert(key, Line { at: now, times: 0 });
            return Some((named, 1));
        };
        line.times += 1;
        if now.saturating_duration_since(line.at) < SILENCE {
            return None;
        }
        line.at = now;
        Some((named, std::mem::take(&mut line.times)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::log_of;

    #[test]
    fn the_same_call_is_said_once_a_minute_with_its_number() {
        let (mut said, begin) = (Said::default(), Instant::now());
        assert_eq!(said.due("send", "web_a", begin), Some((Some("web_a"), 1)));
        assert_eq!(said.due("send", "web_a", begin), None);
        assert_eq!(said.due("log", "web_a", begin), Some((Some("web_a"), 1)));
        assert_eq!(said.due("send", "web_a", begin + SILENCE), Some((Some("web_a"), 2)));
    }

    #[test]
    fn a_plugin_that_tries_every_pipe_fills_neither_the_log_nor_the_memory() {
        let (mut said, begin) = (Said::default(), Instant::now());
        let lines = (0..100_000).filter(|number| said.due("send", &format!("web_{number}"), begin).is_some()).count();
        assert_eq!((lines, said.0.len()), (PIPES + 1, PIPES + 1));
        assert_eq!(said.due("send", "web_new", begin + SILENCE), Some((Some("web_new"), 1)));
        assert_eq!(said.0.len(), 1, "what was said long ago is forgotten");
    }

    #[test]
    fn a_pipe_cannot_forge_a_line() {
        let log = log_of(|| Said::default().say("karma", "send", "web\nERROR", &"why"));
        assert!(log.lines().count() == 1 && log.contains("plugin=\"karma\" verb=\"send\""), "{log}");
    }
}
