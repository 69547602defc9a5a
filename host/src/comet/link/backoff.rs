//! How long to wait before the next try: longer each time, and by chance, so that a thousand bots do not come back at
//! once (exponential backoff with full jitter).

use std::time::Duration;

use rand::RngExt as _;

const SHORTEST: Duration = Duration::from_millis(300);
const LONGEST: Duration = Duration::from_secs(30);
/// Pause after an error that another try will not cure, such as a wrong login.
const LASTING: Duration = Duration::from_secs(60);
/// A connection that lasted so long was a good one: begin anew with the shortest pause.
const STABLE: Duration = Duration::from_secs(60);

/// Counts failures in a row.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// Notes how long a connection lasted.
    pub(super) fn connection_lasted(&mut self, time: Duration) {
        if time >= STABLE {
            self.failures = 0;
        }
    }

    /// The pause before the next try: between nothing and a bound that doubles with each failure.
    pub(super) fn next(&mut self) -> Duration {
        let bound = self.bound();
        self.failures = self.failures.saturating_add(1);
        // At least a little: a server that closes at once must not be asked in a tight loop.
        bound.mul_f64(rand::rng().random_range(0.1..=1.0))
    }

    /// The pause after an error that another try will not cure.
    #[allow(clippy::unused_self, reason = "both pauses are read off the same thing")]
    pub(super) const fn longest(&self) -> Duration {
        LASTING
    }

    fn bound(&self) -> Duration {
        SHORTEST.saturating_mul(2_u32.saturating_pow(self.failures)).min(LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_a_bound_and_start_anew_after_a_stable_connection() {
        let mut backoff = Backoff::default();
        for _ in 0..40 {
            let bound = backoff.bound();
            let pause = backoff.next();
            assert!(pause <= bound && pause >= bound / 11, "{pause:?} of {bound:?}");
        }
        assert_eq!(backoff.bound(), LONGEST);
        backoff.connection_lasted(Duration::from_secs(1));
        assert_eq!(backoff.bound(), LONGEST);
        backoff.connection_lasted(STABLE);
        assert_eq!(backoff.bound(), SHORTEST);
    }
}
