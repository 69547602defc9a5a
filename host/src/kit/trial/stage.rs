//! Where a test is played: a plugin in the sandbox, the embedded server, and somebody who listens.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use tokio::{sync::oneshot, task::JoinSet, time::Instant};

use super::script::{Case, Script, Sent};
use crate::{
    comet::{
        address::{Address, AddressError},
        asks::AskError,
        client::{Client, ClientError},
        link::connect::{Manner, Settings},
        login::LoginSource,
        name::{NameError, PipeName},
        outbox::Bounds,
        wire::Event as Heard,
    },
    config::{NewGrants, PluginTerms},
    local::{self, ControlError, LogRule, Options, Server},
    metrics::Metrics,
    plugins::{
        api::Event,
        grants::Verb,
        package::{Package, PackageError},
        sandbox::{Room, Sandbox, SandboxError},
        slot::{Failure, StartError, Starter, Version},
    },
};

/// What one event can send has long arrived by then.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is looked whether everything has left.
const LOOK_EVERY: Duration = Duration::from_millis(1);
/// How much may wait for a connection, in bytes: more than one event may send.
const OUTBOX_BYTES: usize = 8 * 1024 * 1024;
/// How many messages the pipes' logs keep: as many as a log can be read whole.
const LOG_LENGTH: usize = 98;
/// A pipe that nobody uses, for questions of the listener's own.
const FENCE: &str = "web_fence";
/// The most pipes that one connection hears.
const PIPES: usize = 32;

/// Why a test cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// The engine does not start.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// The file is no plugin.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// The plugin does not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The embedded server does not.
    #[error(transparent)]
    Server(#[from] local::Error),
    /// The embedded server has no address to connect to.
    #[error("the embedded server cannot be connected to: {0}")]
    Address(#[from] AddressError),
    /// A connection to it could not be made or was lost.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// It did not answer.
    #[error("the embedded server: {0}")]
    Ask(#[from] AskError),
    /// A pipe's name is none.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A message of a log cannot be in one.
    #[error("[[log]]: {0}")]
    Log(#[from] ControlError),
}

/// How a case went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What was sent.
    pub sent: Vec<Sent>,
    /// With which words it failed, if it did.
    pub failed: Option<String>,
    /// Whether both are as expected.
    pub is_good: bool,
}

/// A plugin that is ready to be played to.
pub struct Stage {
    package: Package,
    starter: Starter,
    version: Version,
    /// The plugin's connection.
    plugin: Client,
    /// The one of somebody who listens.
    listener: Client,
    /// A pipe for questions of the listener's own.
    fence: PipeName,
    _stop: oneshot::Sender<()>,
    /// Ends when the stage does.
    _server: JoinSet<()>,
}

impl Stage {
    /// Starts the plugin called `name`, of these bytes and on these terms, for a test.
    ///
    /// # Errors
    /// A [`StageError`].
    pub async fn set(name: &str, bytes: &[u8], mut terms: PluginTerms, script: &Script) -> Result<Self, StageError> {
        let logs = vec![LogRule { pipes: "*".to_owned(), length: LOG_LENGTH }];
        let server = Server::bind(Options { logs, ..Options::default() }).await?;
        let address = Address::parse(&format!("ws://{}/ws/", server.address()))?;
        for logged in &script.log {
            server.control().publish(&logged.pipe, &logged.event, &logged.data)?;
        }
        let (stop, stopped) = oneshot::channel::<()>();
        let mut running = JoinSet::new();
        running.spawn(server.run(async move {
            // Dropping the sender means the same as sending.
            let _ = stopped.await;
        }));
        let settings = Settings { address, manner: Manner::of(LoginSource::anonymous()) };
        let plugin = Client::open(&settings, BTreeSet::new(), OUTBOX_BYTES).await?;

        let own: Vec<_> = script.config.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        terms.config.retain(|(key, _)| !script.config.contains_key(key));
        terms.config.extend(own);
        // What the operator grants is no matter of the plugin's own tests.
        terms.new_grants = NewGrants::Grant;
        let room = Room { is_metered: terms.fuel_per_event.is_some(), ..Room::new(1, terms.memory_bytes) };
        let sandbox = Arc::new(Sandbox::new(room)?);
        let package = Package::load(&sandbox, bytes)?;
        let bounds = Bounds { bytes: OUTBOX_BYTES, sends: usize::MAX };
        let tally = Metrics::new().plugin(name);
        let starter = Starter::new(sandbox, name, terms, plugin.port(), bounds, tally);
        let version = starter.start(package.clone()).await?;

        // Whatever it may send by name, and whatever a case expects.
        let granted = version.grants.patterns(Verb::Send).iter().map(ToString::to_string);
        let expected = script.cases.iter().flat_map(|case| &case.sends).map(|sent| sent.pipe.clone());
        let pipes = expected.chain(granted).filter_map(|pipe| PipeName::new(pipe.trim_start_matches('@')).ok());
        let pipes: BTreeSet<PipeName> = pipes.take(PIPES).collect();
        let fence = PipeName::new(FENCE)?;
        let listener = Client::open(&settings, pipes, OUTBOX_BYTES).await?;
        Ok(Self { package, starter, version, plugin, listener, fence, _stop: stop, _server: running })
    }

    /// Plays one case.
    ///
    /// # Errors
    /// A [`StageError`] if a connection broke; whatever the plugin does wrong is in the verdict.
    pub async fn play(&mut self, case: &Case) -> Result<Verdict, StageError> {
        let played = &case.event;
        let event = Event {
            pipe: played.pipe.as_str().into(),
            name: played.name.as_str().into(),
            data: played.data.clone(),
            user_id: played.user_id,
            time: played.time,
            history: played.history,
        };
        let outcome = self.version.handle(Arc::new(event)).await;
        let failed = outcome.as_ref().err().map(ToString::to_string);
        if matches!(outcome, Err(Failure::Crashed(_))) {
            self.version = self.starter.start(self.package.clone()).await?;
        }
        let sent = self.heard().await?;
        let fails_as_expected = match (&case.fails, &failed) {
            (None, None) => true,
            (Some(expected), Some(words)) => words.contains(expected.as_str()),
            _ => false,
        };
        Ok(Verdict { is_good: fails_as_expected && sent == case.sends, sent, failed })
    }

    /// What the plugin has sent since it was last asked.
    async fn heard(&mut self) -> Result<Vec<Sent>, StageError> {
        // The server has answered a send when it has handed it to everybody who listens ...
        let deadline = Instant::now() + PATIENCE;
        while !self.plugin.port().outbox.all_has_left() {
            if Instant::now() >= deadline {
                return Err(AskError::TimedOut(PATIENCE).into());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        // ... and answers the listener behind that.
        self.listener.asks.count(&self.listener.lane, &self.fence).await?;
        let heard = std::iter::from_fn(|| self.listener.events.try_recv().ok());
        Ok(heard.map(Sent::from).collect())
    }
}

impl From<Heard<'static>> for Sent {
    fn from(heard: Heard<'static>) -> Self {
        Self { pipe: heard.pipe.into_owned(), event: heard.name.into_owned(), message: heard.data.into_owned() }
    }
}
