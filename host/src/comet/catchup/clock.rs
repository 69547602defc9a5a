//! What time it is at the server, told from the times in its frames. Our own wall clock is never compared with them.

use std::time::{Instant, SystemTime};

/// How far a server's time may be from what we expect before we say that its clock was set, in seconds. Smaller errors are
/// ours: seconds are whole, frames travel, and two clocks drift apart while nothing is heard.
pub(super) const CLOCK_SLACK_SECONDS: u64 = 5;

/// The server's clock, as far as it was seen.
#[derive(Debug, Default)]
pub(super) struct Clock {
    /// The last time seen, Unix seconds, and when. The last and not the latest: what was underway for long makes the clock
    /// slow, which costs a few comparisons; a fast one would take missed messages for heard ones.
    seen: Option<(u64, Instant)>,
    was_set: bool,
}

impl Clock {
    /// Takes the time of a live event. Events of two threads may differ by a second.
    pub(super) fn observe(&mut self, time: u64, now: Instant) {
        if let Some((last, _)) = self.seen
            && time.saturating_add(CLOCK_SLACK_SECONDS) < last
        {
            self.was_set = true;
        }
        self.seen = Some((time, now));
    }

    /// Takes a time that shows whether the clock was set in between: that of a first frame.
    pub(super) fn compare(&mut self, time: u64, now: Instant) {
        if self.at(now).is_some_and(|expected| expected.abs_diff(time) > CLOCK_SLACK_SECONDS) {
            self.was_set = true;
        }
        self.seen = Some((time, now));
    }

    /// Server time at `now`, Unix seconds; never ahead of the server by more than the drift of two clocks.
    pub(super) fn at(&self, now: Instant) -> Option<u64> {
        let (time, seen) = self.seen?;
        Some(match now.checked_duration_since(seen) {
            Some(since) => time.saturating_add(since.as_secs()),
            None => time.saturating_sub(seen.duration_since(now).as_secs()),
        })
    }

    /// The same for people to read: by our own clock if the server never told a time.
    pub(super) fn shown(&self, now: Instant) -> u64 {
        self.at(now).unwrap_or_else(|| {
            let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_secs());
            wall.saturating_sub(now.elapsed().as_secs())
        })
    }

    /// Whether the clock was set since [`Self::settle`], so that times from before and after cannot be compared.
    pub(super) const fn was_set(&self) -> bool {
        self.was_set
    }

    /// From here on times can be compared again.
    pub(super) const fn settle(&mut self) {
        self.was_set = false;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

    use std::time::Duration;

    use super::*;

    #[test]
    fn the_clock_goes_on_between_two_frames() {
        let start = Instant::now();
        let mut clock = Clock::default();
        assert_eq!(clock.at(start), None);
        clock.observe(1_000, start);
        assert_eq!(clock.at(start + Duration::from_millis(2_900)), Some(1_002));
        clock.observe(1_001, start + Duration::from_secs(3));
        assert_eq!(clock.at(start + Duration::from_secs(4)), Some(1_002));
        assert_eq!(clock.at(start + Duration::from_secs(1)), Some(999));
    }

    #[test]
    fn a_clock_that_is_off_by_more_than_the_slack_was_set() {
        let start = Instant::now();
        for (time, was_set) in [(1_094, true), (1_095, false), (1_100, false), (1_105, false), (1_106, true)] {
            let mut clock = Clock::default();
            clock.observe(1_000, start);
            clock.compare(time, start + Duration::from_secs(100));
            assert_eq!(clock.was_set(), was_set, "{time}");
            clock.settle();
            clock.compare(time, start + Duration::from_secs(100));
            assert!(!clock.was_set());
        }
    }

    #[test]
    fn a_clock_set_back_is_noticed_by_the_events_too() {
        let start = Instant::now();
        let mut clock = Clock::default();
        clock.observe(1_000, start);
        clock.observe(999, start);
        assert!(!clock.was_set());
        clock.observe(900, start);
        assert!(clock.was_set());
    }

    #[test]
    fn without_a_server_time_our_own_is_shown() {
        let clock = Clock::default();
        assert!(clock.shown(Instant::now()) > 1_700_000_000);
    }
}
