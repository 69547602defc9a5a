//! How much a plugin may write into the log: a rate in the long run, and a burst. What is beyond it is dropped and counted.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::{
    config::{PluginTerms, Rate},
    metrics::PluginTally,
    plugins::secrets::Secrets,
};

/// What a plugin is called in the log, what no line may show, and how much it may write there. Clones share the latter.
#[derive(Clone)]
pub struct Tag {
    /// Its name: the file's name without its ending.
    pub name: Arc<str>,
    /// What no line may show.
    pub secrets: Secrets,
    allowance: Arc<Allowance>,
}

impl Tag {
    /// For the plugin called `name` on these terms. Lines that it may not write are counted in `tally`.
    #[must_use]
    pub fn new(name: Arc<str>, terms: &PluginTerms, tally: PluginTally) -> Self {
        let allowance = Allowance { lines: terms.log_lines, tally, paid_until: Mutex::default() };
        Self { name, secrets: Secrets::new(&terms.secrets), allowance: Arc::new(allowance) }
    }

    /// Whether one more line may be written.
    pub(super) fn admits_a_line(&self) -> bool {
        self.allowance.admits(Instant::now())
    }
}

#[derive(Debug)]
struct Allowance {
    lines: Rate,
    tally: PluginTally,
    /// When the lines so far would have been written, had they come at the rate.
    paid_until: Mutex<Option<Instant>>,
}

impl Allowance {
    fn admits(&self, now: Instant) -> bool {
        let Rate { per_second, burst } = self.lines;
        let Some(interval) = Duration::from_secs(1).checked_div(per_second) else { return true };
        let mut paid_until = self.paid_until.lock().unwrap_or_else(PoisonError::into_inner);
        let until = paid_until.map_or(now, |until| until.max(now)) + interval;
        let admits = until - now <= interval.saturating_mul(burst.max(1));
        if admits {
            *paid_until = Some(until);
        }
        drop(paid_until);
        // Lines that were dropped before may not have been told yet.
        self.tally.log_lines_dropped(u64::from(!admits), per_second);
        admits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Metrics;

    fn allowance(per_second: u32, burst: u32) -> Allowance {
        let tally = Metrics::new().plugin("karma");
        Allowance { lines: Rate { per_second, burst }, tally, paid_until: Mutex::default() }
    }

    #[test]
    fn a_burst_and_then_the_rate() {
        let lines = allowance(10, 30);
        let start = Instant::now();
        let written = |from: u64, milliseconds: u64| {
            (from..from + milliseconds).filter(|at| lines.admits(start + Duration::from_millis(*at))).count()
        };
        assert_eq!(written(0, 1), 1);
        assert_eq!((0..100).filter(|_| lines.admits(start)).count(), 29);
        assert_eq!(written(1, 5000), 50);
        assert_eq!(lines.tally.lines_dropped(), 71 + 4950);
        // Silence earns it no more than the burst.
        let later = start + Duration::from_secs(3600);
        assert_eq!((0..100).filter(|_| lines.admits(later)).count(), 30);
    }

    #[test]
    fn a_rate_of_0_is_no_bound() {
        let lines = allowance(0, 0);
        let now = Instant::now();
        assert!((0..100_000).all(|_| lines.admits(now)));
        assert_eq!(lines.tally.lines_dropped(), 0);
    }
}
