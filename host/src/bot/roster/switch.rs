//! What a slot makes of a version that it was given, and what it says of it later: a version takes over, passes its
//! probation, is taken back, or runs beside.

use std::sync::Arc;

use tokio::{sync::oneshot::error::RecvError, task::JoinError};

use super::{
    Outcome, OutcomeKind, Roster,
    attempt::{Rejection, Try, Why},
    plugin::Candidate,
};
use crate::plugins::{
    kept::HeldBack,
    package::Package,
    slot::{Comparison, Happened, Identity, News, SwapError, Switched},
};

/// What a slot made of a version that it was given.
pub(super) struct Switch {
    pub(super) name: String,
    pub(super) attempt: Try,
    pub(super) version: Identity,
    pub(super) package: Package,
    pub(super) result: Result<Given, Rejection>,
}

/// What a slot was given a version for.
pub(super) enum Given {
    /// To take over.
    Over(Box<Switched>),
    /// To run beside.
    Beside(Arc<Comparison>),
}

impl Roster {
    /// Takes what a slot has made of a version.
    pub(super) fn switched(&mut self, switch: Result<Switch, JoinError>) {
        let Switch { name, attempt, version, package, result } = match switch {
            Ok(switch) => switch,
            Err(error) => return tracing::error!("a switch broke off: {error}"),
        };
        // What the slot said before it answered has happened before.
        self.catch_up();
        let Some(plugin) = self.plugins.get_mut(&name) else { return };
        plugin.is_trying = false;
        if attempt.number != plugin.tried {
            self.forget_if_gone(&name);
            return self.go_on(&name);
        }
        match result {
            Ok(Given::Over(switched)) => self.took_over(&name, &attempt, version, package, &switched),
            Ok(Given::Beside(comparison)) => {
                tracing::info!(plugin = name, candidate = &*version.label, "a candidate runs beside, without effect");
                let Identity { hash, label, .. } = version;
                plugin.candidate = Some(Candidate { hash, label, comparison });
                plugin.end(attempt.number);
                let (version, is_final) = (plugin.label().unwrap_or_default().to_owned(), !plugin.is_on_probation());
                self.waiters.beside(&name, attempt.number);
                // For whoever waits for the plugin nothing has changed.
                if is_final {
                    self.waiters.tell(&Outcome::now(&name, OutcomeKind::Unchanged { version }), attempt.number);
                }
            }
            // Whoever wants an earlier version wants it even if the two do not understand each other.
            Err(Rejection::Swap(why)) if attempt.why == Why::Rollback && !attempt.without_state => {
                tracing::warn!(plugin = name, "the earlier version begins without what this one knows: {why}");
                self.try_now(&name, Try { without_state: true, ..attempt });
                return;
            }
            Err(rejection) => self.reject(&name, &attempt, &rejection),
        }
        self.go_on(&name);
    }

    fn took_over(&mut self, name: &str, attempt: &Try, version: Identity, package: Package, switched: &Switched) {
        let granted = self.granted(name);
        let Some(plugin) = self.plugins.get_mut(name) else { return };
        let Some(running) = &mut plugin.running else { return };
        let (before, before_label) = (running.hash, running.label.to_string());
        let label = version.label.to_string();
        running.become_version(version);
        running.fallback.clone_from(&switched.fallback);
        // Grants may have changed while it took over; the slot has heard of that.
        running.regrant(&granted);
        running.turn = switched.turn;
        let early = std::mem::take(&mut running.early);
        plugin.remember(package);
        plugin.candidate = None;
        let held_back = HeldBack { hash: before, why: format!("the operator went back from {before_label}") };
        self.settle(name, attempt.why, Some(held_back));
        self.reroute();
        let pause_us = u64::try_from(switched.pause.as_micros()).unwrap_or(u64::MAX);
        let state_bytes = switched.state_bytes.and_then(|bytes| u64::try_from(bytes).ok());
        self.conclude(name, OutcomeKind::Swapped { version: label, pause_us, state_bytes });
        self.say_missing(name);
        if switched.fallback.is_none() {
            self.make_good(name);
        }
        early.into_iter().for_each(|news| self.hear(news));
    }

    /// Writes down what follows for later versions from the one that has begun to run.
    pub(super) fn settle(&mut self, name: &str, why: Why, went_back_from: Option<HeldBack>) {
        let Some(plugin) = self.plugins.get_mut(name) else { return };
        plugin.waiting = None;
        let before = plugin.record.clone();
        match why {
            Why::Rollback => {
                if let Some(left) = &went_back_from {
                    // It is none to come back to; the next rollback goes further back.
                    plugin.record.good.retain(|good| good.hash != left.hash);
                }
                // If one is held back already, that is the file, and this one was a step on the way back from it.
                plugin.record.held_back = plugin.record.held_back.take().or(went_back_from);
            }
            Why::Restore | Why::Terms => {}
            Why::Start | Why::Enable | Why::Folder | Why::Wish | Why::Promote | Why::Shadow => {
                plugin.record.held_back = None
            }
        }
        if plugin.record != before {
            self.write_record(name);
        }
    }

    /// Takes what a slot says of its version on probation.
    pub(super) fn hear(&mut self, News { plugin: name, turn, what }: News) {
        let granted = self.granted(&name);
        let Some(plugin) = self.plugins.get_mut(&*name) else { return };
        let Some(running) = &mut plugin.running else { return };
        if turn > running.turn {
            running.early.push(News { plugin: name, turn, what });
            return;
        }
        match what {
            Happened::Passed if turn == running.turn => {
                running.fallback = None;
                tracing::info!(plugin = &*name, version = &*running.label, "the version has passed its probation");
                self.reroute();
                self.make_good(&name);
                self.now_final(&name);
            }
            // Another version has taken over in the end of it.
            Happened::Passed => {}
            Happened::RolledBack { bad, good, why } => {
                let version = good.label.to_string();
                running.become_version(*good);
                running.fallback = None;
                running.regrant(&granted);
                plugin.candidate = None;
                plugin.record.held_back = Some(HeldBack { hash: bad.hash, why: why.clone() });
                self.write_record(&name);
                self.reroute();
                self.conclude(&name, OutcomeKind::RolledBack { version, why: format!("{}: {why}", bad.label) });
                // Nothing is behind it any more, so it is the one to begin with after a restart.
                self.make_good(&name);
            }
        }
    }

    /// Takes the news that slots have sent until now.
    pub(super) fn catch_up(&mut self) {
        while let Ok(news) = self.news.1.try_recv() {
            self.hear(news);
        }
    }
}

/// What the slot's reply comes to.
pub(super) fn given<T>(
    reply: Result<Result<T, SwapError>, RecvError>,
    give: fn(T) -> Given,
) -> Result<Given, Rejection> {
    match reply {
        Ok(outcome) => Ok(give(outcome?)),
        Err(_) => Err(Rejection::BrokeOff("the plugin ended meanwhile".to_owned())),
    }
}
