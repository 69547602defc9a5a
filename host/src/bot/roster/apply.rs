//! Settings that have changed: each plugin that they concern is set up anew with them, by a swap like any other.

use std::collections::BTreeMap;

use super::{
    Roster,
    attempt::{Source, Try, Why},
};
use crate::config::{Config, Difference};

/// What decides about versions to come, and nothing about the one that runs.
const OF_LATER_VERSIONS: [&str; 1] = ["shadow"];
/// What changes what a plugin may do.
const OF_GRANTS: [&str; 2] = ["grants", "new-grants"];

impl Roster {
    /// Takes what is in force since the settings have changed in this way; adds the attempts that follow from it to
    /// `pending`.
    pub(super) fn apply(&mut self, in_force: &Config, difference: &Difference, pending: &mut BTreeMap<String, u64>) {
        self.settings = in_force.plugins.clone();
        let is_roomier = difference.applied().iter().any(|key| key == "plugins.max");
        let is_of_grants = |name: &str| difference.of_plugin(name).iter().any(|key| OF_GRANTS.contains(key));
        // What was taken back is gone at once, whatever becomes of the attempts.
        let regranted: Vec<_> = self.plugins.keys().filter(|name| is_of_grants(name)).cloned().collect();
        regranted.iter().for_each(|name| self.regrant(name));
        let concerned: Vec<_> = self
            .plugins
            .iter()
            .filter_map(|(name, plugin)| {
                let keys = difference.of_plugin(name);
                let attempt = match (&plugin.running, &plugin.path) {
                    // What waits may have been granted.
                    (Some(_), Some(path)) if plugin.waiting.is_some() && regranted.contains(name) => {
                        Try::new(Source::File(path.clone()), Why::Folder)
                    }
                    (Some(running), _) if keys.iter().any(|key| !OF_LATER_VERSIONS.contains(key)) => {
                        Try::new(Source::Kept(running.hash), Why::Terms)
                    }
                    // It may be what it could not run for.
                    (None, Some(path)) if !plugin.record.disabled && (is_roomier || !keys.is_empty()) => {
                        Try::new(Source::File(path.clone()), Why::Folder)
                    }
                    _ => return None,
                };
                Some((name.clone(), attempt))
            })
            .collect();
        for (name, attempt) in concerned {
            let number = self.try_it(&name, attempt);
            pending.insert(name, number);
        }
        self.tidy();
    }
}
