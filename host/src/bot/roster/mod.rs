//! The plugins that run, and what becomes of them when files, settings and the operator's wishes change.
//!
//! One task owns all of it and waits for nobody but the disk, for small files: what takes time (reading, compiling,
//! `setup`, the switch, the end of a probation) happens beside it and comes back as news. For each plugin one attempt is
//! under way at a time; what comes meanwhile waits, and the newest counts. Each attempt ends in an [`Outcome`].
//!
//! - `attempt`: what is tried, and the part of it that takes time.
//! - `take`: what becomes of what was loaded; `room`: whether there is any for it.
//! - `switch`: what its slot makes of it, then and later.
//! - `leave`: how a plugin goes.
//! - `plugin`: what is known of one plugin. `keep`: what of it outlives the bot.
//! - `requests`, `failed`, `granting`, `apply`: the operator's wishes, those about failed events and about grants, and
//!   bot.toml's changes.
//! - `waiters`: who waits for outcomes. `report`: what is told of a plugin.
//!
//! Run by `bot`; `cli` asks [`admit`] what the bot would.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::{Semaphore, mpsc, watch},
    task::{JoinError, JoinSet},
};

pub use self::{attempt::Rejection, room::admit};
use self::{
    attempt::{Loaded, Source, Try, Why},
    plugin::Plugin,
    switch::Switch,
    waiters::Waiters,
};
use super::{
    config_file::ConfigFile,
    control::Asked,
    inlet::SlotRoutes,
    outcome::{Outcome, OutcomeKind},
    settings::LiveConfig,
};
use crate::{
    comet::{link::Port, name::PipeName, outbox::Bounds},
    config,
    metrics::Metrics,
    plugins::{
        folder::{Change, Watch},
        kept::Kept,
        package::{Compiled, Compiler, ContentHash},
        sandbox::Sandbox,
        slot::News,
    },
    report::Quiet,
    router::Routes,
};

mod apply;
mod attempt;
mod failed;
mod granting;
mod keep;
mod leave;
mod plugin;
mod report;
mod requests;
mod room;
mod switch;
mod take;
mod waiters;

/// What plugins are made with: the same for all of them and for as long as the bot runs.
#[derive(Clone)]
pub(super) struct Workshop {
    /// The engine.
    pub(super) sandbox: Arc<Sandbox>,
    /// Where plugins are compiled.
    pub(super) compiler: Compiler,
    /// What was compiled before.
    pub(super) compiled: Arc<Compiled>,
    /// What outlives the bot.
    pub(super) kept: Kept,
    /// The way to the server.
    pub(super) port: Port,
    /// The bounds of each plugin's lane.
    pub(super) bounds: Bounds,
    /// What happens, counted.
    pub(super) metrics: Metrics,
}

/// What the roster follows.
pub(super) struct Inputs<'a> {
    /// The plugin folder.
    pub(super) watch: &'a mut Watch,
    /// What the operator asks.
    pub(super) asked: &'a mut mpsc::Receiver<Asked>,
    /// bot.toml.
    pub(super) config_file: &'a mut ConfigFile,
    /// What it says.
    pub(super) live: &'a mut LiveConfig,
}

/// The plugins.
pub(super) struct Roster {
    workshop: Workshop,
    settings: config::Plugins,
    plugins: BTreeMap<String, Plugin>,
    /// Compiling is work for all processors already.
    turns: Arc<Semaphore>,
    loads: JoinSet<Loaded>,
    switches: JoinSet<Switch>,
    news: (mpsc::UnboundedSender<News>, mpsc::UnboundedReceiver<News>),
    waiters: Waiters,
    /// Plugins whose file could not be read: it may be readable in a moment.
    unread: Vec<String>,
    /// How many attempts there have been.
    attempts: u64,
    /// Good versions of plugins whose files are not there at the moment.
    absent: BTreeSet<ContentHash>,
    /// Whether kept versions are to be tidied when nothing is tried any more.
    is_untidy: bool,
    routes: watch::Sender<Arc<SlotRoutes>>,
    subscription: watch::Sender<Arc<BTreeSet<PipeName>>>,
    names: watch::Sender<Vec<String>>,
    /// Plugins that finish what waits, before they are gone.
    leaving: JoinSet<(String, OutcomeKind)>,
    /// At the start: what is ready, until all of it is.
    first: Option<BTreeMap<String, Loaded>>,
}

impl Roster {
    /// For plugins made in `workshop`. The pipes that they hear are shown as `subscription`.
    pub(super) fn new(
        workshop: Workshop,
        settings: config::Plugins,
        subscription: watch::Sender<Arc<BTreeSet<PipeName>>>,
    ) -> Self {
        Self {
            workshop,
            settings,
            plugins: BTreeMap::new(),
            turns: Arc::new(Semaphore::new(std::thread::available_parallelism().map_or(1, usize::from))),
            loads: JoinSet::new(),
            switches: JoinSet::new(),
            news: mpsc::unbounded_channel(),
            waiters: Waiters::default(),
            unread: Vec::new(),
            attempts: 0,
            absent: BTreeSet::new(),
            is_untidy: false,
            routes: watch::Sender::default(),
            subscription,
            names: watch::Sender::default(),
            leaving: JoinSet::new(),
            first: None,
        }
    }

    pub(super) fn routes(&self) -> watch::Receiver<Arc<SlotRoutes>> {
        self.routes.subscribe()
    }

    /// The names of the plugins that run.
    pub(super) fn names(&self) -> watch::Receiver<Vec<String>> {
        self.names.subscribe()
    }

    /// Starts what lies in the folder. Resolves when each of them runs or will not.
    ///
    /// May be dropped half way, when the bot stops: what runs then is what is drained.
    pub(super) async fn begin(&mut self, present: Vec<Change>) {
        // Taken in the order of their names, whatever is ready first: where there is no room for all, the same ones run
        // each time.
        self.first = Some(BTreeMap::new());
        for change in present {
            self.follow(change, Why::Start);
        }
        let records = self.workshop.kept.records();
        let names = records.names().unwrap_or_else(|error| {
            tracing::warn!("what is kept of plugins cannot be listed: {error}");
            Vec::new()
        });
        let absent = names.iter().filter(|name| !self.plugins.contains_key(*name));
        self.absent = absent.flat_map(|name| records.read(name).good).map(|good| good.hash).collect();
        self.tidy();
        while let Some(loaded) = self.loads.join_next().await {
            self.loaded(loaded);
        }
        for loaded in self.first.take().unwrap_or_default().into_values() {
            self.take(loaded);
        }
        // Those of which an earlier version runs first have their file's turn now.
        while self.plugins.values().any(|plugin| plugin.is_trying) {
            tokio::select! {
                Some(loaded) = self.loads.join_next() => self.loaded(loaded),
                Some(switch) = self.switches.join_next() => self.switched(switch),
                else => return,
            }
        }
    }

    /// Follows the folder, the settings and the operator for as long as it is polled; may be dropped at any time.
    pub(super) async fn run(&mut self, mut inputs: Inputs<'_>) {
        loop {
            tokio::select! {
                changes = inputs.watch.changes() => {
                    changes.into_iter().for_each(|change| self.follow(change, Why::Folder));
                }
                Some(loaded) = self.loads.join_next() => {
                    self.loaded(loaded);
                    self.unread.drain(..).for_each(|name| inputs.watch.try_again(&name));
                }
                Some(switch) = self.switches.join_next() => self.switched(switch),
                Some(news) = self.news.1.recv() => self.hear(news),
                Some(left) = self.leaving.join_next() => self.left(left),
                Some((request, reply)) = inputs.asked.recv() => self.answer(request, reply, &mut inputs).await,
                () = inputs.config_file.due() => {
                    // What is wrong with it is in the log.
                    if let Ok(difference) = inputs.live.reread().await {
                        self.apply(inputs.live.in_force(), &difference, &mut BTreeMap::new());
                    }
                }
            }
        }
    }

    /// Lets every plugin finish what waits, and ends it. The subscription stays, and with it the connection, over which
    /// their last sends leave.
    pub(super) async fn drain(&mut self, bound: Duration) {
        self.routes.send_replace(Arc::default());
        let mut drains = JoinSet::new();
        for (name, plugin) in std::mem::take(&mut self.plugins) {
            let Some(running) = plugin.running else { continue };
            drains.spawn(async move {
                let tally = running.slot.drain().await;
                let (handled, failed) = (tally.events_handled(), tally.events_failed());
                tracing::info!(plugin = name, version = &*running.label, handled, failed, "stopped");
            });
        }
        let mut leaving = std::mem::take(&mut self.leaving);
        let all = async {
            while drains.join_next().await.is_some() {}
            while leaving.join_next().await.is_some() {}
        };
        if tokio::time::timeout(bound, all).await.is_err() {
            tracing::warn!("some plugins did not finish within {} s and are ended", bound.as_secs());
        }
    }

    /// Takes up a change in the folder.
    fn follow(&mut self, change: Change, why: Why) {
        match change {
            Change::Present { name, path } => {
                let plugin = self.plugin(&name);
                plugin.path = Some(path.clone());
                if plugin.record.disabled {
                    return;
                }
                self.try_it(&name, Try::new(Source::File(path), why));
            }
            Change::Removed { name } => self.remove(&name),
            Change::Ignored { path, why } => {
                tracing::warn!(file = %Quiet(&path.display().to_string()), "not taken as a plugin: {why}");
            }
        }
    }

    /// What is known of a plugin, which may be nothing yet.
    fn plugin(&mut self, name: &str) -> &mut Plugin {
        let workshop = &self.workshop;
        let known = self.plugins.entry(name.to_owned());
        known.or_insert_with(|| Plugin::new(workshop.metrics.plugin(name), workshop.kept.records().read(name)))
    }

    fn loaded(&mut self, loaded: Result<Loaded, JoinError>) {
        match (loaded, &mut self.first) {
            (Ok(loaded), Some(first)) => {
                first.insert(loaded.name.clone(), loaded);
            }
            (Ok(loaded), None) => self.take(loaded),
            // Panics are caught beside it; nothing else can break off.
            (Err(error), _) => tracing::error!("loading a plugin broke off: {error}"),
        }
    }

    /// Makes the routes anew, and the subscription if it changes.
    fn reroute(&self) {
        let running = self.plugins.iter().filter_map(|(name, plugin)| Some((name, plugin.running.as_ref()?)));
        // A version on probation may have to give way to the one before it, which must not have missed anything then.
        let heard: Vec<_> = running.clone().map(|(_, running)| (running.slot.queue(), running.heard())).collect();
        let routes = Routes::new(heard.iter().flat_map(|(queue, heard)| {
            heard.iter().map(move |heard| (Arc::clone(queue), &heard.pipe, &*heard.events))
        }));
        self.names.send_replace(running.map(|(name, _)| name.clone()).collect());
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

    /// An attempt has come to an end, or the last one that had is undone: says so everywhere.
    fn conclude(&mut self, name: &str, kind: OutcomeKind) {
        let outcome = Outcome::now(name, kind);
        let Some(plugin) = self.plugins.get_mut(name) else { return };
        if !matches!(outcome.kind, OutcomeKind::RolledBack { .. }) {
            plugin.end(plugin.tried);
        }
        report::say(plugin, &outcome);
        plugin.last = Some(outcome.clone());
        if let (OutcomeKind::Swapped { .. }, Some(running)) = (&outcome.kind, &mut plugin.running) {
            running.outcome = Some(outcome.clone());
        }
        // A version that took over may still be taken back.
        if !matches!(outcome.kind, OutcomeKind::Swapped { .. }) || !plugin.is_on_probation() {
            self.waiters.tell(&outcome, plugin.ended);
        }
    }

    /// A version has passed its probation: what became of it is final.
    fn now_final(&mut self, name: &str) {
        let Some(plugin) = self.plugins.get(name) else { return };
        if let Some(outcome) = plugin.running.as_ref().and_then(|running| running.outcome.as_ref()) {
            self.waiters.tell(outcome, plugin.ended);
        }
    }
}
