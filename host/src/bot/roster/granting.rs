//! The operator's wishes that concern grants: give what a plugin asks for, take it back. bot.toml's come by `apply`.

use super::{
    super::control::Answer,
    Roster,
    attempt::{Source, Try, Why},
    requests::{Refusal, no_file},
};
use crate::plugins::grants::{AskedFor, Grants};

impl Roster {
    /// Grants what waits, or what the version that runs asks for and does not have.
    pub(super) fn grant(&mut self, name: &str) -> Result<Try, Refusal> {
        let granted = self.granted(name);
        let plugin = self.known_mut(name)?;
        let path = plugin.path.clone().ok_or_else(|| no_file(name))?;
        let running = plugin.running.as_ref().map(|running| running.hash);
        let (hash, label, missing) = match (plugin.waiting.take(), &plugin.running) {
            (Some(waiting), _) => (waiting.hash, waiting.label, waiting.missing),
            (None, Some(running)) => (running.hash, running.label.clone(), granted.missing(&running.asks)),
            (None, None) => return Err(format!("no version of {name} runs or waits: there is nothing to grant")),
        };
        if missing.is_empty() {
            return Err(format!("{name} has all that it asks for, and no version of it waits"));
        }
        let by_command = plugin.record.granted.get_or_insert_default();
        *by_command = by_command.with(&missing);
        tracing::info!(plugin = name, version = &*label, "granted: {}", AskedFor(&missing));
        self.write_record(name);
        Ok(match running == Some(hash) {
            // It waits with its new settings, or runs with less than it asked for.
            true => Try::new(Source::Kept(hash), Why::Terms),
            false => Try::new(Source::File(path), Why::Wish),
        })
    }

    /// Takes back what was granted by command. What runs goes on with less, from its next event on.
    pub(super) fn revoke(&mut self, name: &str) -> Result<Answer, Refusal> {
        let plugin = self.known_mut(name)?;
        // None is left as it was: nothing was ever decided.
        let taken = plugin.record.granted.as_mut().map(std::mem::take).filter(|granted| !granted.is_empty());
        let taken: Grants = taken.ok_or_else(|| {
            format!("nothing was granted to {name} by command; what bot.toml grants is changed there")
        })?;
        tracing::info!(plugin = name, version = plugin.label(), "taken back: {}", AskedFor(&taken));
        self.write_record(name);
        self.regrant(name);
        let text = format!("{name}: taken back: {}; what bot.toml grants stays", AskedFor(&taken));
        Ok(Answer::Done { text })
    }

    /// Lets what runs do what is granted now, and nothing else.
    pub(super) fn regrant(&mut self, name: &str) {
        let granted = self.granted(name);
        let Some(plugin) = self.plugins.get_mut(name) else { return };
        let Some(running) = &mut plugin.running else { return };
        running.regrant(&granted);
        // Before the routes: what comes from now on finds the slot ready for it.
        running.slot.regrant(granted);
        plugin.candidate = None;
        self.reroute();
    }
}
