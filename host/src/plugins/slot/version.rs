//! Versions of a plugin: what a file became, set up and able to handle events.

use std::{pin::pin, sync::Arc};

use futures_util::future::poll_immediate;
use tokio::time::timeout;

use super::{
    Starter,
    instance::{Crash, Failure, Instance},
};
use crate::{
    comet::commands::Commands,
    plugins::{
        api::Event,
        grants::{Granted, Grants},
        limits::WAIT_TIME,
        outgoing::{Committed, Outgoing},
        package::{ContentHash, Package},
    },
};

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
    /// What it asked for.
    pub asks: Arc<Grants>,
    /// What of that is granted: that is what it hears and may do.
    pub grants: Arc<Grants>,
    /// How it is called in the log: the version that the plugin gives itself, and the hash of its file.
    pub label: Arc<str>,
}

impl Version {
    /// Of a file that `starter` has set up, which then asked for `asks`. It may do nothing until something is granted.
    pub(super) fn new(
        starter: Starter,
        package: Package,
        instance: Instance,
        asks: Arc<Grants>,
        label: Arc<str>,
    ) -> Self {
        let (instance, grants) = (Some(instance), Arc::default());
        Self { starter, package, instance, handled: 0, failed: 0, asks, grants, label }
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
        let (label, asks, grants) = (Arc::clone(&self.label), Arc::clone(&self.asks), Arc::clone(&self.grants));
        Identity { starter: self.starter.clone(), hash: self.hash(), label, asks, grants }
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
        self.starter.outgoing().flush();
        outcome.map(|_| ())
    }

    /// Handles one event and commits what it sends.
    pub(super) async fn deliver(&mut self, event: Arc<Event>) -> Result<Committed, Failure> {
        if self.instance.is_none() {
            self.instance = Some(self.restart().await?);
        }
        let Some(instance) = &mut self.instance else { return Ok(Committed::default()) };
        let outcome = bounded(instance.handle(event), self.starter.outgoing()).await;
        self.outlive(outcome)
    }

    /// Handles one event and gives what it would send, which is not sent.
    pub(super) async fn rehearse(&mut self, event: Arc<Event>) -> Result<Commands, Failure> {
        if self.instance.is_none() {
            self.instance = Some(self.restart().await?);
        }
        let Some(instance) = &mut self.instance else { return Ok(Commands::default()) };
        let outcome = bounded(instance.rehearse(event), self.starter.outgoing()).await;
        self.outlive(outcome)
    }

    /// Commits what it rehearsed.
    pub(super) fn perform(&self, mut commands: Commands) -> Committed {
        self.starter.outgoing().commit(&mut commands)
    }

    /// From now on it may do what of its wishes is granted.
    pub fn regrant(&mut self, granted: &Granted) {
        self.grants = Arc::new(granted.of(&self.asks));
        if let Some(instance) = &mut self.instance {
            instance.grant(Arc::clone(&self.grants));
        }
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
        let (starter, package, grants) = (self.starter.clone(), self.package.clone(), Arc::clone(&self.grants));
        Box::pin(async move {
            let started = starter.instance(&package).await;
            let (mut instance, _, _) = started.map_err(|error| Failure::NotRestarted(Box::new(error)))?;
            instance.grant(grants);
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
    /// What it asked for.
    pub asks: Arc<Grants>,
    /// What it hears and may do.
    pub grants: Arc<Grants>,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.label)
    }
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
