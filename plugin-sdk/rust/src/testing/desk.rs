//! What stands in for the host in a native test.

use std::{
    cell::RefCell,
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use super::{Line, Sent};
use crate::{Event, Wants, comet::Error, host::Level};

#[derive(Debug, Default)]
pub(crate) struct Desk {
    pub(super) config: BTreeMap<String, String>,
    pub(super) logs: BTreeMap<String, Vec<Event>>,
    pub(super) counts: BTreeMap<String, u64>,
    pub(super) refusals: VecDeque<Error>,
    pub(super) sent: Vec<Sent>,
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
    /// The next refusal, or what the host says to whoever did not ask in `setup`.
    fn may(&mut self, verb: &str, list: impl Fn(&Wants) -> &Vec<String>, pipe: &str) -> Result<(), Error> {
        if let Some(refusal) = self.refusals.pop_front() {
            return Err(refusal);
        }
        let covers = |pattern: &String| match pattern.strip_suffix('*') {
            Some(beginning) => pipe.starts_with(beginning),
            None => pipe == pattern,
        };
        if self.wants.as_ref().is_some_and(|wants| list(wants).iter().any(covers)) {
            return Ok(());
        }
        Err(Error::Denied(format!("`setup` did not ask to {verb} {pipe}")))
    }
}

pub(crate) fn send(pipe: &str, event: &str, message: &str) -> Result<(), Error> {
    with(|desk| {
        desk.may("send to", |wants| &wants.send, pipe.strip_prefix('@').unwrap_or(pipe))?;
        let is_name = |name: &str| {
            name.len() <= 64 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-@".contains(&byte))
        };
        if !is_name(pipe) || !is_name(event) || message.contains('\0') {
            return Err(Error::Invalid("a name has A-Z a-z 0-9 _ and - only, and a message no NUL".to_owned()));
        }
        desk.sent.push(Sent::new(pipe, event, message));
        Ok(())
    })
}

pub(crate) fn log(pipe: &str, limit: u32) -> Result<Vec<Event>, Error> {
    with(|desk| {
        desk.may("read the log of", |wants| &wants.log, pipe)?;
        let events = desk.logs.get(pipe).map(Vec::as_slice).unwrap_or_default();
        let surplus = events.len().saturating_sub(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(events.iter().skip(surplus).cloned().map(|event| Event { history: true, ..event }).collect())
    })
}

pub(crate) fn count(pipe: &str) -> Result<u64, Error> {
    with(|desk| {
        desk.may("count", |wants| &wants.count, pipe)?;
        Ok(desk.counts.get(pipe).copied().unwrap_or_default())
    })
}

#[allow(clippy::unnecessary_wraps, reason = "the host may fail to read it")]
pub(crate) fn config(key: &str) -> Result<Option<String>, String> {
    Ok(with(|desk| desk.config.get(key).cloned()))
}

pub(crate) fn write(level: Level, _context: &str, message: &str) {
    let level = format!("{level:?}").to_uppercase();
    with(|desk| desk.lines.push(Line { level, message: message.to_owned() }));
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
