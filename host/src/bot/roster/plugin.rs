//! What the roster knows of one plugin.

use std::{borrow::Cow, path::PathBuf, sync::Arc, time::SystemTime};

use super::{super::outcome::Outcome, attempt::Try};
use crate::{
    metrics::PluginTally,
    plugins::{
        grants::{Grants, Heard},
        kept::Record,
        package::{ContentHash, Package},
        slot::{Comparison, Identity, Slot, Starter},
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
    /// The attempt that came to an end last, or is the last of those.
    pub(super) number: u64,
    /// Whether an attempt is under way.
    pub(super) is_trying: bool,
    /// What is tried next.
    pub(super) next: Option<Try>,
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
    pub(super) grants: Arc<Grants>,
    pub(super) since: SystemTime,
    /// What the version hears that would come back, as long as it may.
    pub(super) fallback: Option<Arc<Grants>>,
}

/// A version that waits for the operator.
pub(super) struct Waiting {
    pub(super) hash: ContentHash,
    pub(super) label: Arc<str>,
    /// What it asks for beyond what was granted.
    pub(super) beyond: Grants,
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
            number: 0,
            is_trying: false,
            next: None,
            waiting: None,
            candidate: None,
            last: None,
            packages: Vec::new(),
        }
    }

    pub(super) fn is_on_probation(&self) -> bool {
        self.running.as_ref().is_some_and(|running| running.fallback.is_some())
    }

    /// The label of the version that runs.
    pub(super) fn label(&self) -> Option<&str> {
        self.running.as_ref().map(|running| &*running.label)
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
        let Identity { starter, hash, label, grants } = version.clone();
        Self { slot, starter, hash, label, grants, since: SystemTime::now(), fallback: None }
    }

    /// Another version runs now.
    pub(super) fn become_version(&mut self, version: Identity) {
        let Identity { starter, hash, label, grants } = version;
        (self.starter, self.hash, self.label, self.grants) = (starter, hash, label, grants);
        self.since = SystemTime::now();
    }

    /// What must be heard for it.
    pub(super) fn heard(&self) -> Cow<'_, [Heard]> {
        match &self.fallback {
            Some(fallback) if fallback.hear != self.grants.hear => Cow::Owned(self.grants.with(fallback).hear),
            _ => Cow::Borrowed(&self.grants.hear),
        }
    }
}
