//! The time that the double puts into frames and logs: the machine's, or another one on demand.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// A clock that can be set. Clones are one clock.
#[derive(Debug, Clone, Default)]
pub(super) struct Clock {
    /// How many seconds it is ahead of the machine's.
    ahead: Arc<AtomicI64>,
}

impl Clock {
    /// Unix time in seconds; the earliest and the latest that there are where it was set beyond.
    pub(super) fn now(&self) -> u64 {
        let machine = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        // It stands alone: nothing else has to be seen together with it.
        machine.saturating_add_signed(self.ahead.load(Ordering::Relaxed))
    }

    /// Sets it forward by so many seconds, or back if there are fewer than none.
    pub(super) fn shift(&self, seconds: i64) {
        self.ahead.fetch_add(seconds, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_clones_are_set_and_set_back() {
        let clock = Clock::default();
        let (before, other) = (clock.now(), clock.clone());
        clock.shift(3_600);
        assert!(other.now() >= before + 3_600);
        clock.shift(-7_200);
        assert!(other.now() < before);
        clock.shift(3_600);
        assert!(other.now() >= before);
        clock.shift(i64::MIN + 1);
        assert_eq!(other.now(), 0, "there is no time before 1970");
    }
}
