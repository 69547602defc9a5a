//! What stands in for the host in a native test.

use std::{
    cell::RefCell,
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use super::{Line, Refused, Sent, rules};
use crate::{
    Event, Wants,
    comet::{self, Error},
    host::Level,
};

/// The most that one event may send, in bytes; and what the host counts for each send beside its texts.
const SENDS_MAX_BYTES: usize = 1024 * 1024;
const SEND_OVERHEAD_BYTES: usize = 14;

/// The most rows that the server gives of a log: the oldest.
const LOG_MAX_ROWS: usize = comet::LOG_MAX_EVENTS as usize;

#[derive(Debug, Default)]
pub(crate) struct Desk {
    pub(super) config: BTreeMap<String, String>,
    pub(super) logs: BTreeMap<String, Vec<Event>>,
    pub(super) counts: BTreeMap<String, u64>,
    /// What the next calls fail with.
    pub(super) failures: VecDeque<Error>,
    pub(super) sent: Vec<Sent>,
    pub(super) refused: Vec<Refused>,
    pub(super) lines: Vec<Line>,
    pub(super) time: Duration,
    /// None until `setup` has answered: nothing is granted before.
    pub(super) wants: Option<Wants>,
    numbers: u64,
}

thread_local! {
    static DESK: RefCell<Desk> = RefCell::default();
}

pub(super) fn with<T>(work: impl FnOnce(&mut Desk) -> T) -> T {
    DESK.with_borrow_mut(work)
}

pub(super) fn replace(desk: Desk) {
    DESK.set(desk);
}

impl Desk {
    /// What the host says of a call before it looks further: whether `setup` asked for it. Then what the test wants.
    fn may(&mut self, verb: &str, list: impl Fn(&Wants) -> &Vec<String>, pipe: &str) -> Result<(), Error> {
        rules::check_grant(verb, self.wants.as_ref().map(list), pipe).map_err(Error::Denied)?;
        self.failures.pop_front().map_or(Ok(()), Err)
    }

    fn send(&mut self, pipe: &str, event: &str, message: &str) -> Result<(), Error> {
        self.may("send", |wants| &wants.send, pipe.strip_prefix('@').unwrap_or(pipe))?;
        let lengths = self.sent.iter().map(|Sent { pipe, event, message }| pipe.len() + event.len() + message.len());
        if lengths.map(|length| length + SEND_OVERHEAD_BYTES).sum::<usize>() + message.len() > SENDS_MAX_BYTES {
            return Err(Error::Unavailable(format!(
                "one event may send at most {SENDS_MAX_BYTES} bytes: send less, or answer over several events"
            )));
        }
        rules::check_send(pipe, event, message).map_err(Error::Invalid)?;
        self.sent.push(Sent::new(pipe, event, message));
        Ok(())
    }

    fn log(&mut self, pipe: &str, limit: u32) -> Result<Vec<Event>, Error> {
        self.may("log", |wants| &wants.log, pipe)?;
        rules::check_pipe(pipe).map_err(Error::Invalid)?;
        let rows = self.logs.get(pipe).map(Vec::as_slice).unwrap_or_default();
        let given = rows.len().min(LOG_MAX_ROWS);
        let surplus = given.saturating_sub(usize::try_from(limit).unwrap_or(usize::MAX));
        let row = |event: Event| Event { pipe: pipe.to_owned(), history: true, ..event };
        Ok(rows.iter().take(given).skip(surplus).cloned().map(row).collect())
    }

    fn count(&mut self, pipe: &str) -> Result<u64, Error> {
        self.may("count", |wants| &wants.count, pipe)?;
        rules::check_count(pipe).map_err(Error::Invalid)?;
        Ok(self.counts.get(pipe).copied().unwrap_or_default())
    }

    fn note<T>(&mut self, call: &'static str, pipe: &str, outcome: Result<T, Error>) -> Result<T, Error> {
        if let Err(error) = &outcome {
            self.refused.push(Refused { call, pipe: pipe.to_owned(), error: error.clone() });
        }
        outcome
    }
}

pub(crate) fn send(pipe: &str, event: &str, message: &str) -> Result<(), Error> {
    with(|desk| {
        let outcome = desk.send(pipe, event, message);
        desk.note("send", pipe, outcome)
    })
}

pub(crate) fn log(pipe: &str, limit: u32) -> Result<Vec<Event>, Error> {
    with(|desk| {
        let outcome = desk.log(pipe, limit);
        desk.note("log", pipe, outcome)
    })
}

pub(crate) fn count(pipe: &str) -> Result<u64, Error> {
    with(|desk| {
        let outcome = desk.count(pipe);
        desk.note("count", pipe, outcome)
    })
}

#[allow(clippy::unnecessary_wraps, reason = "the host may fail to read it")]
pub(crate) fn config(key: &str) -> Result<Option<String>, String> {
    Ok(with(|desk| desk.config.get(key).cloned()))
}

#[allow(clippy::print_stderr, reason = "cargo shows what a test printed if it fails")]
pub(crate) fn write(level: Level, context: &str, message: &str) {
    let level = format!("{level:?}").to_uppercase();
    eprintln!("{level} {message}");
    with(|desk| desk.lines.push(Line { level, context: context.to_owned(), message: message.to_owned() }));
}

pub(crate) fn now() -> (u64, u32) {
    with(|desk| (desk.time.as_secs(), desk.time.subsec_nanos()))
}

pub(crate) fn monotonic() -> u64 {
    with(|desk| u64::try_from(desk.time.as_nanos()).unwrap_or(u64::MAX))
}

/// The same numbers each time: a test that fails fails again.
pub(crate) fn random() -> u64 {
    with(|desk| {
        desk.numbers = desk.numbers.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut number = desk.numbers;
        number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        number ^ (number >> 31)
    })
}
