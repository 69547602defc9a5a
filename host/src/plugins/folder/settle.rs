//! When is a change of a file over? Pure: what is seen and what time it is are handed in.
//!
//! Each file settles on its own, so that none waits for another:
//!
//! - one that the system says is whole, after a moment, because copies set times and modes when they are done;
//! - one that is being written, when it is closed, or after it was quiet for long;
//! - one of which nothing is known, when two looks have seen the same and it was quiet in between;
//! - one that is gone, when it stays away: editors move the old file away before they write the new one; or when it is
//!   found under another name;
//! - one that is written to without an end, after [`CAP`], as it is then, and again when it changes again.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::state::State;
use crate::watch::{Stir, Word};

/// What is whole must be quiet for so long.
const QUIET_WHEN_WHOLE: Duration = Duration::from_millis(10);
/// What may be whole must be quiet for so long.
const QUIET: Duration = Duration::from_millis(100);
/// What is being written, or still empty, must be quiet for so long: whoever copies over a network pauses now and then.
const QUIET_WHEN_OPEN: Duration = Duration::from_secs(1);
/// What is gone must be gone for so long.
const GRACE: Duration = Duration::from_millis(300);
/// What never comes to rest is taken as it is after so long.
const CAP: Duration = Duration::from_secs(2);

/// The files of a folder: as they were when they settled last, and what has happened to them since.
#[derive(Debug, Default)]
pub(super) struct Settle {
    settled: BTreeMap<PathBuf, State>,
    pending: BTreeMap<PathBuf, Pending>,
}

/// A file that has not settled.
#[derive(Debug)]
struct Pending {
    /// When it stirred first.
    since: Instant,
    /// When it stirred last, or was seen to differ.
    last: Instant,
    word: Word,
    /// As it was seen last; none if it was not there.
    state: Option<State>,
    /// Whether the system has reported it. Then it has changed, even if it looks as before: times are counted in ticks,
    /// and two writes may fall into one.
    is_stirred: bool,
}

impl Pending {
    /// When its change is over, if nothing happens until then.
    fn due(&self) -> Instant {
        match &self.state {
            None => self.last + GRACE,
            Some(state) => (self.last + quiet(self.word, state)).min(self.since + CAP),
        }
    }
}

fn quiet(word: Word, state: &State) -> Duration {
    match word {
        Word::Whole => QUIET_WHEN_WHOLE,
        Word::Open => QUIET_WHEN_OPEN,
        _ if state.is_empty() => QUIET_WHEN_OPEN,
        Word::Changed | Word::Touched | Word::Gone => QUIET,
    }
}

impl Settle {
    /// The files that are there as far as is known, in order.
    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        self.settled.keys().map(PathBuf::as_path)
    }

    /// Takes in what was reported of a file, and its state right after that.
    pub(super) fn stir(&mut self, path: PathBuf, stir: Stir, state: Option<State>) {
        let Stir { at, word } = stir;
        self.pending
            .entry(path)
            .and_modify(|pending| {
                (pending.last, pending.word) = (at, pending.word.then(word));
                (pending.state, pending.is_stirred) = (state.clone(), true);
            })
            .or_insert(Pending { since: at, last: at, word, state, is_stirred: true });
    }

    /// Lets a file that has not changed count as changed at the time `at`. One that changes sooner is over sooner.
    pub(super) fn stir_later(&mut self, path: PathBuf, at: Instant, state: Option<State>) {
        let unchanged = Pending { since: at, last: at, word: Word::Whole, state, is_stirred: true };
        self.pending.entry(path).or_insert(unchanged);
    }

    /// When to look next; none if everything has settled.
    pub(super) fn due(&self) -> Option<Instant> {
        self.pending.values().map(Pending::due).min()
    }

    /// Compares with what was `found` in a look at the time `now`. Gives the files of which the change is over.
    pub(super) fn look(&mut self, found: &BTreeMap<PathBuf, State>, now: Instant) -> BTreeSet<PathBuf> {
        for (path, pending) in &mut self.pending {
            let state = found.get(path);
            if pending.state.as_ref() != state {
                (pending.state, pending.last) = (state.cloned(), now);
            }
        }
        let changed = found.iter().filter(|(path, state)| self.settled.get(*path) != Some(state));
        let gone = self.settled.keys().filter(|path| !found.contains_key(*path));
        for (path, state) in changed.map(|(path, state)| (path, Some(state))).chain(gone.map(|path| (path, None))) {
            if !self.pending.contains_key(path) {
                let unreported =
                    Pending { since: now, last: now, word: Word::Changed, state: state.cloned(), is_stirred: false };
                self.pending.insert(path.clone(), unreported);
            }
        }
        let renamed = self.renamed(now);
        let mut over = BTreeSet::new();
        for (path, pending) in
            self.pending.extract_if(.., |path, pending| pending.due() <= now || renamed.contains(path))
        {
            let is_changed = match pending.state {
                None => self.settled.remove(&path).is_some(),
                Some(state) => {
                    let before = self.settled.insert(path.clone(), state);
                    pending.is_stirred || before.as_ref() != self.settled.get(&path)
                }
            };
            if is_changed {
                over.insert(path);
            }
        }
        over
    }

    /// The files that are gone because they have another name now, and whose change is over under that name: it would be
    /// one plugin too many to wait for them to come back.
    fn renamed(&self, now: Instant) -> BTreeSet<PathBuf> {
        let gone = self.pending.iter().filter(|(_, pending)| pending.state.is_none());
        let is_renamed = |path: &Path| {
            let inode = self.settled.get(path).and_then(State::inode);
            inode.is_some()
                && self.pending.iter().any(|(other, pending)| {
                    let is_new = !self.settled.contains_key(other) && pending.due() <= now;
                    is_new && pending.state.as_ref().and_then(State::inode) == inode
                })
        };
        gone.map(|(path, _)| path).filter(|path| is_renamed(path)).cloned().collect()
    }

    /// The same without waiting: every change counts as over.
    pub(super) fn look_now(&mut self, found: BTreeMap<PathBuf, State>) -> BTreeSet<PathBuf> {
        let pending = std::mem::take(&mut self.pending);
        let before = std::mem::replace(&mut self.settled, found);
        let is_stirred = |path: &Path| pending.get(path).is_some_and(|pending| pending.is_stirred);
        let now = self.settled.iter();
        let changed = now.filter(|(path, state)| before.get(*path) != Some(state) || is_stirred(path));
        let gone = before.keys().filter(|path| !self.settled.contains_key(*path));
        changed.map(|(path, _)| path).chain(gone).cloned().collect()
    }

    /// Counts every change from `now` on: before, nothing could be seen.
    pub(super) fn begin_anew(&mut self, now: Instant) {
        for pending in self.pending.values_mut() {
            (pending.since, pending.last) = (pending.since.max(now), pending.last.max(now));
        }
    }
}
