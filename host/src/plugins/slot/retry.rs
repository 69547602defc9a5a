//! How often the event at the front has been tried, and when it is tried again. Pure.

use std::time::Duration;

use crate::config::Retry;

/// No pause grows beyond this, unless it begins with more.
const LONGEST: Duration = Duration::from_secs(300);

/// The tries at one event so far.
#[derive(Debug, Default)]
pub(super) struct Tries {
    failed: u32,
}

impl Tries {
    /// One more has failed. Gives the pause before the next one, or none if that was the last.
    pub(super) fn failed(&mut self, terms: &Retry) -> Option<Duration> {
        let doublings = self.failed;
        self.failed = self.failed.saturating_add(1);
        let pause = terms.pause.saturating_mul(2_u32.saturating_pow(doublings));
        (doublings < terms.times).then(|| pause.min(LONGEST.max(terms.pause)))
    }

    /// Whether there is another one if the next one fails.
    pub(super) const fn is_another_left(&self, terms: &Retry) -> bool {
        self.failed < terms.times
    }

    /// How many have failed.
    pub(super) const fn made(&self) -> u32 {
        self.failed
    }

    /// The next event is tried, or this one by another version.
    pub(super) const fn begin_anew(&mut self) {
        self.failed = 0;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pauses(terms: &Retry) -> Vec<u64> {
        let mut tries = Tries::default();
        let pauses = std::iter::from_fn(|| tries.failed(terms));
        pauses.map(|pause| u64::try_from(pause.as_millis()).unwrap_or(u64::MAX)).collect()
    }

    #[test]
    fn the_pause_doubles_with_each_try_and_ends_with_the_last() {
        let terms = |times| Retry { times, pause: Duration::from_millis(100) };
        assert_eq!(pauses(&terms(4)), [100, 200, 400, 800]);
        assert_eq!(pauses(&terms(0)), [0; 0]);
    }

    #[test]
    fn the_next_event_begins_anew() {
        let terms = Retry { times: 1, pause: Duration::from_millis(10) };
        let mut tries = Tries::default();
        assert!(tries.is_another_left(&terms));
        assert!(tries.failed(&terms).is_some());
        assert!(!tries.is_another_left(&terms));
        assert!(tries.failed(&terms).is_none());
        assert_eq!(tries.made(), 2);
        tries.begin_anew();
        assert_eq!(tries.failed(&terms), Some(terms.pause));
    }

    proptest! {
        #[test]
        fn there_are_as_many_pauses_as_tries_and_none_is_shorter_or_endless(times in 0_u32..40, pause in 0_u64..600_000) {
            let terms = Retry { times, pause: Duration::from_millis(pause) };
            let pauses = pauses(&terms);
            prop_assert_eq!(pauses.len(), times as usize);
            prop_assert!(pauses.is_sorted());
            prop_assert!(pauses.iter().all(|each| (pause..=pause.max(300_000)).contains(each)));
        }
    }
}
