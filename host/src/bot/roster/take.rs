//! What becomes of an attempt's result: a version starts, takes over, waits, runs beside, or does not run.

use std::{collections::BTreeSet, sync::Arc};

use tokio::{sync::oneshot::error::RecvError, task::JoinError};

use super::{
    Outcome, OutcomeKind, Roster,
    attempt::{Loaded, Ready, Rejection, Source, Try, Why, admit},
    plugin::{Candidate, Running, Waiting},
};
use crate::{
    config::NewGrants,
    plugins::{
        grants::{Asked, Grants},
        kept::{Good, HeldBack},
        package::{ContentHash, Package, PackageError},
        slot::{Comparison, Happened, Identity, Manner, News, Slot, SwapError, Switched, Version},
    },
    report::QuietText,
};

/// What a slot made of a version that it was given.
pub(super) struct Switch {
    name: String,
    attempt: Try,
    version: Identity,
    package: Package,
    result: Result<Given, Rejection>,
}

/// What a slot was given a version for.
enum Given {
    /// To take over.
    Over(Switched),
    /// To run beside.
    Beside(Arc<Comparison>),
}

impl Roster {
    /// Takes what has been loaded.
    pub(super) fn take(&mut self, Loaded { name, attempt, result }: Loaded) {
        let Some(plugin) = self.plugins.get_mut(&name) else { return };
        plugin.is_trying = false;
        if attempt.number != plugin.trying {
            // It was removed or disabled meanwhile.
            self.forget_if_gone(&name);
            return self.go_on(&name);
        }
        plugin.forget_waiting(&attempt.source);
        match result {
            Ok(Ready::Version(version)) => match self.give(&name, &attempt, *version) {
                Ok(()) => return,
                Err(rejection) => self.reject(&name, &attempt, &rejection),
            },
            // What runs has yet to show that it is good: whoever waits wants to know that.
            Ok(Ready::Unchanged) if plugin.is_on_probation() && attempt.why != Why::Shadow => {
                plugin.number = plugin.number.max(attempt.number);
                plugin.last = plugin.running.as_ref().and_then(|running| running.outcome.clone());
            }
            Ok(Ready::Unchanged) => {
                let version = plugin.label().unwrap_or_default().to_owned();
                self.conclude(&name, OutcomeKind::Unchanged { version });
            }
            Ok(Ready::HeldBack) => {
                plugin.number = plugin.number.max(attempt.number);
                let version = plugin.label().unwrap_or_default().to_owned();
                let why = plugin.record.held_back.as_ref().map(|held| held.why.as_str()).unwrap_or_default();
                tracing::info!(
                    plugin = name,
                    version,
                    "the file is a version that was taken back, so an earlier one runs; `cometbot reload {name}` tries it \
                     once more: {}",
                    QuietText(why)
                );
                self.waiters.tell(&Outcome::now(&*name, OutcomeKind::Unchanged { version }), attempt.number);
            }
            Ok(Ready::After(newest)) => {
                // The file's turn comes when that one runs, or does not.
                if plugin.next.is_none() {
                    plugin.next = Some(Try { why: Why::Folder, ..attempt });
                }
                let number = attempt.number;
                self.try_now(&name, Try { number, ..Try::new(Source::Kept(newest), Why::Restore) });
                return;
            }
            Err(rejection) => {
                if let Rejection::Package(PackageError::Read(_)) = rejection {
                    self.unread.push(name.clone());
                }
                self.reject(&name, &attempt, &rejection);
            }
        }
        self.go_on(&name);
    }

    /// Gives a version that could run to the plugin's slot, or makes one. Nothing more is to be done then for the moment.
    fn give(&mut self, name: &str, attempt: &Try, version: Version) -> Result<(), Rejection> {
        if let Some(waiting) = self.beyond(name, attempt.why, &version) {
            self.hold(name, waiting);
            self.go_on(name);
            return Ok(());
        }
        let others = self.plugins.iter().filter(|(other, _)| *other != name);
        let others = others.filter_map(|(_, plugin)| Some(&*plugin.running.as_ref()?.grants));
        admit(others, &version.grants, self.settings.max)?;
        let Some(plugin) = self.plugins.get_mut(name) else { return Ok(()) };
        let (identity, package) = (version.identity(), version.package().clone());
        let Some(running) = &plugin.running else {
            if attempt.why == Why::Shadow {
                return Err(Rejection::NothingRuns);
            }
            let slot = Slot::start(version, self.news.0.clone());
            plugin.running = Some(Running::new(slot, &identity));
            plugin.remember(package);
            self.settle(name, &identity.grants, attempt.why, None);
            self.reroute();
            self.conclude(name, OutcomeKind::Started { version: identity.label.to_string() });
            self.make_good(name);
            self.go_on(name);
            return Ok(());
        };
        plugin.is_trying = true;
        let (name, attempt) = (name.to_owned(), attempt.clone());
        if attempt.why == Why::Shadow {
            let granted = plugin.record.granted.clone().unwrap_or_default();
            let reply = running.slot.shadow(version, Arc::new(granted));
            self.switches.spawn(async move {
                let result = given(reply.await, Given::Beside);
                Switch { name, attempt, version: identity, package, result }
            });
        } else {
            let manner = Manner { with_state: !attempt.without_state, on_probation: attempt.why != Why::Rollback };
            let reply = running.slot.swap(version, manner);
            self.switches.spawn(async move {
                let result = given(reply.await, Given::Over);
                Switch { name, attempt, version: identity, package, result }
            });
        }
        Ok(())
    }

    /// What a version asks for beyond what was granted, if it has to wait for that.
    fn beyond(&self, name: &str, why: Why, version: &Version) -> Option<Waiting> {
        let granted = self.plugins.get(name)?.record.granted.as_ref()?;
        // What ran before was granted before, and what runs beside has no effect.
        let has_a_say = !matches!(why, Why::Rollback | Why::Restore | Why::Shadow);
        if !has_a_say || self.settings.terms(name).new_grants == NewGrants::Grant {
            return None;
        }
        let beyond = version.grants.beyond(granted);
        (!beyond.is_empty()).then(|| Waiting { hash: version.hash(), label: Arc::clone(&version.label), beyond })
    }

    fn hold(&mut self, name: &str, waiting: Waiting) {
        let kind = OutcomeKind::Waiting {
            version: waiting.label.to_string(),
            grants: serde_json::to_value(&waiting.beyond).unwrap_or_default(),
            text: Asked(&waiting.beyond).to_string(),
        };
        if let Some(plugin) = self.plugins.get_mut(name) {
            plugin.waiting = Some(waiting);
        }
        self.conclude(name, kind);
    }

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
        if attempt.number != plugin.trying {
            self.forget_if_gone(&name);
            return self.go_on(&name);
        }
        match result {
            Ok(Given::Over(switched)) => self.took_over(&name, &attempt, version, package, &switched),
            Ok(Given::Beside(comparison)) => {
                tracing::info!(plugin = name, candidate = &*version.label, "a candidate runs beside, without effect");
                let Identity { hash, label, .. } = version;
                plugin.candidate = Some(Candidate { hash, label, comparison });
                plugin.number = plugin.number.max(attempt.number);
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
        let Some(plugin) = self.plugins.get_mut(name) else { return };
        let Some(running) = &mut plugin.running else { return };
        let (before, before_label) = (running.hash, running.label.to_string());
        let (label, grants) = (version.label.to_string(), Arc::clone(&version.grants));
        running.become_version(version);
        running.fallback.clone_from(&switched.fallback);
        running.turn = switched.turn;
        let early = std::mem::take(&mut running.early);
        plugin.remember(package);
        plugin.candidate = None;
        let held_back = HeldBack { hash: before, why: format!("the operator went back from {before_label}") };
        self.settle(name, &grants, attempt.why, Some(held_back));
        self.reroute();
        let pause_us = u64::try_from(switched.pause.as_micros()).unwrap_or(u64::MAX);
        let state_bytes = switched.state_bytes.and_then(|bytes| u64::try_from(bytes).ok());
        self.conclude(name, OutcomeKind::Swapped { version: label, pause_us, state_bytes });
        if switched.fallback.is_none() {
            self.make_good(name);
        }
        early.into_iter().for_each(|news| self.hear(news));
    }

    /// Writes down what follows for later versions from the one that has begun to run.
    fn settle(&mut self, name: &str, grants: &Grants, why: Why, went_back_from: Option<HeldBack>) {
        let Some(plugin) = self.plugins.get_mut(name) else { return };
        plugin.waiting = None;
        let before = plugin.record.clone();
        let granted = plugin.record.granted.get_or_insert_default();
        if !grants.beyond(granted).is_empty() {
            *granted = granted.with(grants);
        }
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
            Why::Start | Why::Folder | Why::Wish | Why::Promote | Why::Shadow => plugin.record.held_back = None,
        }
        if plugin.record != before {
            self.write_record(name);
        }
    }

    /// Takes what a slot says of its version on probation.
    pub(super) fn hear(&mut self, News { plugin: name, turn, what }: News) {
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

    fn reject(&mut self, name: &str, attempt: &Try, rejection: &Rejection) {
        let kind = OutcomeKind::Rejected { why: rejection.to_string() };
        if attempt.why != Why::Shadow {
            return self.conclude(name, kind);
        }
        // Of the plugin itself nothing has become.
        let Some(plugin) = self.plugins.get_mut(name) else { return };
        plugin.number = plugin.number.max(attempt.number);
        tracing::warn!(
            plugin = name,
            version = plugin.label(),
            "the candidate does not run: {}",
            QuietText(&rejection.to_string())
        );
        self.waiters.tell(&Outcome::now(name, kind), attempt.number);
    }

    /// What is tried next has its turn.
    pub(super) fn go_on(&mut self, name: &str) {
        let plugin = self.plugins.get_mut(name).filter(|plugin| !plugin.is_busy());
        let next = plugin.and_then(|plugin| plugin.next.take().or_else(|| plugin.next_terms.take()));
        if let Some(next) = next {
            self.try_now(name, next);
        }
        if self.is_untidy {
            self.tidy();
        }
    }

    /// The version that runs is one to come back to.
    fn make_good(&mut self, name: &str) {
        let most = self.settings.keep_versions + 1;
        let Some(plugin) = self.plugins.get_mut(name) else { return };
        let Some(running) = &plugin.running else { return };
        let good = &mut plugin.record.good;
        if good.first().is_some_and(|newest| newest.hash == running.hash) {
            return;
        }
        good.retain(|good| good.hash != running.hash);
        good.insert(0, Good::now(running.hash, &running.label));
        good.truncate(most);
        self.write_record(name);
        self.tidy();
    }

    pub(super) fn write_record(&self, name: &str) {
        let Some(plugin) = self.plugins.get(name) else { return };
        if let Err(error) = self.workshop.kept.records().write(name, &plugin.record) {
            tracing::error!(
                plugin = name,
                "what has become of the plugin cannot be kept, so after a restart it will not be known: {error}"
            );
        }
    }

    /// Removes kept versions to which there is no way back.
    pub(super) fn tidy(&mut self) {
        // A version that is being tried is kept already, and nothing here knows of it yet.
        self.is_untidy = self.plugins.values().any(|plugin| plugin.is_trying);
        if self.is_untidy {
            return;
        }
        let good = |plugin: &super::Plugin| plugin.record.good.iter().map(|good| good.hash).collect::<Vec<_>>();
        let mut wanted: BTreeSet<ContentHash> = self.absent.clone();
        for plugin in self.plugins.values() {
            wanted.extend(good(plugin));
            wanted.extend(plugin.running.as_ref().map(|running| running.hash));
            // The one that comes back after a probation is among these, or good.
            wanted.extend(plugin.packages.iter().map(|package| package.hash));
            wanted.extend(plugin.candidate.as_ref().map(|candidate| candidate.hash));
            wanted.extend(plugin.waiting.as_ref().map(|waiting| waiting.hash));
        }
        let tidied = self.workshop.kept.versions().retain(&wanted);
        if let Err(error) = tidied.and_then(|()| self.workshop.compiled.retain(&wanted)) {
            tracing::warn!("versions that nobody needs any more cannot be removed: {error}");
        }
    }
}

fn given<T>(reply: Result<Result<T, SwapError>, RecvError>, give: fn(T) -> Given) -> Result<Given, Rejection> {
    match reply {
        Ok(outcome) => Ok(give(outcome?)),
        Err(_) => Err(Rejection::BrokeOff("the plugin ended meanwhile".to_owned())),
    }
}
