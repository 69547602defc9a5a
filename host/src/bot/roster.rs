//! The plugins that run, and what becomes of them when files come, change and go.
//!
//! A new version is compiled and set up beside the running one and takes over only when it is ready, so that one that
//! cannot run replaces nothing. Each attempt has an [`Outcome`], and each outcome one line in the log.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::{Semaphore, watch},
    task::JoinSet,
};

use super::inlet::SlotRoutes;
use crate::{
    comet::{link::Port, name::PipeName, outbox::Bounds},
    config,
    metrics::Metrics,
    plugins::{
        folder::Change,
        grants::Grants,
        package::{ContentHash, Package, PackageError},
        sandbox::Sandbox,
        slot::{Slot, StartError, Starter, Version},
    },
    report::{Quiet, QuietText},
    router::Routes,
};

/// The most pipes that are heard: 64 connections full.
const PIPES_MAX: usize = 2048;

/// What became of a file that changed.
#[derive(Debug)]
pub enum Outcome {
    /// A plugin runs that did not run before.
    Started,
    /// A new version has taken over.
    Swapped,
    /// The file has the content that runs already.
    Unchanged,
    /// The file is no plugin that can run. If a version was running, it goes on.
    Rejected(Rejection),
    /// The plugin is gone with its file.
    Removed,
}

/// Why a file does not run.
#[derive(Debug, thiserror::Error)]
pub enum Rejection {
    /// It cannot be loaded.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// It cannot be started.
    #[error(transparent)]
    Start(#[from] StartError),
    /// There are too many.
    #[error("no more than {0} plugins may run: remove one, or raise `max` in [plugins]")]
    TooMany(usize),
    /// So many connections would be too many for a server. The pipes of those that run already come first.
    #[error(
        "it hears pipes that make {0} with those of the plugins that run, and {PIPES_MAX} is the most: let it hear \
         fewer, or run it in a bot of its own"
    )]
    TooManyPipes(usize),
    /// Loading it ended in a way that should not be possible.
    #[error("loading it broke off: {0}")]
    BrokeOff(tokio::task::JoinError),
}

/// One running plugin.
struct Running {
    slot: Slot,
    /// Makes its versions: the way out of a plugin stays the same from one to the next.
    starter: Starter,
    hash: ContentHash,
    label: Arc<str>,
    grants: Arc<Grants>,
}

/// The running plugins.
pub(super) struct Roster {
    sandbox: Arc<Sandbox>,
    settings: config::Plugins,
    port: Port,
    bounds: Bounds,
    metrics: Metrics,
    running: BTreeMap<String, Running>,
    routes: watch::Sender<Arc<SlotRoutes>>,
    subscription: watch::Sender<Arc<BTreeSet<PipeName>>>,
    names: watch::Sender<Vec<String>>,
    /// Plugins whose file is gone and that finish what waits.
    leaving: JoinSet<()>,
}

impl Roster {
    /// For plugins whose sends wait in lanes of these bounds. The pipes that they hear are shown as `subscription`.
    pub(super) fn new(
        sandbox: Arc<Sandbox>,
        settings: config::Plugins,
        port: Port,
        bounds: Bounds,
        subscription: watch::Sender<Arc<BTreeSet<PipeName>>>,
        metrics: Metrics,
    ) -> Self {
        Self {
            sandbox,
            settings,
            port,
            bounds,
            metrics,
            running: BTreeMap::new(),
            routes: watch::Sender::default(),
            subscription,
            names: watch::Sender::default(),
            leaving: JoinSet::new(),
        }
    }

    /// From now on versions are made on the terms of `settings`.
    pub(super) fn adopt(&mut self, settings: config::Plugins) {
        self.settings = settings;
    }

    pub(super) fn routes(&self) -> watch::Receiver<Arc<SlotRoutes>> {
        self.routes.subscribe()
    }

    /// The names of the plugins that run.
    pub(super) fn names(&self) -> watch::Receiver<Vec<String>> {
        self.names.subscribe()
    }

    /// Follows the folder: loads what is new, beside what runs, and lets go of what is gone.
    ///
    /// May be dropped half way, when the bot stops: what runs then is what is drained.
    pub(super) async fn follow(&mut self, changes: Vec<Change>) {
        let mut loads = JoinSet::new();
        // Compiling is work for all processors already.
        let turns = Arc::new(Semaphore::new(std::thread::available_parallelism().map_or(1, usize::from)));
        for (place, change) in changes.into_iter().enumerate() {
            match change {
                Change::Present { name, path } => {
                    let running = self.running.get(&name).map(|running| running.hash);
                    let starter = self.starter(&name);
                    let (sandbox, turns) = (Arc::clone(&self.sandbox), Arc::clone(&turns));
                    loads.spawn(async move {
                        let loaded = load(sandbox, &starter, path, running, turns).await;
                        (place, name, loaded.map(|version| version.map(|version| (starter, version))))
                    });
                }
                Change::Removed { name } => self.remove(name),
                Change::Ignored { path, why } => {
                    tracing::warn!(file = %Quiet(&path.display().to_string()), "not taken as a plugin: {why}");
                }
            }
        }
        // Taken in the order of the names, whatever is ready first: where there is no room for all, the same ones run
        // each time.
        let mut ready = BTreeMap::new();
        while let Some(loaded) = loads.join_next().await {
            match loaded {
                Ok((place, name, loaded)) => {
                    ready.insert(place, (name, loaded));
                }
                Err(broke_off) => report("?", &Outcome::Rejected(Rejection::BrokeOff(broke_off)), None),
            }
        }
        for (name, loaded) in ready.into_values() {
            let outcome = self.take(&name, loaded);
            report(&name, &outcome, self.running.get(&name));
        }
    }

    /// Lets every plugin finish what waits, and ends it. The subscription stays, and with it the connection, over which
    /// their last sends leave.
    pub(super) async fn drain(&mut self, bound: Duration) {
        self.routes.send_replace(Arc::default());
        let mut drains = std::mem::take(&mut self.leaving);
        for (name, running) in std::mem::take(&mut self.running) {
            drains.spawn(async move {
                let tally = running.slot.drain().await;
                let (handled, failed) = (tally.events_handled(), tally.events_failed());
                tracing::info!(plugin = name, version = &*running.label, handled, failed, "stopped");
            });
        }
        let all = async { while drains.join_next().await.is_some() {} };
        if tokio::time::timeout(bound, all).await.is_err() {
            tracing::warn!("some plugins did not finish within {} s and are ended", bound.as_secs());
        }
    }

    fn starter(&self, name: &str) -> Starter {
        match self.running.get(name) {
            Some(running) => running.starter.clone(),
            None => {
                let terms = self.settings.terms(name).clone();
                Starter::new(Arc::clone(&self.sandbox), name, terms, &self.port, self.bounds, self.metrics.plugin(name))
            }
        }
    }

    fn take(&mut self, name: &str, loaded: Result<Option<(Starter, Version)>, Rejection>) -> Outcome {
        let (starter, version) = match loaded {
            Ok(Some(loaded)) => loaded,
            Ok(None) => return Outcome::Unchanged,
            Err(rejection) => return Outcome::Rejected(rejection),
        };
        let others = self.running.iter().filter(|(other, _)| *other != name).map(|(_, running)| &*running.grants);
        if let Err(rejection) = admit(others, &version.grants, self.settings.max) {
            return Outcome::Rejected(rejection);
        }
        let (hash, label, grants) = (version.hash(), Arc::clone(&version.label), Arc::clone(&version.grants));
        let outcome = if let Some(running) = self.running.get_mut(name) {
            running.slot.swap(version);
            (running.hash, running.label, running.grants) = (hash, label, grants);
            Outcome::Swapped
        } else {
            let slot = Slot::start(starter.clone(), version);
            self.running.insert(name.to_owned(), Running { slot, starter, hash, label, grants });
            Outcome::Started
        };
        self.reroute();
        outcome
    }

    /// Lets a plugin go. What waits for it is handled first, and nobody waits for that.
    fn remove(&mut self, name: String) {
        while self.leaving.try_join_next().is_some() {}
        let Some(running) = self.running.remove(&name) else { return };
        self.reroute();
        self.leaving.spawn(async move {
            running.slot.drain().await;
            report(&name, &Outcome::Removed, None);
        });
    }

    /// Makes the routes anew, and the subscription if it changes.
    fn reroute(&self) {
        let routes = Routes::new(self.running.values().flat_map(|running| {
            let queue = running.slot.queue();
            running.grants.hear.iter().map(move |heard| (Arc::clone(queue), &heard.pipe, &*heard.events))
        }));
        self.names.send_replace(self.running.keys().cloned().collect());
        let pipes = routes.subscription();
        self.routes.send_replace(Arc::new(routes));
        self.subscription.send_if_modified(|subscribed| {
            let changed = **subscribed != pipes;
            if changed {
                *subscribed = Arc::new(pipes);
            }
            changed
        });
    }
}

/// Whether there is room for a plugin with these grants beside `others`, of which `max` may run.
///
/// # Errors
/// The [`Rejection`] that says of what there would be too much.
pub fn admit<'a>(others: impl Iterator<Item = &'a Grants>, grants: &'a Grants, max: usize) -> Result<(), Rejection> {
    let mut plugins = 0;
    let counted = others.inspect(|_| plugins += 1);
    let pipes: BTreeSet<&PipeName> = counted.chain([grants]).flat_map(Grants::subscribed).collect();
    if pipes.len() > PIPES_MAX {
        return Err(Rejection::TooManyPipes(pipes.len()));
    }
    if plugins >= max {
        return Err(Rejection::TooMany(max));
    }
    Ok(())
}

/// Reads, compiles and sets up a file; none if it is what runs already.
async fn load(
    sandbox: Arc<Sandbox>,
    starter: &Starter,
    path: PathBuf,
    running: Option<ContentHash>,
    turns: Arc<Semaphore>,
) -> Result<Option<Version>, Rejection> {
    // The semaphore is never closed; without a permit it would only compile sooner.
    let turn = turns.acquire_owned().await.ok();
    let compiled = tokio::task::spawn_blocking(move || {
        let bytes = Package::read(&path)?;
        if running == Some(ContentHash::of(&bytes)) {
            return Ok(None);
        }
        Package::load(&sandbox, &bytes).map(Some)
    });
    let compiled = compiled.await.map_err(Rejection::BrokeOff)??;
    // A `setup` that waits holds up nobody's compiler.
    drop(turn);
    match compiled {
        Some(package) => Ok(Some(starter.start(package).await?)),
        None => Ok(None),
    }
}

fn report(name: &str, outcome: &Outcome, running: Option<&Running>) {
    let version = running.map(|running| &*running.label);
    match outcome {
        Outcome::Started | Outcome::Swapped => {
            // A version that takes over says so itself, when it does.
            if let (Outcome::Started, Some(running)) = (outcome, running) {
                tracing::info!(plugin = name, version, "plugin started: {}", running.grants);
            }
        }
        Outcome::Unchanged => tracing::debug!(plugin = name, version, "the file has the content that runs already"),
        Outcome::Rejected(why) if running.is_some() => {
            let why = QuietText(&why.to_string()).to_string();
            tracing::error!(plugin = name, version, "the new file does not run, the old version goes on: {why}");
        }
        Outcome::Rejected(why) => {
            let why = QuietText(&why.to_string()).to_string();
            tracing::error!(plugin = name, "the file does not run: {why}");
        }
        Outcome::Removed => tracing::info!(plugin = name, "plugin removed"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

    use super::*;
    use crate::plugins::grants::Heard;

    /// A plugin that hears the pipes of these numbers.
    fn hearing(numbers: std::ops::Range<usize>) -> Grants {
        let heard = |number| Heard { pipe: PipeName::new(&format!("web_{number}")).unwrap(), events: Vec::new() };
        let mut grants = Grants::default();
        grants.hear = numbers.map(heard).collect();
        grants
    }

    #[test]
    fn a_plugin_is_admitted_as_long_as_all_hear_2048_pipes_together() {
        let others = [hearing(0..1_000), hearing(500..1_900)];
        assert!(admit(others.iter(), &hearing(1_800..2_048), 3).is_ok());
        let refused = admit(others.iter(), &hearing(1_800..2_049), 3).unwrap_err();
        assert!(
            refused.to_string().contains("make 2049 with those of the plugins that run, and 2048 is the most"),
            "{refused}"
        );
    }

    #[test]
    fn pipes_that_are_not_subscribed_are_not_counted() {
        let mut grants = hearing(0..2_047);
        for pipe in ["msg", "host:gap"] {
            grants.hear.push(Heard { pipe: PipeName::heard(pipe).unwrap(), events: Vec::new() });
        }
        assert!(admit([hearing(2_047..2_048)].iter(), &grants, 2).is_ok());
    }

    #[test]
    fn a_plugin_is_not_admitted_beside_as_many_as_may_run() {
        let others = [hearing(0..1), hearing(1..2)];
        assert!(admit(others.iter(), &hearing(2..3), 3).is_ok());
        assert!(matches!(admit(others.iter(), &hearing(2..3), 2), Err(Rejection::TooMany(2))));
    }
}
