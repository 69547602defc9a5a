//! When a plugin is left in peace, because it fails for good on one event after the other, and when it is tried again.
//! Pure: the time is handed in.

use std::time::{Duration, Instant};

use crate::config;

/// No pause grows beyond this, unless it begins with more.
const LONGEST: Duration = Duration::from_secs(300);

/// Counts failures in a row, and opens with too many.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    /// In a row.
    failures: u32,
    state: State,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Events pass.
    #[default]
    Closed,
    /// None passes until then.
    Open { until: Instant, pause: Duration },
    /// One passes, and decides.
    HalfOpen { pause: Duration },
}

/// It has opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Opened {
    /// After so many failures in a row.
    pub(super) failures: u32,
    /// For so long.
    pub(super) pause: Duration,
    /// And so until then.
    pub(super) until: Instant,
}

impl Breaker {
    /// An event was handled. Says whether the breaker is closed by that.
    pub(super) fn handled(&mut self) -> bool {
        self.failures != 0 && self.reset()
    }

    /// An event failed for good.
    pub(super) fn failed(&mut self, terms: &config::Breaker, now: Instant) -> Option<Opened> {
        self.failures = self.failures.saturating_add(1);
        let pause = match self.state {
            State::HalfOpen { pause } => pause.saturating_mul(2).min(LONGEST.max(terms.pause)),
            State::Closed if (1..=self.failures).contains(&terms.failures) => terms.pause,
            State::Closed | State::Open { .. } => return None,
        };
        let until = now + pause;
        self.state = State::Open { until, pause };
        Some(Opened { failures: self.failures, pause, until })
    }

    /// Says whether an event may be tried again from now on.
    pub(super) fn half_open(&mut self, now: Instant) -> bool {
        match self.state {
            State::Open { until, pause } if until <= now => {
                self.state = State::HalfOpen { pause };
                true
            }
            _ => false,
        }
    }

    /// Whether no event may pass.
    pub(super) const fn is_open(&self) -> bool {
        matches!(self.state, State::Open { .. })
    }

    /// Whether the next event decides, with its first try.
    pub(super) const fn is_half_open(&self) -> bool {
        matches!(self.state, State::HalfOpen { .. })
    }

    /// Begins anew. Says whether it was not closed.
    pub(super) fn reset(&mut self) -> bool {
        std::mem::take(self).state != State::Closed
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn terms(failures: u32) -> config::Breaker {
        config::Breaker { failures, pause: 10 * SECOND }
    }

    #[test]
    fn it_opens_after_so_many_failures_in_a_row_and_an_event_that_is_handled_begins_a_new_row() {
        let (mut breaker, now) = (Breaker::default(), Instant::now());
        assert_eq!(breaker.failed(&terms(3), now), None);
        assert_eq!(breaker.failed(&terms(3), now), None);
        assert!(!breaker.handled(), "it was not open");
        assert_eq!(breaker.failed(&terms(3), now), None);
        assert_eq!(breaker.failed(&terms(3), now), None);
        let opened = Opened { failures: 3, pause: 10 * SECOND, until: now + 10 * SECOND };
        assert_eq!(breaker.failed(&terms(3), now), Some(opened));
        assert!(breaker.is_open());
    }

    #[test]
    fn after_its_pause_one_event_decides() {
        let (mut breaker, now) = (Breaker::default(), Instant::now());
        let opened = breaker.failed(&terms(1), now).unwrap();
        assert!(!breaker.half_open(opened.until.checked_sub(SECOND).unwrap()));
        assert!(breaker.half_open(opened.until));
        assert!(breaker.is_half_open());
        let again = breaker.failed(&terms(1), opened.until).unwrap();
        assert_eq!((again.pause, again.failures), (20 * SECOND, 2));
        assert!(breaker.half_open(again.until));
        assert!(breaker.handled());
        assert!(!breaker.is_open() && !breaker.is_half_open());
        assert_eq!(breaker.failed(&terms(1), now).unwrap().pause, 10 * SECOND, "and then it begins anew");
    }

    #[test]
    fn without_a_number_of_failures_it_never_opens() {
        let mut breaker = Breaker::default();
        assert!((0..1000).all(|_| breaker.failed(&terms(0), Instant::now()).is_none()));
    }

    proptest! {
        #[test]
        fn it_is_open_exactly_between_too_many_failures_and_the_end_of_its_pause(
            acts in proptest::collection::vec(0_u8..3, 0..60), most in 1_u32..5,
        ) {
            let (mut breaker, mut now, mut row) = (Breaker::default(), Instant::now(), 0);
            for act in acts {
                if breaker.is_open() {
                    // Events wait.
                    now += LONGEST;
                    prop_assert!(breaker.half_open(now));
                } else if act == 0 {
                    prop_assert_eq!(breaker.handled(), row >= most);
                    row = 0;
                } else {
                    row += 1;
                    let opened = breaker.failed(&terms(most), now);
                    prop_assert_eq!(opened.is_some(), row >= most);
                    prop_assert!(opened.is_none_or(|opened| (10 * SECOND..=LONGEST).contains(&opened.pause)));
                }
            }
        }
    }
}
