//! Versions of a plugin: what a file became, set up and ready to take over.

use std::sync::Arc;

use tokio::time::timeout;
use wasmtime_wasi_config::WasiConfigVariables;

use super::instance::{Failure, Instance, StartError};
use crate::{
    comet::{asks::Asks, link::Port, outbox::Bounds},
    config::PluginTerms,
    metrics::PluginTally,
    plugins::{
        api::{Event, State, Tag},
        grants::Grants,
        limits::{Budget, START_WAIT, TimeBudget},
        outgoing::Outgoing,
        package::{ContentHash, Package},
        sandbox::Sandbox,
    },
};

/// What is shown of the version that a plugin gives itself.
const VERSION_MAX_CHARACTERS: usize = 32;

/// A version that has been set up and could take over.
pub struct Version {
    pub(super) package: Package,
    pub(super) instance: Instance,
    outgoing: Arc<Outgoing>,
    /// What it may do.
    pub grants: Arc<Grants>,
    /// How it is called in the log: the version that the plugin gives itself, and the hash of its file.
    pub label: Arc<str>,
}

impl Version {
    /// Which file it was made of.
    #[must_use]
    pub const fn hash(&self) -> ContentHash {
        self.package.hash
    }

    /// Handles one event outside any slot, as a measurement or a trial does; its sends leave at once.
    ///
    /// # Errors
    /// A [`Failure`]; after a [`Failure::Crashed`] this version is of no more use.
    pub async fn handle(&mut self, event: Arc<Event>) -> Result<(), Failure> {
        let outcome = self.instance.handle(event).await;
        self.outgoing.flush();
        outcome.map(|_| ())
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
        Self { sandbox, tag: Tag { name: name.into() }, terms: Arc::new(terms), config, asks, outgoing, tally }
    }

    /// The plugin's name.
    pub(super) fn name(&self) -> &str {
        &self.tag.name
    }

    /// How many events may wait for the plugin.
    pub(super) fn queue_events(&self) -> usize {
        self.terms.queue_events
    }

    /// What it does, counted.
    pub(super) const fn tally(&self) -> &PluginTally {
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
        let state = State::new(
            self.tag.clone(),
            Arc::default(),
            Budget::new(self.terms.memory_bytes, self.tally.clone()),
            Arc::clone(&self.asks),
            Arc::clone(&self.outgoing),
            Arc::clone(&self.config),
            self.tally.clone(),
        );
        let starting = Instance::start(&self.sandbox, &package, state, TimeBudget::new(self.terms.time_per_event));
        let (instance, wants, grants) = timeout(START_WAIT, starting).await.map_err(|_| StartError::TooSlow)??;
        let label = label(&wants.version, package.hash);
        Ok(Version { package, instance, outgoing: Arc::clone(&self.outgoing), grants, label })
    }
}

/// `1.2.0+0123456789abcdef`, or the hash alone where the plugin gives itself no version.
fn label(version: &str, hash: ContentHash) -> Arc<str> {
    let is_plain = |character: &char| character.is_ascii_graphic();
    let version: String = version.chars().filter(is_plain).take(VERSION_MAX_CHARACTERS).collect();
    if version.is_empty() { hash.to_string().into() } else { format!("{version}+{hash}").into() }
}
