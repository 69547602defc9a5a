//! Settings that have changed: each plugin that they concern is set up anew with them, by a swap like any other.

use std::collections::BTreeMap;

use super::{
    Roster,
    attempt::{Source, Try, Why},
};
use crate::config::{Config, Difference};

/// What decides about versions to come, and nothing about the one that runs.
const OF_LATER_VERSIONS: [&str; 2] = ["new-grants", "shadow"];

impl Roster {
    /// Takes what is in force since the settings have changed in this way; adds the attempts that follow from it to
    /// `pending`.
    pub(super) fn apply(&mut self, in_force: &Config, difference: &Difference, pending: &mut BTreeMap<String, u64>) {
        self.settings = in_force.plugins.clone();
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
    }
}
