//! The operator's wishes, as they come over the control socket.

use std::{collections::BTreeMap, fs, io, path::Path};

use tokio::sync::oneshot;

use super::{
    super::control::{Answer, Request},
    Inputs, OutcomeKind, Roster,
    attempt::{Source, Try, Why},
    plugin::Plugin,
    report::report,
};
use crate::plugins::folder::Change;

/// Why a wish is not fulfilled, in words that say what to do.
pub(super) type Refusal = String;

impl Roster {
    /// Answers a request, at once or when what it asks for has an outcome.
    pub(super) async fn answer(&mut self, request: Request, reply: oneshot::Sender<Answer>, inputs: &mut Inputs<'_>) {
        let answered = match request {
            Request::Plugins {} => Ok(self.reports()),
            Request::Reload { plugin: Some(name), wait, without_state } => {
                let attempt = self.reload(&name, without_state);
                return self.attempt(&name, attempt, wait, reply);
            }
            Request::Reload { plugin: None, wait, .. } => return self.reload_all(wait, reply, inputs).await,
            Request::Rollback { plugin, wait } => {
                let attempt = self.rollback(&plugin);
                return self.attempt(&plugin, attempt, wait, reply);
            }
            Request::Grant { plugin, wait } => {
                let attempt = self.grant(&plugin);
                return self.attempt(&plugin, attempt, wait, reply);
            }
            Request::Revoke { plugin } => self.revoke(&plugin),
            Request::Promote { plugin, wait } => {
                let attempt = self.promote(&plugin);
                return self.attempt(&plugin, attempt, wait, reply);
            }
            Request::Shadow { plugin, file } => match self.must_run(&plugin) {
                Ok(()) => {
                    let number = self.try_it(&plugin, Try::new(Source::File(file), Why::Shadow));
                    self.waiters.add_beside(&plugin, number, reply);
                    return;
                }
                Err(refusal) => Err(refusal),
            },
            Request::Enable { plugin } => {
                let attempt = self.enable(&plugin);
                return self.attempt(&plugin, attempt, true, reply);
            }
            Request::Disable { plugin } => self.disable(&plugin),
            Request::Unshadow { plugin } => self.unshadow(&plugin),
            Request::QuarantineList { plugin } => Ok(self.list_failed(plugin.as_deref())),
            Request::QuarantineShow { plugin, id } => self.show_failed(&plugin, &id),
            Request::QuarantineRedrive { plugin, id } => self.redrive(&plugin, id.as_deref()),
            Request::QuarantineDrop { plugin, id } => self.drop_failed(&plugin, id.as_deref()),
        };
        // Somebody who has gone meanwhile needs no answer.
        let _ = reply.send(answered.unwrap_or_else(|why| Answer::Refused { why }));
    }

    fn reports(&self) -> Answer {
        let quarantine = self.workshop.kept.quarantine();
        let reports =
            self.plugins.iter().map(|(name, plugin)| report(name, plugin, &self.granted(name), quarantine.count(name)));
        Answer::Plugins { plugins: reports.collect() }
    }

    /// Tries something on the operator's behalf; the answer comes when it has an outcome, if that is wanted.
    fn attempt(&mut self, name: &str, attempt: Result<Try, Refusal>, wait: bool, reply: oneshot::Sender<Answer>) {
        let attempt = match attempt {
            Ok(attempt) => attempt,
            Err(why) => {
                let _ = reply.send(Answer::Refused { why });
                return;
            }
        };
        let number = self.try_it(name, attempt);
        if wait {
            self.waiters.add(BTreeMap::from([(name.to_owned(), number)]), Vec::new(), reply);
        } else {
            let text = format!("{name}: on its way; `cometbot plugins {name}` tells what becomes of it");
            let _ = reply.send(Answer::Done { text });
        }
    }

    fn reload(&self, name: &str, without_state: bool) -> Result<Try, Refusal> {
        let plugin = self.enabled(name)?;
        let path = plugin.path.clone().ok_or_else(|| no_file(name))?;
        Ok(Try { without_state, ..Try::new(Source::File(path), Why::Wish) })
    }

    /// bot.toml and the whole folder.
    async fn reload_all(&mut self, wait: bool, reply: oneshot::Sender<Answer>, inputs: &mut Inputs<'_>) {
        let mut pending = BTreeMap::new();
        let difference = match inputs.live.reread().await {
            Ok(difference) => difference,
            Err(error) => {
                let _ = reply.send(Answer::Refused { why: format!("nothing is applied: {error}") });
                return;
            }
        };
        self.apply(inputs.live.in_force(), &difference, &mut pending);
        let at_restart = difference.at_restart().iter();
        let notes: Vec<String> = at_restart.map(|key| format!("`{key}` waits for a restart of the bot")).collect();
        let changes = match inputs.watch.look_now() {
            Ok(changes) => changes,
            Err(error) => {
                let _ = reply.send(Answer::Refused { why: error.to_string() });
                return;
            }
        };
        for change in &changes {
            let number = self.next_number();
            match change {
                // What is disabled has no outcome.
                Change::Present { name, .. } if self.plugin(name).record.disabled => {}
                Change::Present { name, .. } | Change::Removed { name } => {
                    pending.insert(name.clone(), number);
                }
                Change::Ignored { .. } => {}
            }
        }
        // And what is under way already.
        for (name, plugin) in &self.plugins {
            if plugin.is_busy() {
                let newest = plugin.next.as_ref().map_or(plugin.tried, |next| next.number);
                pending.entry(name.clone()).or_insert(newest);
            } else if plugin.is_on_probation() {
                pending.entry(name.clone()).or_insert(plugin.ended);
            }
        }
        // Some have an outcome at once.
        let follow = |roster: &mut Self| changes.into_iter().for_each(|change| roster.follow(change, Why::Wish));
        if wait {
            self.waiters.add(pending, notes, reply);
            follow(self);
        } else {
            follow(self);
            let text = match pending.len() {
                0 => "nothing has changed".to_owned(),
                1 => "one plugin is on its way".to_owned(),
                many => format!("{many} plugins are on their way"),
            };
            let text = std::iter::once(text).chain(notes).collect::<Vec<_>>().join("; ");
            let _ = reply.send(Answer::Done { text });
        }
    }

    fn rollback(&self, name: &str) -> Result<Try, Refusal> {
        let plugin = self.enabled(name)?;
        let running = plugin.running.as_ref().map(|running| running.hash);
        // The newest good version that is older than the running one; of one that is not good yet, the newest.
        let good = &plugin.record.good;
        let at = good.iter().position(|good| Some(good.hash) == running).map_or(0, |at| at + 1);
        match good.get(at) {
            Some(good) => Ok(Try::new(Source::Kept(good.hash), Why::Rollback)),
            None => Err(format!("of {name} no earlier version is kept: put its file into the folder")),
        }
    }

    /// The candidate becomes the plugin's file, if it is another one, and takes over.
    fn promote(&mut self, name: &str) -> Result<Try, Refusal> {
        let plugin = self.known(name)?;
        let candidate = plugin.candidate.as_ref().ok_or_else(|| format!("no candidate runs beside {name}"))?;
        let path = plugin.path.clone().ok_or_else(|| no_file(name))?;
        let hash = candidate.hash;
        let bytes = self.workshop.kept.versions().get(hash);
        let bytes = bytes.ok().flatten().ok_or("the candidate's file is not kept any more: let it run beside anew")?;
        install(&path, &bytes).map_err(|error| {
            format!("cannot write {} ({error}): copy the candidate's file there yourself", path.display())
        })?;
        Ok(Try::new(Source::Kept(hash), Why::Promote))
    }

    fn enable(&mut self, name: &str) -> Result<Try, Refusal> {
        let plugin = self.known_mut(name)?;
        if !plugin.record.disabled {
            return Err(format!("{name} is not disabled"));
        }
        let path = plugin.path.clone().ok_or_else(|| no_file(name))?;
        plugin.record.disabled = false;
        self.write_record(name);
        Ok(Try::new(Source::File(path), Why::Enable))
    }

    fn disable(&mut self, name: &str) -> Result<Answer, Refusal> {
        let number = self.next_number();
        let plugin = self.known_mut(name)?;
        if plugin.record.disabled {
            return Err(format!("{name} is disabled already"));
        }
        plugin.path.as_ref().ok_or_else(|| no_file(name))?;
        plugin.record.disabled = true;
        plugin.give_up(number);
        let is_leaving = plugin.is_leaving;
        self.write_record(name);
        if !self.unload(name, OutcomeKind::Disabled) && !is_leaving {
            self.conclude(name, OutcomeKind::Disabled);
        }
        Ok(Answer::Done { text: format!("{name} is disabled: it finishes what waits, and then nothing of it runs") })
    }

    fn unshadow(&mut self, name: &str) -> Result<Answer, Refusal> {
        let plugin = self.known_mut(name)?;
        let candidate = plugin.candidate.take().ok_or_else(|| format!("no candidate runs beside {name}"))?;
        if let Some(running) = &plugin.running {
            running.slot.end_shadow();
        }
        Ok(Answer::Done { text: format!("the candidate {} of {name} is gone", candidate.label) })
    }

    fn known(&self, name: &str) -> Result<&Plugin, Refusal> {
        self.plugins.get(name).ok_or_else(|| unknown(name))
    }

    fn enabled(&self, name: &str) -> Result<&Plugin, Refusal> {
        let plugin = self.known(name)?;
        if plugin.record.disabled {
            return Err(format!("{name} is disabled: say `cometbot enable {name}`"));
        }
        Ok(plugin)
    }

    pub(super) fn known_mut(&mut self, name: &str) -> Result<&mut Plugin, Refusal> {
        self.plugins.get_mut(name).ok_or_else(|| unknown(name))
    }

    pub(super) fn must_run(&self, name: &str) -> Result<(), Refusal> {
        if self.known(name)?.running.is_some() { Ok(()) } else { Err(not_running(name)) }
    }
}

fn unknown(name: &str) -> Refusal {
    format!("there is no plugin {name}: `cometbot plugins` lists them")
}

pub(super) fn no_file(name: &str) -> Refusal {
    format!("the file of {name} is gone: put it into the folder")
}

pub(super) fn not_running(name: &str) -> Refusal {
    format!("no version of {name} runs: `cometbot plugins {name}` says why")
}

/// Puts a plugin's file into its place, whole or not at all.
fn install(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if fs::read(path).is_ok_and(|present| present == bytes) {
        return Ok(());
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // A dot file is no plugin.
    let temporary = path.with_file_name(format!(".{name}.promoted"));
    let placed = fs::write(&temporary, bytes).and_then(|()| fs::rename(&temporary, path));
    if placed.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    placed
}
