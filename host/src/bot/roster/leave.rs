//! How a plugin goes: removed with its file, or disabled. What waits for it is handled first.

use tokio::task::JoinError;

use super::{OutcomeKind, Roster, plugin::Plugin};
use crate::plugins::kept::Record;

impl Roster {
    /// Lets a plugin go, with its file. What waits for it is handled first, and nobody waits for that.
    pub(super) fn remove(&mut self, name: &str) {
        let number = self.next_number();
        let Some(plugin) = self.plugins.get_mut(name) else { return };
        plugin.path = None;
        plugin.give_up(number);
        // What was granted and whether it is disabled holds for the file that comes next, as it may be a copy away.
        let Record { disabled, granted, .. } = std::mem::take(&mut plugin.record);
        plugin.record = Record { disabled, granted, ..Record::default() };
        let is_leaving = plugin.is_leaving;
        self.write_record(name);
        if !self.unload(name, OutcomeKind::Removed) && !is_leaving {
            self.conclude(name, OutcomeKind::Removed);
            self.forget_if_gone(name);
        }
    }

    /// A plugin of which nothing is left is not listed either.
    pub(super) fn forget_if_gone(&mut self, name: &str) {
        if self.plugins.get(name).is_some_and(Plugin::is_gone) {
            self.plugins.remove(name);
        }
    }

    /// Ends a plugin after it has handled what waits, and says so as this outcome. False if it does not run.
    pub(super) fn unload(&mut self, name: &str, outcome: OutcomeKind) -> bool {
        let Some(plugin) = self.plugins.get_mut(name) else { return false };
        let Some(running) = plugin.running.take() else { return false };
        plugin.is_leaving = true;
        self.reroute();
        let name = name.to_owned();
        self.leaving.spawn(async move {
            running.slot.drain().await;
            (name, outcome)
        });
        true
    }

    /// Takes that a slot has finished what waited.
    pub(super) fn left(&mut self, left: Result<(String, OutcomeKind), JoinError>) {
        let Ok((name, outcome)) = left else { return };
        // What the slot said until its end is not to be taken for the next one's.
        self.catch_up();
        let Some(plugin) = self.plugins.get_mut(&name) else { return };
        plugin.is_leaving = false;
        // One that was disabled may have lost its file since.
        let outcome = if plugin.path.is_none() { OutcomeKind::Removed } else { outcome };
        self.conclude(&name, outcome);
        self.forget_if_gone(&name);
        // It may have come back meanwhile.
        self.go_on(&name);
    }
}
