//! The bot: puts the parts together, keeps them going, and stops them in order.
//!
//! Start: the embedded server if it is wanted, the sandbox, every plugin in the folder, then the link, so that its first
//! subscription is complete. Stop: no new events, plugins finish what waits, sends leave, the connection ends; all of it
//! within a bound. Called by `cli`.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{oneshot, watch},
    task::JoinSet,
    time::Instant,
};

use self::{embedded::EmbeddedError, inlet::Intake, roster::Roster};
use crate::{
    comet::{
        address::{Address, AddressError},
        link::{Link, Port, Status, connect::Settings, thread::LinkThread},
    },
    config::{Config, Server},
    plugins::{
        folder::{Folder, FolderError, Watch},
        sandbox::{Sandbox, SandboxError},
    },
};

pub mod embedded;
mod inlet;
pub mod roster;
mod supervisor;

/// How often it is checked, while stopping, whether everything has left.
const DRAIN_CHECK_EVERY: Duration = Duration::from_millis(5);

/// Why a bot does not run.
#[derive(Debug, thiserror::Error)]
pub enum BotError {
    /// The embedded server does not start.
    #[error(transparent)]
    Embedded(#[from] EmbeddedError),
    /// The address of the embedded server is none that can be connected to.
    #[error("the embedded server cannot be connected to: {0}")]
    Address(#[from] AddressError),
    /// The link does not start.
    #[error("the system gives no thread for the connection: {0}")]
    Thread(std::io::Error),
    /// A link runs until it is stopped, so this is a mistake of ours; a service manager may start the bot anew.
    #[error("the connection's thread ended by itself, so the bot stops")]
    LinkEnded,
    /// The engine does not start.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// The plugin folder cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
}

/// What a bot has when its events arrive for the first time.
#[derive(Debug)]
pub struct Started {
    /// The server that it is connected to.
    pub server: Address,
    /// The plugins that run.
    pub plugins: Vec<String>,
}

/// Runs a bot until `stop` resolves, then stops it in order. `started` is called when events arrive for the first time.
///
/// # Errors
/// A [`BotError`] if it cannot start. What goes wrong later is in the log, and the bot goes on.
pub async fn run(
    config: Config,
    started: impl FnOnce(Started),
    stop: impl Future<Output = ()>,
) -> Result<(), BotError> {
    let mut server = None;
    let (settings, others) = match config.server {
        Server::At { settings, others } => (settings, others),
        Server::Embedded { manner, version } => {
            let bound = embedded::bind(&config.embedded).await?;
            let address = Address::parse(&format!("ws://{}/ws/", bound.address()))?.with_version(&version)?;
            tracing::info!("the embedded comet server listens at {address}");
            server = Some(Embedded::start(bound));
            (Settings { address, manner }, Vec::new())
        }
    };
    let address = settings.address.clone();
    let sandbox = Arc::new(Sandbox::new(config.plugins.max, config.plugins.largest_memory_bytes())?);
    let port = Port::new();
    let mut folder = Folder::new(&config.plugins.folder);
    let present = folder.look()?;
    let mut watch = Watch::start(folder);
    let mut roster = Roster::new(sandbox, config.plugins.clone(), port.clone(), config.service.outbox_bytes);
    let names = roster.names();
    let link = Link::new(settings, others, port.clone(), roster.subscription());
    let intake = Intake::new(roster.routes());
    let status = link.status();
    let mut thread = None;

    // Plugins are loaded beside everything else: a stop need not wait for a compiler.
    let (loaded, is_loaded) = oneshot::channel();
    let following = async {
        roster.follow(present).await;
        // Nobody waits for it once the bot stops.
        let _ = loaded.send(());
        loop {
            let changes = watch.changes().await;
            roster.follow(changes).await;
        }
    };
    let living = async {
        // The first subscription is complete: the link comes after the plugins.
        if is_loaded.await.is_err() {
            return Ok(());
        }
        if names.borrow().is_empty() {
            tracing::warn!(
                folder = %config.plugins.folder.display(),
                "no plugin runs: put a .wasm or .wat file into the folder and it is live at once"
            );
        }
        thread = Some(LinkThread::start(link, intake).map_err(BotError::Thread)?);
        supervisor::ready();
        announce(&mut status.clone(), &names, &address, started).await;
        Err(BotError::LinkEnded)
    };
    tokio::select! {
        () = stop => {}
        () = following => {}
        lived = living => lived?,
    }

    supervisor::stopping();
    tracing::info!("stopping: plugins finish what waits");
    let deadline = Instant::now() + config.service.drain;
    roster.drain(config.service.drain).await;
    if !has_left(&port, &status, deadline).await {
        tracing::warn!("some sends have not been answered by the server: whether they arrived is not known");
    }
    drop(thread);
    if let Some(server) = server {
        server.stop().await;
    }
    tracing::info!("stopped");
    Ok(())
}

/// Waits until every send has been answered, as long as there is a connection and time.
async fn has_left(port: &Port, status: &watch::Receiver<Status>, deadline: Instant) -> bool {
    while !port.outbox.is_idle() {
        if Instant::now() >= deadline || *status.borrow() != Status::Live {
            return false;
        }
        tokio::time::sleep(DRAIN_CHECK_EVERY).await;
    }
    true
}

/// Says how the link does, as long as it lives.
async fn announce(
    status: &mut watch::Receiver<Status>,
    names: &watch::Receiver<Vec<String>>,
    server: &Address,
    started: impl FnOnce(Started),
) {
    let mut started = Some(started);
    while status.changed().await.is_ok() {
        let now = status.borrow_and_update().clone();
        supervisor::status(&now);
        if now == Status::Live {
            let plugins = names.borrow().clone();
            tracing::info!(plugins = plugins.join(" "), "live: events reach the plugins");
            if let Some(started) = started.take() {
                started(Started { server: server.clone(), plugins });
            }
        }
    }
}

/// The embedded server, running.
struct Embedded {
    stop: oneshot::Sender<()>,
    tasks: JoinSet<()>,
}

impl Embedded {
    fn start(server: crate::local::Server) -> Self {
        let (stop, stopped) = oneshot::channel::<()>();
        let mut tasks = JoinSet::new();
        tasks.spawn(server.run(async move {
            // Dropping the sender means the same as sending.
            let _ = stopped.await;
        }));
        Self { stop, tasks }
    }

    async fn stop(mut self) {
        drop(self.stop);
        while self.tasks.join_next().await.is_some() {}
    }
}
