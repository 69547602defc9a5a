//! Settings that have changed: each plugin that they concern is set up anew with them, by a swap like any other.

use std::collections::BTreeMap;

use super::{
    super::settings::Changed,
    Roster,
    attempt::{Source, Try, Why},
};

/// What decides about versions to come, and nothing about the one that runs.
const OF_LATER_VERSIONS: [&str; 2] = ["new-grants", "shadow"];

impl Roster {
    /// Takes changed settings; adds the attempts that follow from them to `pending`, and gives what the operator should
    /// know.
    pub(super) fn apply(&mut self, changed: Changed, pending: &mut BTreeMap<String, u64>) -> Vec<String> {
        let Changed { plugins, difference } = changed;
        self.settings = plugins;
        let concerned: Vec<_> = self
            .plugins
            .iter()
            .filter_map(|(name, plugin)| {
                let keys = difference.of_plugin(name);
                let running = plugin.running.as_ref()?;
                keys.iter().any(|key| !OF_LATER_VERSIONS.contains(key)).then(|| (name.clone(), running.hash))
            })
            .collect();
        for (name, running) in concerned {
            let number = self.try_it(&name, Try::new(Source::Kept(running), Why::Terms));
            pending.insert(name, number);
        }
        self.tidy();
        difference.at_restart().iter().map(|key| format!("`{key}` waits for a restart")).collect()
    }
}
