//! What is kept of versions for later: which one is good, what is known of a plugin beyond this run, and the bytes of the
//! versions to which there is a way back.

use std::collections::BTreeSet;

use super::{Roster, plugin::Plugin};
use crate::plugins::{kept::Good, package::ContentHash};

impl Roster {
    /// The version that runs is one to come back to.
    pub(super) fn make_good(&mut self, name: &str) {
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

    /// Writes what is known of a plugin beyond this run.
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
        let good = |plugin: &Plugin| plugin.record.good.iter().map(|good| good.hash).collect::<Vec<_>>();
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
