//! A bound on how often something may happen: so often in the long run, and so often at once. Pure: the time is handed in.

use std::time::{Duration, Instant};

use crate::config::Rate;

/// Tokens that come back with time. It may be overdrawn, and is in debt then until so many have come back.
///
/// All that is known is when it is full again: so nothing has to be done while time passes, and the rate may change at any
/// time.
#[derive(Debug, Default, Clone, Copy)]
pub struct Bucket {
    full_at: Option<Instant>,
}

impl Bucket {
    /// Takes so many tokens, whether they are there or not. Gives until when it is in debt, if it is.
    pub fn take(&mut self, count: u32, rate: Rate, now: Instant) -> Option<Instant> {
        let time_for = |count: u32| Duration::from_secs(u64::from(count)).checked_div(rate.per_second);
        let (Some(cost), Some(room)) = (time_for(count), time_for(rate.burst)) else { return None };
        let full_at = self.full_at.map_or(now, |full_at| full_at.max(now)) + cost;
        self.full_at = Some(full_at);
        full_at.checked_sub(room).filter(|until| *until > now)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use proptest::prelude::*;

    use super::*;

    const RATE: Rate = Rate { per_second: 10, burst: 5 };

    #[test]
    fn a_burst_is_free_and_what_is_beyond_it_is_paid_in_time() {
        let (mut bucket, now) = (Bucket::default(), Instant::now());
        assert_eq!(bucket.take(5, RATE, now), None);
        assert_eq!(bucket.take(1, RATE, now), Some(now + Duration::from_millis(100)));
        assert_eq!(bucket.take(4, RATE, now), Some(now + Duration::from_millis(500)));
        assert_eq!(bucket.take(0, RATE, now + Duration::from_millis(500)), None, "the debt is paid");
        let later = now + Duration::from_secs(3600);
        assert_eq!(bucket.take(5, RATE, later), None);
        assert!(bucket.take(1, RATE, later).is_some(), "it holds no more than a burst");
    }

    #[test]
    fn without_a_rate_there_is_no_bound() {
        let mut bucket = Bucket::default();
        let unbounded = Rate { per_second: 0, burst: 1 };
        assert!((0..1000).all(|_| bucket.take(u32::MAX, unbounded, Instant::now()).is_none()));
    }

    proptest! {
        #[test]
        fn who_waits_until_the_debt_is_paid_gets_what_was_agreed_on_and_no_less(
            takes in proptest::collection::vec((0_u32..20, 0_u64..400), 1..200), per_second in 1_u32..1000, burst in 1_u32..100,
        ) {
            let rate = Rate { per_second, burst };
            let (mut bucket, begin) = (Bucket::default(), Instant::now());
            let (mut now, mut taken, mut last) = (begin, 0_u32, 0);
            for (count, pause) in takes {
                now += Duration::from_millis(pause);
                let until = bucket.take(count, rate, now);
                (taken, last) = (taken + count, count);
                if let Some(until) = until {
                    // A debt is no longer than what one take may overdraw.
                    prop_assert!((until - now).as_secs_f64() <= f64::from(count) / f64::from(per_second) + 1e-6);
                    now = until;
                }
            }
            let most = f64::from(burst + last) + (now - begin).as_secs_f64() * f64::from(per_second) + 1e-3;
            prop_assert!(f64::from(taken) <= most, "{taken} are more than {most}");
        }
    }
}
