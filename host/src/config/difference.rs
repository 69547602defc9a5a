//! From the configuration that runs to one that was read anew: what is in force afterwards, and what waits for a restart.
//! Pure. Called by `bot::settings`.

use std::collections::{BTreeMap, BTreeSet};

use super::{CompileBounds, Config, Embedded, Log, PluginTerms, Plugins, Service, server};

/// What the engine has reserved at its start, and cannot get more of while it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reserved {
    /// Plugins that have room at the same time.
    pub plugins: usize,
    /// Memory that each of them has room for, in bytes.
    pub memory_bytes: usize,
    /// Whether what plugins compute can be metered.
    pub metered: bool,
}

impl Reserved {
    /// What a bot reserves that is started with `plugins`.
    #[must_use]
    pub fn at_start(plugins: &Plugins) -> Self {
        Self { plugins: plugins.max, memory_bytes: plugins.largest_memory_bytes(), metered: plugins.is_metered() }
    }

    /// As much of `plugins` as there is room for.
    fn bound(self, mut plugins: Plugins) -> Plugins {
        plugins.max = plugins.max.min(self.plugins);
        for terms in plugins.named.values_mut().chain([&mut plugins.defaults]) {
            terms.memory_bytes = terms.memory_bytes.min(self.memory_bytes);
            terms.fuel_per_event = terms.fuel_per_event.filter(|_| self.metered);
        }
        plugins
    }
}

impl Config {
    /// What is in force in a bot that runs with this and is told to run as `wanted`: what can change while it runs is as
    /// wanted, the rest stays as it is until it is started anew.
    #[must_use]
    pub fn followed_by(&self, wanted: &Self, reserved: Reserved) -> Self {
        let plugins = reserved.bound(wanted.plugins.clone());
        Self {
            server: self.server.clone(),
            embedded: self.embedded.clone(),
            plugins: Plugins { folder: self.plugins.folder.clone(), stack_bytes: self.plugins.stack_bytes, ..plugins },
            service: Service { drain: wanted.service.drain, ..self.service.clone() },
            log: Log { format: self.log.format, level: wanted.log.level.clone() },
            exposed: wanted.exposed.clone(),
        }
    }
}

/// What a configuration that was read anew changes. A key whose value is the same, in whatever words, is in none of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    applied: Vec<String>,
    at_restart: Vec<String>,
    /// The keys of plugins that the one or the other configuration names.
    named: BTreeMap<String, Vec<&'static str>>,
    /// The keys of all other plugins.
    defaults: Vec<&'static str>,
}

impl Difference {
    /// From `running` to `in_force`, which it has become, where `wanted` was written.
    #[must_use]
    pub fn between(running: &Config, in_force: &Config, wanted: &Config) -> Self {
        let named = names(&running.plugins, &in_force.plugins)
            .map(|name| (name.clone(), running.plugins.terms(name).differing(in_force.plugins.terms(name))));
        Self {
            applied: keys(running, in_force),
            at_restart: keys(in_force, wanted),
            named: named.collect(),
            defaults: running.plugins.defaults.differing(&in_force.plugins.defaults),
        }
    }

    /// The keys that are in force from now on, as in `plugin.karma.memory-mib`.
    #[must_use]
    pub fn applied(&self) -> &[String] {
        &self.applied
    }

    /// The keys that are right but wait for a restart.
    #[must_use]
    pub fn at_restart(&self) -> &[String] {
        &self.at_restart
    }

    /// The keys, as in `memory-mib`, of what the plugin called `name` gets that are not as before: it may have them from
    /// a table of its own, or from [defaults].
    #[must_use]
    pub fn of_plugin(&self, name: &str) -> &[&'static str] {
        self.named.get(name).unwrap_or(&self.defaults)
    }
}

fn names<'a>(old: &'a Plugins, new: &'a Plugins) -> impl Iterator<Item = &'a String> {
    let names: BTreeSet<&String> = old.named.keys().chain(new.named.keys()).collect();
    names.into_iter()
}

/// Every key that says something else in `new`. All structs are taken apart to the last field, so that a new one cannot
/// be forgotten here.
fn keys(old: &Config, new: &Config) -> Vec<String> {
    // Who can read a file is no key.
    let Config { server, embedded, plugins, service, log, exposed: _ } = old;
    let tables = [
        ("server", server::differing(server, &new.server)),
        ("embedded", of_embedded(embedded, &new.embedded)),
        ("plugins", of_plugins(plugins, &new.plugins)),
        ("defaults", plugins.defaults.differing(&new.plugins.defaults)),
        ("service", of_service(service, &new.service)),
        ("log", of_log(log, &new.log)),
    ];
    let of_tables =
        tables.into_iter().flat_map(|(table, keys)| keys.into_iter().map(move |key| format!("{table}.{key}")));
    of_tables.chain(of_single_plugins(plugins, &new.plugins)).collect()
}

/// The keys of pairs whose values differ.
pub(super) fn that_differ<const N: usize>(pairs: [(&'static str, bool); N]) -> Vec<&'static str> {
    pairs.into_iter().filter_map(|(key, differs)| differs.then_some(key)).collect()
}

fn of_embedded(old: &Embedded, new: &Embedded) -> Vec<&'static str> {
    let Embedded { listen, logs, users_file, password, faults, era } = old;
    that_differ([
        ("listen", *listen != new.listen),
        ("logs", *logs != new.logs),
        ("users-file", *users_file != new.users_file),
        // It may stand in a file, of which only the content counts.
        ("password", *password != new.password),
        ("faults", *faults != new.faults),
        ("era", *era != new.era),
    ])
}

fn of_plugins(old: &Plugins, new: &Plugins) -> Vec<&'static str> {
    let Plugins { folder, max, keep_versions, stack_bytes, file_bytes, compile, defaults: _, named: _ } = old;
    let CompileBounds { time, memory_bytes } = compile;
    that_differ([
        ("folder", *folder != new.folder),
        ("max", *max != new.max),
        ("keep-versions", *keep_versions != new.keep_versions),
        ("stack-kib", *stack_bytes != new.stack_bytes),
        ("file-mib", *file_bytes != new.file_bytes),
        ("compile-seconds", *time != new.compile.time),
        ("compile-memory-mib", *memory_bytes != new.compile.memory_bytes),
    ])
}

fn of_single_plugins(old: &Plugins, new: &Plugins) -> Vec<String> {
    let of_all = old.defaults.differing(&new.defaults);
    let keys = names(old, new).flat_map(|name| {
        let (was, is): (&PluginTerms, &PluginTerms) = (old.terms(name), new.terms(name));
        let own = is.differing(&new.defaults);
        // What it merely has from [defaults] is named there.
        let own = was.differing(is).into_iter().filter(|key| own.contains(key) || !of_all.contains(key));
        own.map(|key| format!("plugin.{name}.{key}")).collect::<Vec<_>>()
    });
    keys.collect()
}

fn of_service(old: &Service, new: &Service) -> Vec<&'static str> {
    let Service { outbox_bytes, outbox_sends, outbox, delivery, metrics, state_folder, control, drain } = old;
    let folder = |outbox: &super::Outbox| match outbox {
        super::Outbox::Memory => None,
        super::Outbox::Disk(folder) => Some(folder.clone()),
    };
    let (was, is) = (folder(outbox), folder(&new.outbox));
    that_differ([
        ("outbox-mib", *outbox_bytes != new.outbox_bytes),
        ("outbox-sends", *outbox_sends != new.outbox_sends),
        ("outbox", was.is_some() != is.is_some()),
        ("outbox-folder", was.is_some() && is.is_some() && was != is),
        ("delivery", *delivery != new.delivery),
        ("metrics", *metrics != new.metrics),
        ("state-folder", *state_folder != new.state_folder),
        ("control-socket", *control != new.control),
        ("drain-seconds", *drain != new.drain),
    ])
}

fn of_log(old: &Log, new: &Log) -> Vec<&'static str> {
    let Log { format, level } = old;
    that_differ([("format", *format != new.format), ("level", *level != new.level)])
}

#[cfg(test)]
mod tests;
