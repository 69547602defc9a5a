//! What the roster knows of one plugin.

use std::{borrow::Cow, path::PathBuf, sync::Arc, time::SystemTime};

use super::{
    super::outcome::{Outcome, OutcomeKind},
    attempt::{Source, Try},
};
use crate::{
    metrics::PluginTally,
    plugins::{
        grants::{Granted, Grants, Heard},
        kept::Record,
        package::{ContentHash, Package},
        slot::{Comparison, Identity, News, Slot, Starter},
    },
};

/// One plugin, whether it runs or not.
pub(super) struct Plugin {
    pub(super) tally: PluginTally,
    /// What is known of it beyond this run.
    pub(super) record: Record,
    /// Its file, if it has one.
    pub(super) path: Option<PathBuf>,
    pub(super) running: Option<Running>,
    /// The newest attempt that has come to an end.
    pub(super) ended: u64,
    /// Whether an attempt is under way.
    pub(super) is_trying: bool,
    /// The attempt that is under way, or was last. To be removed or disabled counts as one, after which the result of an
    /// earlier one is of no use.
    pub(super) tried: u64,
    /// Whether a slot of it still finishes what waits. The next one begins after it: two would not keep the order.
    pub(super) is_leaving: bool,
    /// What is tried next.
    pub(super) next: Option<Try>,
    /// What runs shall be set up anew, after that: its settings have changed.
    pub(super) next_terms: Option<Try>,
    /// A version that asks for more than was granted.
    pub(super) waiting: Option<Waiting>,
    /// A version that runs beside, without effect.
    pub(super) candidate: Option<Candidate>,
    /// What became of the last attempt.
    pub(super) last: Option<Outcome>,
    /// Versions that have run, compiled, newest first: to go back takes no time then.
    pub(super) packages: Vec<Package>,
}

/// A version that runs.
pub(super) struct Running {
    pub(super) slot: Slot,
    pub(super) starter: Starter,
    pub(super) hash: ContentHash,
    pub(super) label: Arc<str>,
    /// What it asked for.
    pub(super) asks: Arc<Grants>,
    /// What of that is granted.
    pub(super) grants: Arc<Grants>,
    pub(super) since: SystemTime,
    /// The version that would come back, as long as it may.
    pub(super) fallback: Option<Identity>,
    /// What became of the attempt by which it runs.
    pub(super) outcome: Option<Outcome>,
    /// How many versions have taken over in the slot, as far as it is known.
    pub(super) turn: u64,
    /// What the slot has said of one that has taken over, ahead of its answer that it has.
    pub(super) early: Vec<News>,
}

/// A version that waits for the operator.
pub(super) struct Waiting {
    pub(super) hash: ContentHash,
    pub(super) label: Arc<str>,
    /// What it asks for and is not granted.
    pub(super) missing: Grants,
}

/// A version that runs beside the running one.
pub(super) struct Candidate {
    pub(super) hash: ContentHash,
    pub(super) label: Arc<str>,
    pub(super) comparison: Arc<Comparison>,
}

/// Compiled versions that stay in memory for each plugin.
const PACKAGES: usize = 2;

impl Plugin {
    pub(super) fn new(tally: PluginTally, record: Record) -> Self {
        Self {
            tally,
            record,
            path: None,
            running: None,
            ended: 0,
            is_trying: false,
            tried: 0,
            is_leaving: false,
            next: None,
            next_terms: None,
            waiting: None,
            candidate: None,
            last: None,
            packages: Vec::new(),
        }
    }

    /// Whether what is tried next has to wait.
    pub(super) const fn is_busy(&self) -> bool {
        self.is_trying || self.is_leaving
    }

    /// Whether there is nothing left of it.
    pub(super) const fn is_gone(&self) -> bool {
        self.path.is_none() && self.running.is_none() && !self.is_busy()
    }

    /// An attempt has come to an end. One that is overtaken by a newer one does not count back.
    pub(super) fn end(&mut self, number: u64) {
        self.ended = self.ended.max(number);
    }

    /// Whatever was tried or is to be tried is of no use any more; that counts as the attempt with this number.
    pub(super) fn give_up(&mut self, number: u64) {
        self.tried = number;
        (self.next, self.next_terms, self.waiting, self.candidate) = (None, None, None, None);
    }

    pub(super) fn is_on_probation(&self) -> bool {
        self.running.as_ref().is_some_and(|running| running.fallback.is_some())
    }

    /// Whether this version has just failed its probation: it does not run, and its end is the last that is known.
    pub(super) fn is_taken_back(&self, hash: ContentHash) -> bool {
        let is_last = matches!(&self.last, Some(Outcome { kind: OutcomeKind::RolledBack { .. }, .. }));
        is_last && self.record.held_back.as_ref().is_some_and(|held| held.hash == hash)
    }

    /// The label of the version that runs.
    pub(super) fn label(&self) -> Option<&str> {
        self.running.as_ref().map(|running| &*running.label)
    }

    /// Once the plugin's file has been tried again, it may not be the version any more that waits.
    pub(super) fn forget_waiting(&mut self, tried: &Source) {
        let is_the_file = matches!(tried, Source::File(path) if self.path.as_ref() == Some(path));
        let running = self.running.as_ref().map(|running| running.hash);
        // What runs waits with its new settings.
        self.waiting.take_if(|waiting| is_the_file && Some(waiting.hash) != running);
    }

    /// Keeps a compiled version at hand.
    pub(super) fn remember(&mut self, package: Package) {
        self.packages.retain(|known| known.hash != package.hash);
        self.packages.insert(0, package);
        self.packages.truncate(PACKAGES);
    }
}

impl Running {
    pub(super) fn new(slot: Slot, version: &Identity) -> Self {
        let Identity { starter, hash, label, asks, grants } = version.clone();
        Self {
            slot,
            starter,
            hash,
            label,
            asks,
            grants,
            since: SystemTime::now(),
            fallback: None,
            turn: 0,
            outcome: None,
            early: Vec::new(),
        }
    }

    /// Another version runs now.
    pub(super) fn become_version(&mut self, version: Identity) {
        let Identity { starter, hash, label, asks, grants } = version;
        (self.starter, self.hash, self.label, self.asks, self.grants) = (starter, hash, label, asks, grants);
        self.since = SystemTime::now();
    }

    /// This is what is granted; the slot knows it already.
    pub(super) fn regrant(&mut self, granted: &Granted) {
        self.grants = Arc::new(granted.of(&self.asks));
        if let Some(fallback) = &mut self.fallback {
            fallback.grants = Arc::new(granted.of(&fallback.asks));
        }
    }

    /// What must be heard for it.
    pub(super) fn heard(&self) -> Cow<'_, [Heard]> {
        match &self.fallback {
            Some(fallback) if fallback.grants.hear != self.grants.hear => {
                Cow::Owned(self.grants.with(&fallback.grants).hear)
            }
            _ => Cow::Borrowed(&self.grants.hear),
        }
    }
}
