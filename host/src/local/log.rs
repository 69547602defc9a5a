//! The log of one pipe (PROTOCOL.md, section 7).

use std::collections::VecDeque;

use super::limits::{KEPT_SECONDS, LOG_ROWS};
use super::options::Faults;

/// One logged message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) data: Vec<u8>,
    pub(super) event: Vec<u8>,
    pub(super) user: u32,
    /// Unix time of arrival.
    pub(super) time: u64,
}

/// What a pipe keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// Nothing.
    Nothing,
    /// The newest messages, this many.
    Newest(usize),
    /// All for two minutes: `trust_` pipes.
    Trusted,
}

/// The rows of a pipe, in the order of their times.
#[derive(Debug, Default)]
pub(super) struct Log {
    rows: VecDeque<Row>,
}

impl Log {
    /// Stores a message as `keep` asks. The real one has no place for characters of four bytes and stores no message
    /// that has one.
    pub(super) fn store(&mut self, keep: Keep, faults: Faults, data: &[u8], event: &[u8], user: u32, now: u64) {
        if keep == Keep::Nothing {
            return;
        }
        if faults == Faults::Forgiving || !has_emoji(data) {
            let event = if event.is_empty() { b"undefined" } else { event };
            // Behind all that is not later: the newest, unless the clock was set back.
            let place = self.rows.iter().rposition(|row| row.time <= now).map_or(0, |at| at + 1);
            self.rows.insert(place, Row { data: data.to_vec(), event: event.to_vec(), user, time: now });
        }
        match keep {
            Keep::Nothing => {}
            Keep::Newest(length) => {
                let surplus = self.rows.len().saturating_sub(length);
                self.rows.drain(..surplus);
            }
            Keep::Trusted => self.rows.retain(|row| row.time + KEPT_SECONDS >= now),
        }
    }

    /// When the newest row came.
    pub(super) fn newest_time(&self) -> Option<u64> {
        self.rows.back().map(|row| row.time)
    }

    /// The rows of one answer, oldest first: the oldest 99 from the real server, the newest 99 from a forgiving double.
    pub(super) fn answer(&self, faults: Faults) -> impl Iterator<Item = &Row> {
        let skipped = match faults {
            Faults::Faithful => 0,
            Faults::Forgiving => self.rows.len().saturating_sub(LOG_ROWS),
        };
        self.rows.iter().skip(skipped).take(LOG_ROWS)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

/// Whether a character takes four bytes in UTF-8.
fn has_emoji(text: &[u8]) -> bool {
    text.iter().any(|&byte| byte >= 0xf0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn filled(count: u32, keep: Keep, faults: Faults) -> Log {
        let mut log = Log::default();
        for number in 0..count {
            log.store(keep, faults, number.to_string().as_bytes(), b"e", 0, 1_000);
        }
        log
    }

    fn answered(log: &Log, faults: Faults) -> Vec<String> {
        log.answer(faults).map(|row| String::from_utf8(row.data.clone()).unwrap()).collect()
    }

    /// Hazard 31.
    #[test]
    fn of_150_rows_the_oldest_99_are_answered() {
        let log = filled(150, Keep::Newest(1_000), Faults::Faithful);
        let rows = answered(&log, Faults::Faithful);
        assert_eq!((rows.len(), rows.first().unwrap().as_str(), rows.last().unwrap().as_str()), (99, "0", "98"));
    }

    #[test]
    fn a_forgiving_log_answers_the_newest_99() {
        let log = filled(150, Keep::Newest(1_000), Faults::Forgiving);
        let rows = answered(&log, Faults::Forgiving);
        assert_eq!((rows.len(), rows.first().unwrap().as_str(), rows.last().unwrap().as_str()), (99, "51", "149"));
    }

    #[test]
    fn only_the_newest_are_kept() {
        assert_eq!(answered(&filled(9, Keep::Newest(2), Faults::Faithful), Faults::Faithful), ["7", "8"]);
        assert!(filled(9, Keep::Nothing, Faults::Faithful).is_empty());
    }

    /// Hazards 22 and 32.
    #[test]
    fn an_emoji_is_missing_and_an_empty_event_is_undefined() {
        for (faults, rows) in [(Faults::Faithful, 1), (Faults::Forgiving, 2)] {
            let mut log = Log::default();
            log.store(Keep::Newest(9), faults, "\u{44f} \u{20ac}".as_bytes(), b"", 7, 1_000);
            log.store(Keep::Newest(9), faults, "\u{1f600}".as_bytes(), b"e", 7, 1_000);
            assert_eq!(log.answer(faults).count(), rows);
            assert_eq!(log.answer(faults).next().unwrap().event, b"undefined");
        }
    }

    #[test]
    fn rows_are_in_the_order_of_their_times_also_after_the_clock_was_set_back() {
        let mut log = Log::default();
        for (data, time) in [("a", 1_000), ("b", 1_001), ("c", 900), ("d", 1_000)] {
            log.store(Keep::Newest(3), Faults::Faithful, data.as_bytes(), b"e", 0, time);
        }
        assert_eq!(answered(&log, Faults::Faithful), ["a", "d", "b"], "what is dropped is the oldest");
    }

    #[test]
    fn trusted_rows_are_kept_for_two_minutes() {
        let mut log = filled(1, Keep::Trusted, Faults::Faithful);
        log.store(Keep::Trusted, Faults::Faithful, b"later", b"e", 0, 1_120);
        assert_eq!(log.answer(Faults::Faithful).count(), 2);
        log.store(Keep::Trusted, Faults::Faithful, b"last", b"e", 0, 1_121);
        assert_eq!(log.answer(Faults::Faithful).count(), 2);
    }
}
