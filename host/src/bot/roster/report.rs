//! What is told of a plugin: of each outcome in the log and the metrics, and of all there is over the control socket.

use std::time::{Duration, Instant};

use super::{
    super::{
        control::{BreakerReport, CandidateReport, KeptVersion, PluginReport, PluginState},
        outcome::{Outcome, OutcomeKind},
    },
    plugin::Plugin,
};
use crate::{
    metrics::{BreakerView, Reload},
    plugins::grants::{Granted, Grants},
    unix_time,
};

/// Puts an outcome into the log and the metrics.
pub(super) fn say(plugin: &Plugin, outcome: &Outcome) {
    let running = plugin.label();
    let grants = plugin.running.as_ref().map(|running| &*running.grants);
    let nothing = String::new();
    let asks: &dyn std::fmt::Display = match grants {
        Some(grants) => grants,
        None => &nothing,
    };
    let bad = plugin.record.held_back.as_ref().map(|held| held.hash.to_string()).unwrap_or_default();
    let reload = match &outcome.kind {
        OutcomeKind::Started { version } => Reload::Started { version, asks },
        OutcomeKind::Swapped { version, pause_us, state_bytes } => {
            Reload::Swapped { version, asks, pause: Duration::from_micros(*pause_us), state_bytes: *state_bytes }
        }
        OutcomeKind::Unchanged { version } => Reload::Unchanged { version },
        OutcomeKind::Rejected { why } => Reload::Rejected { running, why },
        OutcomeKind::Waiting { version, text, .. } => Reload::Waiting { running, version, asks: text },
        OutcomeKind::RolledBack { version, why } => Reload::RolledBack { version, bad: &bad, why },
        OutcomeKind::Removed => Reload::Removed,
        OutcomeKind::Disabled => Reload::Disabled,
    };
    plugin.tally.reloaded(&reload);
}

/// All that is known of a plugin to which this is `granted`. `quarantined` is the number of its failed events that are
/// kept.
pub(super) fn report(name: &str, plugin: &Plugin, granted: &Granted, quarantined: usize) -> PluginReport {
    let running = plugin.running.as_ref();
    let shown = |grants: &Grants| serde_json::to_value(grants).ok();
    let missing = running.map(|running| granted.missing(&running.asks)).filter(|missing| !missing.is_empty());
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    PluginReport {
        name: name.to_owned(),
        state: state(plugin),
        version: running.map(|running| running.label.to_string()),
        hash: running.map(|running| running.hash.full()),
        since: running.map(|running| unix_time::seconds(running.since)),
        handled: plugin.tally.events_handled(),
        failed: plugin.tally.events_failed(),
        dropped: plugin.tally.events_dropped(),
        quarantined: count(quarantined),
        waiting_events: running.map_or(0, |running| count(running.slot.queue().waiting())),
        memory_bytes: plugin.tally.memory_bytes(),
        asks: running.and_then(|running| shown(&running.asks)),
        grants: running.and_then(|running| shown(&running.grants)),
        missing: missing.as_ref().and_then(shown),
        granted_by_command: plugin.record.granted.as_ref().filter(|granted| !granted.is_empty()).and_then(shown),
        last: plugin.last.clone(),
        held_back: plugin.record.held_back.as_ref().map(|held| format!("{}: {}", held.hash, held.why)),
        kept: plugin.record.good.iter().map(kept).collect(),
        candidate: plugin.candidate.as_ref().map(|candidate| CandidateReport {
            version: candidate.label.to_string(),
            hash: candidate.hash.full(),
            compared: candidate.comparison.compared(),
            different: candidate.comparison.different(),
            failed: candidate.comparison.failed(),
            not_compared: candidate.comparison.missed(),
            last_difference: candidate.comparison.last_difference(),
        }),
        breaker: running.map(|_| breaker(plugin)),
    }
}

fn breaker(plugin: &Plugin) -> BreakerReport {
    let BreakerView { state, failures, next_try, why } = plugin.tally.gate().breaker();
    let left = next_try.map(|at| at.saturating_duration_since(Instant::now()));
    BreakerReport {
        state,
        // What is left of a second is a second.
        next_try_seconds: left.map(|left| left.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX)),
        failures,
        why: (!why.is_empty()).then_some(why),
    }
}

fn kept(good: &crate::plugins::kept::Good) -> KeptVersion {
    KeptVersion { version: good.label.clone(), hash: good.hash.full(), since: good.since_unix }
}

fn state(plugin: &Plugin) -> PluginState {
    if plugin.record.disabled {
        return PluginState::Disabled;
    }
    if plugin.waiting.is_some() {
        return PluginState::Waiting;
    }
    match &plugin.last {
        Some(Outcome { kind: OutcomeKind::Rejected { .. }, .. }) => PluginState::Rejected,
        _ if plugin.is_on_probation() => PluginState::Probation,
        _ if plugin.running.is_some() => PluginState::Running,
        _ => PluginState::Stopping,
    }
}
