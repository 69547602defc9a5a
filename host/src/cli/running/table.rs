//! Reports of plugins, for people: a table of all, or everything about one.

use super::words::{age, asked, grants, size, to_grant};
use crate::{
    bot::{
        control::{BreakerReport, CandidateReport, PluginReport, PluginState},
        outcome::{Class, Outcome},
    },
    metrics::BreakerState,
    report::Quiet,
};

/// A column: how it is called, and whether it holds numbers, which end below one another.
const COLUMNS: [(&str, bool); 7] = [
    ("plugin", false),
    ("state", false),
    ("version", false),
    ("since", false),
    ("events", true),
    ("failed", true),
    ("quarantined", true),
];

const GAP: &str = "  ";

/// A table of plugins, and below a plugin what the operator has to know of it.
pub(super) fn overview(reports: &[PluginReport], now: u64) -> String {
    let head = COLUMNS.map(|(name, _)| name.to_owned());
    let rows: Vec<[String; 7]> = reports.iter().map(|report| cells(report, now)).collect();
    let mut widths = [0; COLUMNS.len()];
    for row in [&head].into_iter().chain(&rows) {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut lines = vec![line(&head, &widths)];
    for (report, row) in reports.iter().zip(&rows) {
        lines.push(line(row, &widths));
        lines.extend(news(report).map(|news| format!("{GAP}{GAP}{}", news.replace('\n', "\n    "))));
    }
    lines.join("\n")
}

fn cells(report: &PluginReport, now: u64) -> [String; 7] {
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    [
        Quiet(&report.name).to_string(),
        state(report),
        or_none(report.version.as_deref().map(|version| Quiet(version).to_string())),
        or_none(report.since.map(|since| age(since, now))),
        report.handled.to_string(),
        report.failed.to_string(),
        report.quarantined.to_string(),
    ]
}

fn line(cells: &[String; 7], widths: &[usize; 7]) -> String {
    let columns = COLUMNS.iter().zip(cells).zip(widths);
    let padded = columns.map(
        |(((_, is_number), cell), &width)| {
            if *is_number { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
        },
    );
    padded.collect::<Vec<_>>().join(GAP).trim_end().to_owned()
}

/// What it does, or that it does nothing at the moment.
fn state(report: &PluginReport) -> String {
    let breaker = report.breaker.as_ref().map_or(BreakerState::Closed, |breaker| breaker.state);
    match (report.state, breaker) {
        (PluginState::Running | PluginState::Probation, BreakerState::Open) => "breaker open".to_owned(),
        (PluginState::Running | PluginState::Probation, BreakerState::HalfOpen) => "breaker half-open".to_owned(),
        (state, _) => state.name().to_owned(),
    }
}

/// How its breaker stands, unless that is closed.
fn breaker(report: &PluginReport) -> Option<String> {
    let BreakerReport { state, next_try_seconds, failures, why } = report.breaker.as_ref()?;
    let when = match (state, next_try_seconds) {
        (BreakerState::Closed, _) => return None,
        (BreakerState::HalfOpen, _) => "half-open, the next event decides".to_owned(),
        (BreakerState::Open, Some(seconds)) => format!("open, next try in {seconds} s"),
        (BreakerState::Open, None) => "open".to_owned(),
    };
    let why = why.as_ref().map(|why| format!("; the last failure: {why}")).unwrap_or_default();
    Some(format!("{when}: it failed on {failures} events in a row{why}"))
}

/// What the operator has to know: that the last attempt came to no good end, what the plugin lacks, that it gets no
/// events, and that a candidate
/// runs.
fn news(report: &PluginReport) -> impl Iterator<Item = String> {
    let last = report.last.as_ref().filter(|last| last.kind.class() != Class::Done).map(without_name);
    let candidate = report.candidate.as_ref().map(|candidate| format!("beside it {}", tally(candidate)));
    let missing = report
        .missing
        .as_ref()
        .map(|missing| format!("! not granted: {}; see `cometbot plugins {}`", asked(missing), report.name));
    let breaker = breaker(report).map(|breaker| format!("breaker {breaker}"));
    last.into_iter().chain(missing).chain(breaker).chain(candidate)
}

fn without_name(outcome: &Outcome) -> String {
    let text = outcome.to_string();
    text.strip_prefix(&format!("{}: ", outcome.plugin)).unwrap_or(&text).to_owned()
}

fn tally(candidate: &CandidateReport) -> String {
    let CandidateReport { version, compared, different, failed, not_compared, .. } = candidate;
    format!(
        "{version}: {compared} events compared, {different} different, {failed} failed, {not_compared} not compared"
    )
}

/// Everything about a plugin, in lines.
pub(super) fn details(report: &PluginReport, now: u64) -> String {
    let name = &report.name;
    let mut lines = vec![format!("{name}: {}", report.state.name())];
    let mut say =
        |what: &str, text: String| lines.push(format!("  {what:<10}  {}", text.replace('\n', "\n              ")));
    if let Some(version) = &report.version {
        let since = report.since.map(|since| format!(", for {}", age(since, now))).unwrap_or_default();
        say("version", format!("{version}{since}"));
    }
    if let Some(hash) = &report.hash {
        say("sha-256", hash.clone());
    }
    let PluginReport { handled, failed, dropped, quarantined, waiting_events, .. } = report;
    say("events", format!("{handled} handled, {failed} failed, {dropped} dropped, {waiting_events} waiting"));
    if let Some(breaker) = breaker(report) {
        say("breaker", breaker);
    }
    if *quarantined > 0 {
        say("quarantine", format!("{quarantined} of them: see `cometbot quarantine list {name}`"));
    }
    say("memory", size(report.memory_bytes));
    if let (Some(asks), Some(missing)) = (&report.asks, &report.missing) {
        say("asks", grants(asks));
        report.grants.iter().for_each(|value| say("granted", grants(value)));
        say("! missing", format!("{}\n{}", asked(missing), to_grant(name, asks)));
    } else if let Some(value) = &report.grants {
        say("granted", format!("{}, which is all that it asks for", grants(value)));
    }
    if let Some(value) = &report.granted_by_command {
        say("by command", asked(value));
    }
    if let Some(last) = &report.last {
        say("last", format!("{} ago: {}", age(last.at, now), without_name(last)));
    }
    if let Some(held_back) = &report.held_back {
        say("taken back", held_back.clone());
    }
    for kept in &report.kept {
        say("kept", format!("{}, good since {} ago", kept.version, age(kept.since, now)));
    }
    if let Some(candidate) = &report.candidate {
        say("candidate", tally(candidate));
        if let Some(difference) = &candidate.last_difference {
            say("", format!("the latest difference: {difference}"));
        }
    }
    lines.join("\n")
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
