//! What the commands for people share: one connection to any comet server.

use std::{collections::BTreeSet, sync::Arc};

use clap::Args;
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};

use super::{CliError, Common, logging, output::Shown};
use crate::{
    comet::{
        address::Address,
        asks::{AskError, Asks},
        link::{
            Inlet, Port, Status,
            connect::Settings,
            session::{Ended, Session},
        },
        login::LoginSource,
        name::PipeName,
        outbox::Lane,
        wire::{AnsweredPipe, Event, ServerError},
    },
    config::Server,
};

/// How much a client keeps waiting to be sent, in bytes.
const OUTBOX_BYTES: usize = 1024 * 1024;

/// Which server.
#[derive(Debug, Args)]
pub(super) struct Target {
    /// The comet server, as in wss://comet.example.org/ws/ [default: the one in the configuration]
    #[arg(long, value_name = "URL")]
    server: Option<String>,
}

impl Target {
    fn settings(&self, common: &Common) -> Result<Settings, CliError> {
        let config = common.load_if_there()?;
        let settings = match config.server {
            Server::At(settings) => settings,
            Server::Embedded(server) => {
                let address = Address::parse(&format!("ws://{}/ws/", config.embedded.listen))
                    .and_then(|address| address.with_version(&server.version));
                let address = address.map_err(CliError::usage)?;
                Settings { address, login: server.login, heartbeat: server.heartbeat }
            }
        };
        let Some(url) = &self.server else { return Ok(settings) };
        let address = Address::parse(url).and_then(|address| address.with_version(settings.address.version()));
        let address = address.map_err(CliError::usage)?;
        // A token is for the server that it was configured for, and for no other.
        let login = if address.is_same_server(&settings.address) { settings.login } else { LoginSource::anonymous() };
        Ok(Settings { address, login, ..settings })
    }
}

/// Why a question has no answer, as the end of a command.
pub(super) fn not_answered(error: AskError) -> CliError {
    match error {
        AskError::Refused(refusal) => CliError::usage(refusal),
        AskError::NotConnected => CliError::no_connection(error),
        AskError::TimedOut => CliError::failed(error),
    }
}

/// A connection whose subscription is in force.
pub(super) struct Client {
    pub(super) lane: Lane,
    pub(super) asks: Arc<Asks>,
    pub(super) events: mpsc::UnboundedReceiver<Shown>,
    pub(super) answers: mpsc::UnboundedReceiver<Result<(), String>>,
    /// Ends when the connection does.
    life: JoinSet<Ended>,
    // Kept, as a subscription that nobody can change any more is none to wait for.
    _subscription: watch::Sender<Arc<BTreeSet<PipeName>>>,
}

impl Client {
    /// Connects and subscribes.
    pub(super) async fn open(common: &Common, target: &Target, pipes: BTreeSet<PipeName>) -> Result<Self, CliError> {
        let settings = target.settings(common)?;
        logging::start_for_people()?;
        let session = Session::open(&settings).await.map_err(CliError::no_connection)?;
        let port = Port::new();
        let lane = port.outbox.lane(OUTBOX_BYTES);
        let (subscription, subscribed) = watch::channel(Arc::new(pipes));
        let (status, mut status_seen) = watch::channel(Status::Connecting);
        let (heard, events) = mpsc::unbounded_channel();
        let (answered, answers) = mpsc::unbounded_channel();
        let mut life = JoinSet::new();
        let asks = Arc::clone(&port.asks);
        life.spawn(async move { session.run(&mut Ears { heard, answered }, &port, subscribed, &status).await });
        let mut client = Self { lane, asks, events, answers, life, _subscription: subscription };
        tokio::select! {
            live = status_seen.wait_for(|status| *status == Status::Live) => match live {
                Ok(_) => {}
                Err(_) => return Err(client.ended().await),
            },
            error = client.ended() => return Err(error),
        }
        Ok(client)
    }

    /// Waits for the connection's end, which is an error to whoever still needs it.
    pub(super) async fn ended(&mut self) -> CliError {
        match self.life.join_next().await {
            Some(Ok(ended)) => CliError::no_connection(format!("connection lost: {ended}")),
            _ => CliError::no_connection("connection lost"),
        }
    }
}

struct Ears {
    heard: mpsc::UnboundedSender<Shown>,
    answered: mpsc::UnboundedSender<Result<(), String>>,
}

impl Inlet for Ears {
    fn event(&mut self, event: Event<'_>) {
        // Whoever listened may have enough.
        let _ = self.heard.send(Shown {
            pipe: event.pipe.into_owned(),
            event: event.name.into_owned(),
            data: event.data.into_owned(),
            user_id: event.user_id,
            time: event.time,
            history: event.history,
        });
    }

    fn answer(&mut self, outcome: Result<&AnsweredPipe<'_>, &ServerError<'_>>) {
        let _ = self.answered.send(outcome.map(|_| ()).map_err(|error| error.text.clone().into_owned()));
    }

    fn settle(&mut self) {}
}
