//! What makes versions of a plugin: the same each time, before a swap and after a crash.

use std::{sync::Arc, time::SystemTime};

use tokio::time::timeout;
use wasmtime_wasi_config::WasiConfigVariables;

use super::{
    Version,
    instance::{Instance, StartError},
};
use crate::{
    comet::{asks::Asks, link::Port, outbox::Bounds},
    config::PluginTerms,
    metrics::{Metrics, PluginTally},
    plugins::{
        api::{Event, State, Tag, Wants},
        grants::{AskedFor, Granted, Grants},
        kept::{Failed, Kept},
        limits::{CallBudget, START_WAIT},
        outgoing::Outgoing,
        package::{ContentHash, Package},
        sandbox::{Pace, Sandbox},
        secrets::Secrets,
    },
};

/// What is shown of the version that a plugin gives itself.
const VERSION_MAX_CHARACTERS: usize = 32;

/// Starts versions of one plugin: the same each time, before a swap and after a crash.
#[derive(Clone)]
pub struct Starter {
    sandbox: Arc<Sandbox>,
    pace: Arc<Pace>,
    tag: Tag,
    terms: Arc<PluginTerms>,
    granted: Arc<Granted>,
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
        let config = Arc::new(settings(&terms));
        let outgoing = Arc::new(Outgoing::new(port.outbox.lane(name, bounds), terms.sends));
        let asks = Arc::clone(&port.asks);
        let granted = Arc::new(Granted::new(&terms, &Grants::default()));
        Self {
            pace: sandbox.pace(),
            sandbox,
            tag: Tag::new(name.into(), &terms, tally.clone()),
            terms: Arc::new(terms),
            granted,
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
        let config = Arc::new(settings(&terms));
        let granted = Arc::new(Granted::new(&terms, &Grants::default()));
        let tag = Tag::new(Arc::clone(&self.tag.name), &terms, self.tally.clone());
        Self { tag, terms: Arc::new(terms), granted, config, ..self.clone() }
    }

    /// From now on versions may do what is granted, by whatever it is granted, in place of what the terms say.
    #[must_use]
    pub fn granting(self, granted: Granted) -> Self {
        Self { granted: Arc::new(granted), ..self }
    }

    /// For the same plugin once more, beside the one that runs: with a name of its own in the log, and not counted with it.
    #[must_use]
    pub fn apart(&self) -> Self {
        let name: Arc<str> = format!("{}~shadow", self.tag.name).into();
        let tally = Metrics::new().plugin(&name);
        let tag = Tag::new(name, &self.terms, tally.clone());
        Self { pace: self.sandbox.pace(), tag, tally, kept: None, ..self.clone() }
    }

    /// What no line about it may show.
    pub(super) fn secrets(&self) -> &Secrets {
        &self.tag.secrets
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

    /// How its events share the threads with those of others.
    pub(super) const fn pace(&self) -> &Arc<Pace> {
        &self.pace
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
        let (instance, wants, asks) = self.instance(&package).await?;
        if let Some(beyond) = package.manifest.as_ref().map(|manifest| manifest.beyond(&asks))
            && !beyond.is_empty()
        {
            return Err(StartError::BeyondManifest(self.secrets().hidden_in(AskedFor(&beyond).to_string())));
        }
        let label = label(&self.tag.secrets.hide(&wants.version), package.hash);
        let mut version = Version::new(self.clone(), package, instance, asks, label);
        version.regrant(&self.granted);
        Ok(version)
    }

    /// One that has asked, and may do nothing yet.
    pub(super) async fn instance(&self, package: &Package) -> Result<(Instance, Wants, Arc<Grants>), StartError> {
        let state = State::new(
            self.tag.clone(),
            Arc::clone(&self.asks),
            Arc::clone(&self.outgoing),
            Arc::clone(&self.config),
            self.tally.clone(),
            &self.terms,
        );
        let (start, event) = (CallBudget::of(self.terms.time_to_start), CallBudget::of_an_event(&self.terms));
        // Twice as long as it may run, since it may have to share the machine.
        let wait = START_WAIT.max(self.terms.time_to_start.saturating_mul(2));
        let starting = Instance::start(&self.sandbox, package, state, start, event);
        timeout(wait, starting).await.map_err(|_| StartError::TooSlow(wait))?
    }
}

/// What the plugin reads: its settings and, in the same way, its secrets.
fn settings(terms: &PluginTerms) -> WasiConfigVariables {
    let secrets = terms.secrets.iter().map(|(name, secret)| (name.clone(), secret.reveal().to_owned()));
    terms.config.iter().cloned().chain(secrets).collect()
}

/// `1.2.0+0123456789abcdef`, or the hash alone where the plugin gives itself no version.
fn label(version: &str, hash: ContentHash) -> Arc<str> {
    let is_plain = |character: &char| character.is_ascii_graphic();
    let version: String = version.chars().filter(is_plain).take(VERSION_MAX_CHARACTERS).collect();
    if version.is_empty() { hash.to_string().into() } else { format!("{version}+{hash}").into() }
}
