//! The bot: puts the parts together, keeps them going, and stops them in order.
//!
//! Start: the embedded server if it is wanted, the sandbox, every plugin in the folder, then the link, so that its first
//! subscription is complete. Stop: no new events, plugins finish what waits, sends leave, the connection ends; all of it
//! within a bound. Called by `cli`.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot, watch},
    task::JoinSet,
    time::Instant,
};

use self::{
    config_file::ConfigFile,
    control::{Control, ControlError},
    embedded::EmbeddedError,
    inlet::Intake,
    roster::{Inputs, Roster, Workshop},
    settings::{Hooks, LiveConfig},
};
use crate::{
    comet::{
        address::{Address, AddressError},
        fleet::{Fleet, thread::FleetThread},
        link::{connect::Settings, status::Status},
        outbox::{Bounds, Delivery, Outbox, StockError},
    },
    config::{self, Config, Server},
    metrics::{self, Metrics},
    plugins::{
        folder::{Folder, FolderError, Watch},
        kept::{Kept, KeptError},
        package::Compiled,
        sandbox::{Room, Sandbox, SandboxError},
    },
};

mod config_file;
pub mod control;
pub mod embedded;
mod inlet;
pub mod outcome;
pub mod roster;
pub mod settings;
mod supervisor;
mod token;

/// How often it is checked, while stopping, whether everything has left.
const DRAIN_CHECK_EVERY: Duration = Duration::from_millis(5);

/// Requests of commands that may wait for the roster.
const REQUESTS: usize = 16;

/// How often it is counted what waits.
const GAUGES_EVERY: Duration = Duration::from_secs(1);

/// Why a bot does not run.
#[derive(Debug, thiserror::Error)]
pub enum BotError {
    /// The embedded server does not start.
    #[error(transparent)]
    Embedded(#[from] EmbeddedError),
    /// The address of the embedded server is none that can be connected to.
    #[error("the embedded server cannot be connected to: {0}")]
    Address(#[from] AddressError),
    /// The metrics cannot be served.
    #[error("metrics cannot be served at {address} ({source}): change `metrics` in [service]")]
    Metrics {
        /// Where.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// What is to be sent cannot be kept on disk.
    #[error(transparent)]
    Outbox(#[from] StockError),
    /// What outlives the bot has no place.
    #[error(transparent)]
    Kept(#[from] KeptError),
    /// Compiled plugins cannot be kept.
    #[error("compiled plugins cannot be kept in {folder} ({source}): set `state-folder` in [service] to a folder that the bot may write to", folder = folder.display())]
    Compiled {
        /// Where.
        folder: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Commands could not reach the bot.
    #[error(transparent)]
    Control(#[from] ControlError),
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

/// Runs a bot until `stop` resolves, then stops it in order. Its configuration may change meanwhile.
///
/// # Errors
/// A [`BotError`] if it cannot start. What goes wrong later is in the log, and the bot goes on.
pub async fn run(config: Config, hooks: Hooks, stop: impl Future<Output = ()>) -> Result<(), BotError> {
    let Hooks { file, environment, reread, set_log_level, compiler, started } = hooks;
    let mut config_file = ConfigFile::follow(file.clone(), reread);
    let mut live = LiveConfig::new(file, environment, config.clone(), set_log_level);
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
    let sandbox = Arc::new(Sandbox::new(Room::wanted_by(&config.plugins))?);
    let login = settings.manner.login.clone();
    let metrics = Metrics::new();
    let served = serve_metrics(config.service.metrics, &metrics).await?;
    let outbox = Arc::new(outbox(&config.service)?);
    let kept = Kept::open(&config.service.state_folder)?;
    let compiled = Arc::new(compiled(&kept)?);
    let (asks, mut asked) = mpsc::channel(REQUESTS);
    let control = serve_control(&config.service.control, asks).await?;
    let mut folder = Folder::new(&config.plugins.folder);
    let present = folder.look()?;
    let mut watch = Watch::start(folder);
    let (wanted, subscription) = watch::channel(Arc::default());
    let fleet = Fleet::new(settings, others, Arc::clone(&outbox), subscription, metrics.clone());
    let bounds = bounds(&config.service);
    let port = fleet.port().clone();
    let workshop = Workshop { sandbox, compiler, compiled, kept, port, bounds, metrics: metrics.clone() };
    let mut roster = Roster::new(workshop, config.plugins.clone(), wanted);
    let names = roster.names();
    let intake = Intake::new(roster.routes(), metrics.sends().clone());
    let status = fleet.status();
    let mut thread = None;

    // Plugins are loaded beside everything else: a stop need not wait for a compiler.
    let (loaded, is_loaded) = oneshot::channel();
    let following = async {
        roster.begin(present).await;
        // Nobody waits for it once the bot stops.
        let _ = loaded.send(());
        roster
            .run(Inputs { watch: &mut watch, asked: &mut asked, config_file: &mut config_file, live: &mut live })
            .await;
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
        thread = Some(FleetThread::start(fleet, intake).map_err(BotError::Thread)?);
        supervisor::ready();
        announce(&mut status.clone(), &names, &address, started).await;
        Err(BotError::LinkEnded)
    };
    let gauges = async {
        let mut tick = tokio::time::interval(GAUGES_EVERY);
        loop {
            tick.tick().await;
            let load = outbox.load();
            metrics.sends().waiting(load.sends, load.bytes);
        }
    };
    tokio::select! {
        () = stop => {}
        () = following => {}
        () = token::follow(&login, &metrics) => {}
        () = gauges => {}
        lived = living => lived?,
    }

    // Whoever asks now would wait for an answer that does not come.
    drop(control);
    supervisor::stopping();
    tracing::info!("stopping: plugins finish what waits");
    let drain = live.in_force().service.drain;
    let deadline = Instant::now() + drain;
    roster.drain(drain).await;
    let_leave(&outbox, deadline).await;
    say_what_is_left(outbox.load().sends, &config.service);
    drop(thread);
    drop(served);
    if let Some(server) = server {
        server.stop().await;
    }
    tracing::info!("stopped");
    Ok(())
}

/// Lets commands reach the bot. A path that no socket can have keeps no bot from running, and neither does a system
/// without such sockets.
async fn serve_control(path: &Path, asks: mpsc::Sender<control::Asked>) -> Result<Option<Control>, ControlError> {
    match Control::serve(path, asks).await {
        Ok(control) => Ok(Some(control)),
        Err(error) if error.is_bearable() => {
            tracing::warn!("no command reaches this bot: {error}");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Serves the metrics, if that is wanted, until what is given is dropped.
async fn serve_metrics(at: Option<SocketAddr>, metrics: &Metrics) -> Result<Option<JoinSet<()>>, BotError> {
    let Some(address) = at else { return Ok(None) };
    let cannot = |source| BotError::Metrics { address, source };
    let listener = TcpListener::bind(address).await.map_err(cannot)?;
    tracing::info!("metrics are at http://{}/metrics", listener.local_addr().map_err(cannot)?);
    let mut tasks = JoinSet::new();
    tasks.spawn(metrics::serve(listener, metrics.clone()));
    Ok(Some(tasks))
}

/// What waits to be sent, as the configuration wants it.
fn outbox(service: &config::Service) -> Result<Outbox, StockError> {
    match &service.outbox {
        config::Outbox::Memory => Ok(Outbox::new(service.delivery)),
        config::Outbox::Disk(folder) => Outbox::on_disk(service.delivery, folder.clone(), bounds(service)),
    }
}

/// Where compiled plugins are kept.
fn compiled(kept: &Kept) -> Result<Compiled, BotError> {
    let folder = kept.compiled().to_owned();
    Compiled::open(folder.clone()).map_err(|source| BotError::Compiled { folder, source })
}

fn bounds(service: &config::Service) -> Bounds {
    Bounds { bytes: service.outbox_bytes, sends: service.outbox_sends }
}

/// Waits until every send has been answered for which there is a connection, as long as there is time.
async fn let_leave(outbox: &Outbox, deadline: Instant) {
    while !outbox.all_has_left() && Instant::now() < deadline {
        tokio::time::sleep(DRAIN_CHECK_EVERY).await;
    }
}

fn say_what_is_left(sends: usize, service: &config::Service) {
    if sends == 0 {
        return;
    }
    match (&service.outbox, service.delivery) {
        (config::Outbox::Memory, _) => {
            tracing::warn!(sends, "some sends have not been answered by the server: whether they arrived is not known");
        }
        (config::Outbox::Disk(_), Delivery::AtLeastOnce) => tracing::info!(
            sends,
            "some sends have not been answered by the server: they are on disk and leave at the next start"
        ),
        (config::Outbox::Disk(_), Delivery::AtMostOnce) => tracing::warn!(
            sends,
            "some sends have not been answered by the server: those that had not left do so at the next start, whether \
             the others arrived is not known"
        ),
    }
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
        let now = *status.borrow_and_update();
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
