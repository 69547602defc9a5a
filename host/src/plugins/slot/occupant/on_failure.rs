//! What the task of a slot does about an event on which the plugin failed: it tries once more, or gives the event up; and
//! leaves a plugin in peace that fails on one after the other.

use std::{collections::VecDeque, sync::Arc, time::Instant};

use super::{
    super::{
        gate::Keeper,
        instance::Failure,
        probation::{Cause, Fate, Past},
    },
    Occupant,
};
use crate::{
    metrics::{BreakerOpened, Failed, Retried},
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
            self.break_off(&why);
        }
    }

    /// Leaves the plugin in peace if that was one failure too many. On probation it is that which judges.
    fn break_off(&mut self, why: &Cause) {
        let Some(opened) = self.breaker.failed(&self.running.starter.terms().breaker, Instant::now()) else { return };
        self.gate.close(Keeper::Breaker, opened.until);
        self.running.starter.tally().gate().breaker_opened(&BreakerOpened {
            version: &why.label,
            failures: opened.failures,
            pause: opened.pause,
            until: opened.until,
            why: &why.reason,
        });
    }

    /// An event was handled, so what failed before is over.
    pub(super) fn mend(&mut self) {
        self.tries.begin_anew();
        if self.breaker.handled() {
            self.running.starter.tally().gate().breaker_closed(&self.running.label);
        }
    }

    /// The time has come for which the gate was closed.
    pub(super) fn open_gate(&mut self) {
        let now = Instant::now();
        self.gate.pass(now);
        self.queue.set_held(0);
        if self.breaker.half_open(now) {
            self.running.starter.tally().gate().breaker_half_open(&self.running.label);
        }
    }

    /// The plugin ends while it is left in peace: what waits is kept like what it failed on, as far as that is kept.
    pub(super) fn keep_what_waits(&mut self) {
        let mut waiting = std::mem::take(&mut self.batch);
        let mut newer = VecDeque::new();
        self.queue.take(&mut newer);
        waiting.append(&mut newer);
        waiting.retain(|event| self.running.grants.hears(&event.pipe, &event.name));
        let starter = &self.running.starter;
        let reason = starter.tally().not_tried(&self.running.label, waiting.len());
        let too_many = waiting.len().saturating_sub(starter.terms().quarantine_events);
        let why = Cause { reason, backtrace: Vec::new(), label: Arc::clone(&self.running.label) };
        waiting.iter().skip(too_many).for_each(|event| self.lose(event, &why));
    }

    /// Whether the event at the front gets another try if the next one fails. One that is about to stop has no time for
    /// that: what it fails on is kept.
    pub(super) fn may_try_again(&self) -> bool {
        !self.is_draining
            && !self.breaker.is_half_open()
            && self.tries.is_another_left(&self.running.starter.terms().retry)
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
        self.gate.let_go(Keeper::Breaker);
        self.forget_loops();
        if self.breaker.reset() {
            self.running.starter.tally().gate().breaker_closed(&self.running.label);
        }
        if !self.gate.is_closed() {
            self.queue.set_held(0);
        }
    }
}
