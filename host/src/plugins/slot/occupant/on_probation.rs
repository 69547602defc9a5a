//! What the task of a slot does while its version is on probation: takes down what becomes of each event, and keeps the
//! version or takes it back; see `probation`.

use std::{mem, sync::Arc};

use super::{
    super::{
        Happened,
        probation::{Fate, Past, Probation, Verdict},
        version::Version,
    },
    FLUSH_BYTES, Occupant, let_go,
};

impl Occupant {
    /// Gives the version that has just taken over what the one before it has failed on, before anything newer.
    pub(super) async fn give_again(&mut self) {
        let failed = self.probation.as_ref().map(|probation| probation.failed()).unwrap_or_default();
        for (at, event) in failed {
            if !self.running.grants.hears(&event.pipe, &event.name) {
                continue;
            }
            self.running.starter.outgoing().lane().room().await;
            let (fate, why) = match self.attempt_once(&event).await {
                Ok(_) => (Fate::Handled, None),
                Err(why) => (Fate::Failed, Some(why)),
            };
            self.running.starter.outgoing().flush();
            let Some(probation) = &mut self.probation else { return };
            match probation.note_again(at, fate, why) {
                Verdict::Open => {}
                Verdict::Passed => return self.pass(),
                Verdict::Failed => return self.roll_back().await,
            }
        }
    }

    /// Takes down an event of the probation, and ends that if it is decided.
    pub(super) async fn note(&mut self, past: Past) {
        let Some(probation) = &mut self.probation else { return };
        match probation.note(past) {
            Verdict::Open => {}
            Verdict::Passed => self.pass(),
            Verdict::Failed => Box::pin(self.roll_back()).await,
        }
    }

    /// Ends the probation: the running version stays.
    pub(super) fn pass(&mut self) {
        let Some(probation) = self.probation.take() else { return };
        for past in &probation.journal {
            if let Some(why) = &past.why {
                self.lose(&past.event, why);
            }
        }
        let_go(probation);
        self.tell(Happened::Passed);
    }

    /// Ends the probation: the version before comes back.
    async fn roll_back(&mut self) {
        let Some(probation) = self.probation.take() else { return };
        let why = probation.reason();
        self.begin_anew();
        let bad = self.take_back(*probation).await;
        self.tell(Happened::RolledBack { bad: Box::new(bad.identity()), good: Box::new(self.running.identity()), why });
    }

    /// Puts the version before back, as if it had never been replaced; see `probation`. Gives the one that ran.
    pub(super) async fn take_back(&mut self, Probation { fallback, journal, .. }: Probation) -> Version {
        let bad = mem::replace(&mut self.running, fallback);
        let outgoing = Arc::clone(self.running.starter.outgoing());
        self.shadow = None;
        self.apply_terms();
        for Past { event, fate, .. } in journal {
            if !self.running.grants.hears(&event.pipe, &event.name) {
                continue;
            }
            if fate == Fate::Handled {
                // It was answered. That the old version cannot handle it concerns its memory alone.
                if let Err(failure) = self.running.rehearse(event).await {
                    tracing::debug!(plugin = self.running.starter.name(), "an event was not made good: {failure}");
                }
                continue;
            }
            outgoing.lane().room().await;
            match self.attempt_once(&event).await {
                Ok(committed) if committed.bytes < FLUSH_BYTES => {}
                Ok(_) => outgoing.flush(),
                Err(why) => self.lose(&event, &why),
            }
        }
        outgoing.flush();
        bad
    }
}
