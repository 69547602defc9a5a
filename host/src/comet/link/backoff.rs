//! How long to wait before the next try: longer each time, and by chance, so that a thousand bots do not come back at
//! once (exponential backoff with full jitter).

use std::time::Duration;

use rand::RngExt as _;

use super::timing::Timing;

/// Pause after an error that another try will not cure, such as a wrong login.
const LASTING: Duration = Duration::from_secs(60);
/// A connection that lasted so long was a good one: begin anew with the shortest pause.
const STABLE: Duration = Duration::from_secs(60);
/// Which part of its bound a pause has at least. Full jitter would begin at nothing, and a server that closes at once
/// would now and then be asked in a tight loop.
const FLOOR: f64 = 0.1;

/// Counts failures in a row.
#[derive(Debug)]
pub(super) struct Backoff {
    shortest: Duration,
    longest: Duration,
    failures: u32,
}

impl Backoff {
    /// No failure yet.
    pub(super) const fn new(timing: Timing) -> Self {
        Self { shortest: timing.retry_shortest, longest: timing.retry_longest, failures: 0 }
    }

    /// Notes how long a connection lasted.
    pub(super) fn connection_lasted(&mut self, time: Duration) {
        if time >= STABLE {
            self.failures = 0;
        }
    }

    /// The pause before the next try: anything from next to nothing up to a bound that doubles with each failure.
    pub(super) fn next(&mut self) -> Duration {
        let bound = self.bound();
        self.failures = self.failures.saturating_add(1);
        bound.mul_f64(rand::rng().random_range(FLOOR..=1.0))
    }

    /// The pause after an error that another try will not cure: never shorter than one after an error that it may cure.
    pub(super) fn lasting(&self) -> Duration {
        LASTING.max(self.longest)
    }

    fn bound(&self) -> Duration {
        self.shortest.saturating_mul(2_u32.saturating_pow(self.failures)).min(self.longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_a_bound_and_start_anew_after_a_stable_connection() {
        let timing = Timing { retry_shortest: Duration::from_millis(100), ..Timing::default() };
        let mut backoff = Backoff::new(timing);
        for tries in 0..40 {
            let bound = backoff.bound();
            assert_eq!(bound, timing.retry_longest.min(Duration::from_millis(100 << tries.min(20))));
            let pause = backoff.next();
            assert!(pause <= bound && pause >= bound / 11, "{pause:?} of {bound:?}");
        }
        assert_eq!(backoff.bound(), timing.retry_longest);
        backoff.connection_lasted(Duration::from_secs(1));
        assert_eq!(backoff.bound(), timing.retry_longest);
        backoff.connection_lasted(STABLE);
        assert_eq!(backoff.bound(), timing.retry_shortest);
    }

    #[test]
    fn pauses_are_spread_over_the_whole_bound() {
        let mut backoff = Backoff::new(Timing::default());
        let parts: Vec<f64> = (0..1000)
            .map(|_| {
                let bound = backoff.bound();
                backoff.next().as_secs_f64() / bound.as_secs_f64()
            })
            .collect();
        // Of a thousand even chances none misses a tenth of the range but once in 10^50 runs.
        for tenth in 1..10 {
            let (from, to) = (f64::from(tenth) / 10.0, f64::from(tenth + 1) / 10.0);
            assert!(parts.iter().any(|part| (from..=to).contains(part)), "no pause from {from} to {to} of its bound");
        }
    }

    #[test]
    fn the_pause_after_a_lasting_error_is_a_minute_and_never_shorter_than_the_others() {
        let lasting = |seconds| {
            let timing = Timing { retry_longest: Duration::from_secs(seconds), ..Timing::default() };
            Backoff::new(timing).lasting()
        };
        assert_eq!(lasting(5), LASTING);
        assert_eq!(lasting(600), Duration::from_secs(600));
    }
}
