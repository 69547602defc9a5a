//! A new version's first events: it may still be taken back, and nothing that came meanwhile is lost then.
//!
//! The version before it is kept as it was at the switch, together with all events since. If the new one fails too often,
//! the old one goes through these events again: those that the new one handled only change its memory, as their answers
//! have left already; those that it failed on, and those that it did not even hear, are handled as if for the first
//! time. So the old version goes on as if it had never been replaced. Pure but for the versions in it.

use std::{sync::Arc, time::Instant};

use super::Version;
use crate::{
    config,
    plugins::{api::Event, limits::PROBATION_BYTES},
};

/// What the new version made of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It handled it.
    Handled,
    /// It failed on it.
    Failed,
    /// It did not ask to hear it; the one before it did.
    Unheard,
}

/// How the probation goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It goes on.
    Open,
    /// The new version stays.
    Passed,
    /// The one before comes back.
    Failed,
}

/// The probation of the version that runs.
pub(super) struct Probation {
    /// The version that comes back if need be.
    pub(super) fallback: Version,
    /// Every event since the fallback ran, in order.
    pub(super) journal: Vec<Past>,
    judge: Judge,
}

/// An event since the switch.
#[derive(Debug, Clone)]
pub(super) struct Past {
    /// The event.
    pub(super) event: Arc<Event>,
    /// What the new version made of it.
    pub(super) fate: Fate,
    /// Cause it failed and where, if it did.
    pub(super) why: Option<Cause>,
}

/// Cause a version failed on an event.
#[derive(Debug, Clone)]
pub(super) struct Cause {
    /// In words.
    pub(super) reason: String,
    /// The plugin's functions that were running, innermost first.
    pub(super) backtrace: Vec<String>,
    /// The version that failed.
    pub(super) label: Arc<str>,
}

impl Probation {
    /// Of a version that has just taken over from `fallback`.
    pub(super) fn begin(fallback: Version, terms: &config::Probation) -> Self {
        let judge = Judge::new(terms, fallback.failed_share(), Instant::now());
        Self { fallback, journal: Vec::new(), judge }
    }

    /// Of one more version, before the one that had taken over from the fallback had passed.
    pub(super) fn again(&mut self, terms: &config::Probation) {
        self.judge = Judge::new(terms, self.fallback.failed_share(), Instant::now());
    }

    /// Whether the version that runs has failed so far.
    pub(super) const fn has_failures(&self) -> bool {
        self.judge.failures > 0
    }

    /// Until when it lasts if too few events come.
    pub(super) const fn until(&self) -> Instant {
        self.judge.until
    }

    /// Takes down what became of an event.
    pub(super) fn note(&mut self, past: Past) -> Verdict {
        let verdict = self.judge.note(past.fate, past.event.data.len(), Instant::now());
        self.journal.push(past);
        verdict
    }

    /// The events on which a version has failed that is not there any more, or that was given another chance.
    pub(super) fn failed(&self) -> Vec<(usize, Arc<Event>)> {
        let failed = self.journal.iter().enumerate().filter(|(_, past)| past.fate == Fate::Failed);
        failed.map(|(at, past)| (at, Arc::clone(&past.event))).collect()
    }

    /// Takes down what became of one of them when it was tried again.
    pub(super) fn note_again(&mut self, at: usize, fate: Fate, why: Option<Cause>) -> Verdict {
        let Some(past) = self.journal.get_mut(at) else { return Verdict::Open };
        (past.fate, past.why) = (fate, why);
        self.judge.note(fate, past.event.data.len(), Instant::now())
    }

    /// Cause the version is taken back: the newest of its failures.
    pub(super) fn reason(&self) -> String {
        let newest = self.journal.iter().rev().find_map(|past| past.why.as_ref());
        let newest = newest.map(|why| format!("; the last was: {}", why.reason)).unwrap_or_default();
        format!("it failed on {} of its first {} events{newest}", self.judge.failures, self.judge.events)
    }
}

/// Counts what a version made of its events, and judges it by that.
#[derive(Debug)]
struct Judge {
    terms: config::Probation,
    /// The share of events on which the version before fails.
    usual: f64,
    until: Instant,
    events: usize,
    bytes: usize,
    failures: u32,
}

impl Judge {
    fn new(terms: &config::Probation, usual: f64, now: Instant) -> Self {
        Self { terms: *terms, usual, until: now + terms.time, events: 0, bytes: 0, failures: 0 }
    }

    fn note(&mut self, fate: Fate, bytes: usize, now: Instant) -> Verdict {
        self.events += 1;
        self.bytes += bytes;
        if fate == Fate::Failed {
            self.failures += 1;
            if f64::from(self.failures) >= self.allowed() {
                return Verdict::Failed;
            }
        }
        let is_over = self.events >= self.terms.events || self.bytes >= PROBATION_BYTES || now >= self.until;
        if is_over { Verdict::Passed } else { Verdict::Open }
    }

    /// So many failures are too many. A plugin that fails on some events in any version may go on doing so, up to twice as
    /// often.
    fn allowed(&self) -> f64 {
        #[allow(clippy::cast_precision_loss, reason = "a share need not be exact")]
        let usual = self.usual * self.events as f64;
        f64::from(self.terms.failures) + 2.0 * usual
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn terms() -> config::Probation {
        config::Probation { events: 10, time: Duration::from_secs(5), failures: 3 }
    }

    fn verdicts(usual: f64, fates: &[Fate]) -> Vec<Verdict> {
        let now = Instant::now();
        let mut judge = Judge::new(&terms(), usual, now);
        fates.iter().map(|fate| judge.note(*fate, 1, now)).collect()
    }

    #[test]
    fn the_third_failure_takes_a_version_back() {
        use Fate::{Failed, Handled, Unheard};
        use Verdict::Open;
        let verdicts = verdicts(0.0, &[Failed, Handled, Unheard, Failed, Handled, Failed]);
        assert_eq!(verdicts, [Open, Open, Open, Open, Open, Verdict::Failed]);
    }

    #[test]
    fn a_version_has_passed_after_so_many_events() {
        let verdicts = verdicts(0.0, &[Fate::Handled; 10]);
        assert!(verdicts.iter().take(9).all(|verdict| *verdict == Verdict::Open), "{verdicts:?}");
        assert_eq!(verdicts.last(), Some(&Verdict::Passed));
    }

    #[test]
    fn a_version_has_passed_when_its_time_is_over_or_much_was_said() {
        let now = Instant::now();
        let mut judge = Judge::new(&terms(), 0.0, now);
        assert_eq!(judge.note(Fate::Handled, 1, now + Duration::from_secs(4)), Verdict::Open);
        assert_eq!(judge.note(Fate::Handled, 1, now + Duration::from_secs(5)), Verdict::Passed);
        let mut judge = Judge::new(&terms(), 0.0, now);
        assert_eq!(judge.note(Fate::Handled, PROBATION_BYTES, now), Verdict::Passed);
    }

    #[test]
    fn a_plugin_that_always_fails_on_some_events_may_go_on_doing_so() {
        // Half of all events: after eight of them, 3 + 2 × 4 failures would be too many.
        assert!(verdicts(0.5, &[Fate::Failed; 8]).iter().all(|verdict| *verdict == Verdict::Open));
        // One in a hundred: three are still too many, or nearly so.
        assert_eq!(verdicts(0.01, &[Fate::Failed; 4]).last(), Some(&Verdict::Failed));
    }
}
