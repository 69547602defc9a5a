//! What the task of a slot does about an event on which the plugin failed: it tries once more, or gives the event up.

use std::{sync::Arc, time::Instant};

use super::{
    super::{
        gate::Keeper,
        instance::Failure,
        probation::{Cause, Fate, Past},
    },
    Occupant,
};
use crate::{
    metrics::{Failed, Retried},
    plugins::api::Event,
};

impl Occupant {
    /// Why the running version failed, for the log and whoever keeps the event.
    #[cold]
    pub(super) fn cause(&self, failure: Failure) -> Cause {
        let reason = failure.to_string();
        let backtrace = match failure {
            Failure::Crashed(crash) => crash.backtrace,
            Failure::Returned(_) | Failure::NotRestarted(_) => Vec::new(),
        };
        Cause { reason, backtrace, label: Arc::clone(&self.running.label) }
    }

    /// A try at the event at the front has failed: it is tried again after a pause, or was the last one.
    #[cold]
    pub(super) async fn fail(&mut self, event: Arc<Event>, why: Cause) {
        if self.may_try_again()
            && let Some(pause) = self.tries.failed(&self.running.starter.terms().retry)
        {
            self.running.starter.tally().gate().retried(&Retried {
                version: &why.label,
                pipe: &event.pipe,
                event: &event.name,
                backtrace: &why.backtrace,
                why: &why.reason,
                pause,
            });
            self.batch.push_front(event);
            self.gate.close(Keeper::Retry, Instant::now() + pause);
            return;
        }
        self.count_failure(&event, &why, self.tries.made().saturating_add(1));
        self.tries.begin_anew();
        if self.probation.is_some() {
            self.note(Past { event, fate: Fate::Failed, why: Some(why) }).await;
        } else {
            self.lose(&event, &why);
        }
    }

    /// Whether the event at the front gets another try if the next one fails. One that is about to stop has no time for
    /// that: what it fails on is kept.
    pub(super) fn may_try_again(&self) -> bool {
        !self.is_draining && self.tries.is_another_left(&self.running.starter.terms().retry)
    }

    /// The running version has failed on an event for good, after so many tries.
    pub(super) fn count_failure(&mut self, event: &Event, why: &Cause, tries: u32) {
        self.running.failed += 1;
        self.running.starter.tally().failed(&Failed {
            version: &why.label,
            pipe: &event.pipe,
            event: &event.name,
            tries,
            backtrace: &why.backtrace,
            why: &why.reason,
        });
    }

    /// An event that nobody will handle any more.
    pub(super) fn lose(&self, event: &Event, why: &Cause) {
        self.running.starter.keep_failed(event, &why.label, &why.reason, &why.backtrace);
    }

    /// Another version runs now: what held up the one before is no concern of it.
    pub(super) fn begin_anew(&mut self) {
        self.tries.begin_anew();
        self.gate.let_go(Keeper::Retry);
    }
}
