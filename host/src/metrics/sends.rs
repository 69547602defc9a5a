//! Sends: what became of them, and how many wait.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder},
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::{Registry, Unit},
};

use super::{
    link::{REFUSALS_PER_SECOND, TARGET},
    saturated,
};
use crate::report::{Throttle, brief};

/// A send that the server did not take.
#[derive(Debug, Clone, Copy)]
pub struct Refusal<'a> {
    /// Whose it was, if that is known.
    pub plugin: Option<&'a str>,
    /// The server's number for it.
    pub code: Option<u16>,
    /// The server's words.
    pub text: &'a str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Outcome {
    Answered,
    Refused,
    Resent,
    Lost,
    RefusedLocally,
}

impl EncodeLabelValue for Outcome {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        let outcome = match self {
            Self::Answered => "answered",
            Self::Refused => "refused",
            Self::Resent => "resent",
            Self::Lost => "lost",
            Self::RefusedLocally => "refused_locally",
        };
        outcome.encode(encoder)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    outcome: Outcome,
}

/// What becomes of sends. Clones share it.
#[derive(Debug, Clone)]
pub struct SendTally {
    answered: Counter,
    refused: Counter,
    resent: Counter,
    lost: Counter,
    refused_locally: Counter,
    waiting_sends: Gauge,
    waiting_bytes: Gauge,
    refusal_lines: Arc<Mutex<Throttle>>,
}

impl SendTally {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let outcomes = Family::<Labels, Counter>::default();
        let (waiting_sends, waiting_bytes) = (Gauge::default(), Gauge::default());
        registry.register("sends", "Sends, by what became of them", outcomes.clone());
        registry.register("outbox_sends", "Sends that wait or are not answered yet", waiting_sends.clone());
        registry.register_with_unit("outbox", "What these sends take", Unit::Bytes, waiting_bytes.clone());
        let counter = |outcome| outcomes.get_or_create_owned(&Labels { outcome });
        Self {
            answered: counter(Outcome::Answered),
            refused: counter(Outcome::Refused),
            resent: counter(Outcome::Resent),
            lost: counter(Outcome::Lost),
            refused_locally: counter(Outcome::RefusedLocally),
            waiting_sends,
            waiting_bytes,
            refusal_lines: Arc::new(Mutex::new(Throttle::lines_per_second(REFUSALS_PER_SECOND))),
        }
    }

    /// The server took so many sends. For every burst: it only counts.
    pub fn answered(&self, sends: u64) {
        self.answered.inc_by(sends);
    }

    /// The server did not take a send.
    pub fn refused(&self, refusal: &Refusal<'_>) {
        self.refused.inc();
        if let Some(times) = self.refusal_lines.lock().unwrap_or_else(PoisonError::into_inner).pass() {
            tracing::warn!(
                target: TARGET,
                plugin = refusal.plugin,
                code = refusal.code,
                times,
                "the server refuses: {}",
                brief(refusal.text.trim())
            );
        }
    }

    /// So many sends that the link `link` got no answer for go out again on its new connection.
    pub fn resent(&self, link: usize, sends: u64) {
        if sends > 0 {
            self.resent.inc_by(sends);
            tracing::info!(
                target: TARGET,
                link,
                sends,
                "sends without an answer go out again: those that had arrived arrive twice"
            );
        }
    }

    /// So many sends that the link `link` got no answer for are given up.
    pub fn lost(&self, link: usize, sends: u64) {
        if sends > 0 {
            self.lost.inc_by(sends);
            tracing::warn!(
                target: TARGET,
                link,
                sends,
                "sends without an answer are not repeated: whether they arrived is not known"
            );
        }
    }

    /// So many sends, of so many bytes, wait or are not answered yet. For every change: it only sets.
    pub fn waiting(&self, sends: usize, bytes: usize) {
        self.waiting_sends.set(saturated(sends));
        self.waiting_bytes.set(saturated(bytes));
    }

    /// A plugin was told that so many of its sends cannot wait.
    pub(super) fn refused_locally(&self, sends: u64) {
        self.refused_locally.inc_by(sends);
    }
}
