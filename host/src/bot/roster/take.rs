//! What becomes of what was loaded: a version starts, is given to the slot that runs, waits, or does not run.

use std::sync::Arc;

use super::{
    Outcome, OutcomeKind, Roster,
    attempt::{Loaded, Ready, Rejection, Source, Try, Why},
    plugin::{Running, Waiting},
    room::admit,
    switch::{Given, Switch, given},
};
use crate::{
    plugins::{
        grants::{AskedFor, Granted, Grants},
        package::PackageError,
        slot::{Manner, Slot, Version},
    },
    report::QuietText,
};

impl Roster {
    /// Takes what has been loaded.
    pub(super) fn take(&mut self, Loaded { name, attempt, result }: Loaded) {
        let Some(plugin) = self.plugins.get_mut(&name) else { return };
        plugin.is_trying = false;
        if attempt.number != plugin.tried {
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
            // It has been taken back since it was looked at, and that is what became of it.
            Ok(Ready::Unchanged(hash)) if plugin.is_taken_back(hash) => {
                plugin.end(attempt.number);
                if let Some(last) = &plugin.last {
                    self.waiters.tell(last, attempt.number);
                }
            }
            // What runs has yet to show that it is good: whoever waits wants to know that.
            Ok(Ready::Unchanged(_)) if plugin.is_on_probation() && attempt.why != Why::Shadow => {
                plugin.end(attempt.number);
                plugin.last = plugin.running.as_ref().and_then(|running| running.outcome.clone());
            }
            Ok(Ready::Unchanged(_)) => {
                let version = plugin.label().unwrap_or_default().to_owned();
                self.conclude(&name, OutcomeKind::Unchanged { version });
            }
            Ok(Ready::HeldBack) => {
                plugin.end(attempt.number);
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
    fn give(&mut self, name: &str, attempt: &Try, mut version: Version) -> Result<(), Rejection> {
        // Grants may have changed since the attempt began.
        version.regrant(&self.granted(name));
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
            self.settle(name, attempt.why, None);
            self.reroute();
            self.conclude(name, OutcomeKind::Started { version: identity.label.to_string() });
            self.say_missing(name);
            self.make_good(name);
            self.go_on(name);
            return Ok(());
        };
        plugin.is_trying = true;
        let (name, attempt) = (name.to_owned(), attempt.clone());
        if attempt.why == Why::Shadow {
            let reply = running.slot.shadow(version);
            self.switches.spawn(async move {
                let result = given(reply.await, Given::Beside);
                Switch { name, attempt, version: identity, package, result }
            });
        } else {
            let manner = Manner { with_state: !attempt.without_state, on_probation: attempt.why != Why::Rollback };
            let reply = running.slot.swap(version, manner);
            self.switches.spawn(async move {
                let result = given(reply.await, |switched| Given::Over(Box::new(switched)));
                Switch { name, attempt, version: identity, package, result }
            });
        }
        Ok(())
    }

    /// What is granted to a plugin.
    pub(super) fn granted(&self, name: &str) -> Granted {
        let by_command = self.plugins.get(name).and_then(|plugin| plugin.record.granted.as_ref());
        Granted::new(self.settings.terms(name), by_command.unwrap_or(&Grants::default()))
    }

    /// What a version asks for and is not granted, if it has to wait for that: the one that runs did not ask for it.
    fn beyond(&self, name: &str, why: Why, version: &Version) -> Option<Waiting> {
        let running = self.plugins.get(name)?.running.as_ref()?;
        // What ran before is to run again whatever it may, and what runs beside has no effect.
        if matches!(why, Why::Rollback | Why::Restore | Why::Shadow) {
            return None;
        }
        let missing = self.granted(name).missing(&version.asks);
        let is_new = !missing.beyond(&running.asks).is_empty();
        is_new.then(|| Waiting { hash: version.hash(), label: Arc::clone(&version.label), missing })
    }

    /// Says what the version that runs asks for and is not granted.
    pub(super) fn say_missing(&self, name: &str) {
        let Some(running) = self.plugins.get(name).and_then(|plugin| plugin.running.as_ref()) else { return };
        let missing = self.granted(name).missing(&running.asks);
        if !missing.is_empty() {
            let lines: Vec<String> = running.asks.lines_for(name).collect();
            tracing::warn!(
                plugin = name,
                version = &*running.label,
                "not granted, and refused: {}; to grant all that it asks for, say `cometbot grant {name}` or write into \
                 bot.toml: {}",
                AskedFor(&missing),
                lines.join(" ")
            );
        }
    }

    fn hold(&mut self, name: &str, waiting: Waiting) {
        let kind = OutcomeKind::Waiting {
            version: waiting.label.to_string(),
            grants: serde_json::to_value(&waiting.missing).unwrap_or_default(),
            text: AskedFor(&waiting.missing).to_string(),
        };
        if let Some(plugin) = self.plugins.get_mut(name) {
            plugin.waiting = Some(waiting);
        }
        self.conclude(name, kind);
    }

    pub(super) fn reject(&mut self, name: &str, attempt: &Try, rejection: &Rejection) {
        let kind = OutcomeKind::Rejected { why: rejection.to_string() };
        if attempt.why != Why::Shadow {
            return self.conclude(name, kind);
        }
        // Of the plugin itself nothing has become.
        let Some(plugin) = self.plugins.get_mut(name) else { return };
        plugin.end(attempt.number);
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
}
