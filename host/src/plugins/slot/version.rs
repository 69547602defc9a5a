//! Versions of a plugin: what a file became, set up and able to handle events.

use std::{pin::pin, sync::Arc, time::SystemTime};

use futures_util::future::poll_immediate;
use tokio::time::timeout;
use wasmtime_wasi_config::WasiConfigVariables;

use super::instance::{Crash, Failure, Instance, StartError};
use crate::{
    comet::{asks::Asks, commands::Commands, link::Port, outbox::Bounds},
    config::PluginTerms,
    metrics::{Metrics, PluginTally},
    plugins::{
        api::{Event, State, Tag, Wants},
        grants::Grants,
        kept::{Failed, Kept},
        limits::{Budget, START_WAIT, TimeBudget, WAIT_TIME},
        outgoing::Outgoing,
        package::{ContentHash, Package},
        sandbox::Sandbox,
    },
};

/// What is shown of the version that a plugin gives itself.
const VERSION_MAX_CHARACTERS: usize = 32;

/// A version that has been set up.
pub struct Version {
    pub(super) starter: Starter,
    package: Package,
    /// None after a crash, until the next event.
    pub(super) instance: Option<Instance>,
    /// Events that it handled.
    pub(super) handled: u64,
    /// Events that it failed on.
    pub(super) failed: u64,
    /// What it hears, and may do unless it was limited.
    pub grants: Arc<Grants>,
    /// What its instances may do.
    allowed: Arc<Grants>,
    /// How it is called in the log: the version that the plugin gives itself, and the hash of its file.
    pub label: Arc<str>,
}

impl Version {
    /// What makes its instances.
    #[must_use]
    pub const fn starter(&self) -> &Starter {
        &self.starter
    }

    /// Which file it was made of.
    #[must_use]
    pub const fn hash(&self) -> ContentHash {
        self.package.hash
    }

    /// Compiled, to be started again.
    #[must_use]
    pub const fn package(&self) -> &Package {
        &self.package
    }

    /// What is to be known of it while it runs.
    #[must_use]
    pub fn identity(&self) -> Identity {
        let (label, grants) = (Arc::clone(&self.label), Arc::clone(&self.grants));
        Identity { starter: self.starter.clone(), hash: self.hash(), label, grants }
    }

    /// The share of its events on which it failed.
    pub(super) fn failed_share(&self) -> f64 {
        // Both are far below 2^52.
        #[allow(clippy::cast_precision_loss, reason = "a share need not be exact")]
        if self.failed == 0 { 0.0 } else { self.failed as f64 / (self.handled + self.failed) as f64 }
    }

    /// Handles one event outside any slot, as a measurement or a trial does; its sends leave at once.
    ///
    /// # Errors
    /// A [`Failure`].
    pub async fn handle(&mut self, event: Arc<Event>) -> Result<(), Failure> {
        let outcome = self.deliver(event).await;
        self.starter.outgoing.flush();
        outcome.map(|_| ())
    }

    /// Handles one event; gives how many bytes of sends are committed and not flushed.
    pub(super) async fn deliver(&mut self, event: Arc<Event>) -> Result<usize, Failure> {
        if self.instance.is_none() {
            self.instance = Some(self.restart().await?);
        }
        let Some(instance) = &mut self.instance else { return Ok(0) };
        let outcome = bounded(instance.handle(event), &self.starter.outgoing).await;
        self.outlive(outcome)
    }

    /// Handles one event and gives what it would send, which is not sent.
    pub(super) async fn rehearse(&mut self, event: Arc<Event>) -> Result<Commands, Failure> {
        if self.instance.is_none() {
            self.instance = Some(self.restart().await?);
        }
        let Some(instance) = &mut self.instance else { return Ok(Commands::default()) };
        let outcome = bounded(instance.rehearse(event), &self.starter.outgoing).await;
        self.outlive(outcome)
    }

    /// Sends what it rehearsed; gives how many bytes of sends are committed and not flushed.
    pub(super) fn perform(&self, mut commands: Commands) -> usize {
        self.starter.outgoing.commit(&mut commands)
    }

    /// From now on it may do what is granted, whatever it asks for.
    pub(super) fn limit(&mut self, granted: Arc<Grants>) {
        if let Some(instance) = &mut self.instance {
            instance.keep_grants(Arc::clone(&granted));
        }
        self.allowed = granted;
    }

    /// An instance that crashed is thrown away.
    fn outlive<T>(&mut self, outcome: Result<T, Failure>) -> Result<T, Failure> {
        if matches!(outcome, Err(Failure::Crashed(_))) {
            self.instance = None;
        }
        outcome
    }

    /// A new instance, since the last call cost the old one. Routes were made of the old one's grants, so it gets those.
    ///
    /// Boxed, as this is rare and every event would carry its size otherwise.
    #[cold]
    fn restart(&self) -> impl Future<Output = Result<Instance, Failure>> + use<> {
        let (starter, package, grants) = (self.starter.clone(), self.package.clone(), Arc::clone(&self.allowed));
        Box::pin(async move {
            let started = starter.instance(&package).await;
            let (mut instance, _, _) = started.map_err(|error| Failure::NotRestarted(Box::new(error)))?;
            instance.keep_grants(grants);
            Ok(instance)
        })
    }
}

/// What is known of a version while it runs in a slot.
#[derive(Clone)]
pub struct Identity {
    /// What makes its instances.
    pub starter: Starter,
    /// Which file it was made of.
    pub hash: ContentHash,
    /// How it is called in the log.
    pub label: Arc<str>,
    /// What it may do.
    pub grants: Arc<Grants>,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.label)
    }
}

/// Starts versions of one plugin: the same each time, before a swap and after a crash.
#[derive(Clone)]
pub struct Starter {
    sandbox: Arc<Sandbox>,
    tag: Tag,
    terms: Arc<PluginTerms>,
    config: Arc<WasiConfigVariables>,
    asks: Arc<Asks>,
    outgoing: Arc<Outgoing>,
    tally: PluginTally,
    kept: Option<Kept>,
}

impl Starter {
    /// For the plugin called `name`, whose sends wait in a lane of these bounds. What it does is counted in `tally`.
    #[must_use]
    pub fn new(
        sandbox: Arc<Sandbox>,
        name: &str,
        terms: PluginTerms,
        port: &Port,
        bounds: Bounds,
        tally: PluginTally,
    ) -> Self {
        let config = Arc::new(terms.config.iter().cloned().collect());
        let outgoing = Arc::new(Outgoing::new(port.outbox.lane(name, bounds)));
        let asks = Arc::clone(&port.asks);
        Self {
            sandbox,
            tag: Tag { name: name.into() },
            terms: Arc::new(terms),
            config,
            asks,
            outgoing,
            tally,
            kept: None,
        }
    }

    /// From now on events on which a version failed for good are kept there.
    #[must_use]
    pub fn keeping_failed_in(self, kept: Kept) -> Self {
        Self { kept: Some(kept), ..self }
    }

    /// Keeps an event that nobody will handle any more.
    pub(super) fn keep_failed(&self, event: &Event, version: &str, reason: &str, backtrace: &[String]) {
        let Some(kept) = &self.kept else { return };
        let failed = Failed { version, event, reason, backtrace, at: SystemTime::now() };
        kept.quarantine().add(self.name(), &failed, self.terms.quarantine_events);
    }

    /// For the same plugin on other terms. What it sends goes the same way, in its order.
    #[must_use]
    pub fn on(&self, terms: PluginTerms) -> Self {
        let config = Arc::new(terms.config.iter().cloned().collect());
        Self { terms: Arc::new(terms), config, ..self.clone() }
    }

    /// For the same plugin once more, beside the one that runs: with a name of its own in the log, and not counted with it.
    #[must_use]
    pub fn apart(&self) -> Self {
        let name: Arc<str> = format!("{}~shadow", self.tag.name).into();
        let tally = Metrics::new().plugin(&name);
        Self { tag: Tag { name }, tally, kept: None, ..self.clone() }
    }

    /// The plugin's name.
    pub(super) fn name(&self) -> &str {
        &self.tag.name
    }

    /// What the plugin gets.
    #[must_use]
    pub fn terms(&self) -> &PluginTerms {
        &self.terms
    }

    /// What it does, counted.
    #[must_use]
    pub const fn tally(&self) -> &PluginTally {
        &self.tally
    }

    /// Where its sends go.
    pub(super) const fn outgoing(&self) -> &Arc<Outgoing> {
        &self.outgoing
    }

    /// Makes an instance and calls its `setup`.
    ///
    /// # Errors
    /// A [`StartError`] that says why this version cannot run.
    pub async fn start(&self, package: Package) -> Result<Version, StartError> {
        let (instance, wants, grants) = self.instance(&package).await?;
        let label = label(&wants.version, package.hash);
        let (instance, allowed) = (Some(instance), Arc::clone(&grants));
        Ok(Version { starter: self.clone(), package, instance, handled: 0, failed: 0, grants, allowed, label })
    }

    async fn instance(&self, package: &Package) -> Result<(Instance, Wants, Arc<Grants>), StartError> {
        let state = State::new(
            self.tag.clone(),
            Arc::default(),
            Budget::new(self.terms.memory_bytes, self.tally.clone()),
            Arc::clone(&self.asks),
            Arc::clone(&self.outgoing),
            Arc::clone(&self.config),
            self.tally.clone(),
        );
        let starting = Instance::start(&self.sandbox, package, state, TimeBudget::new(self.terms.time_per_event));
        timeout(START_WAIT, starting).await.map_err(|_| StartError::TooSlow)?
    }
}

/// `1.2.0+0123456789abcdef`, or the hash alone where the plugin gives itself no version.
fn label(version: &str, hash: ContentHash) -> Arc<str> {
    let is_plain = |character: &char| character.is_ascii_graphic();
    let version: String = version.chars().filter(is_plain).take(VERSION_MAX_CHARACTERS).collect();
    if version.is_empty() { hash.to_string().into() } else { format!("{version}+{hash}").into() }
}

/// Ends a call that waits too long. Most calls never wait, and they do not pay for a timer. When one does, what earlier
/// events have sent leaves first: it must not wait as well.
async fn bounded<T>(call: impl Future<Output = Result<T, Failure>>, outgoing: &Outgoing) -> Result<T, Failure> {
    let mut call = pin!(call);
    if let Some(outcome) = poll_immediate(&mut call).await {
        return outcome;
    }
    outgoing.flush();
    let outcome = Box::pin(timeout(WAIT_TIME, call)).await;
    outcome.unwrap_or_else(|_| Err(Failure::Crashed(Box::new(Crash::waited(WAIT_TIME)))))
}
