//! One connection for one errand: what the commands for people do, and what tests are written with.
//!
//! Unlike a [`Link`](super::link::Link) it does not come back: whoever runs an errand wants to know that it failed.

use std::{collections::BTreeSet, sync::Arc};

use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};

use super::{
    asks::Asks,
    catchup::{Catchup, Gap, Hearer},
    link::{
        Inlet, Port,
        connect::{ConnectError, Settings},
        session::{Ended, Session},
        status::{Board, Status},
    },
    name::PipeName,
    outbox::{Bounds, Lane, MAIN_EXIT},
    wire::{AnsweredPipe, Event, ServerError},
};
use crate::metrics::Metrics;

/// A connection whose subscription is in force.
pub struct Client {
    port: Port,
    /// Where to send.
    pub lane: Lane,
    /// Whom to ask.
    pub asks: Arc<Asks>,
    /// What is heard.
    pub events: mpsc::UnboundedReceiver<Event<'static>>,
    /// For each send, in order: taken, or the server's words.
    pub answers: mpsc::UnboundedReceiver<Result<(), String>>,
    /// Ends when the connection does.
    life: JoinSet<Ended>,
    // Kept, as a subscription that nobody can change any more is none to wait for.
    _subscription: watch::Sender<Arc<BTreeSet<PipeName>>>,
}

/// Why there is no connection, or no longer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// It could not be made.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// It ended.
    #[error("connection lost: {0}")]
    Ended(Ended),
}

impl Client {
    /// Connects and subscribes. About `outbox_bytes` of sends may wait.
    ///
    /// # Errors
    /// A [`ClientError`] that says what to change.
    pub async fn open(
        settings: &Settings,
        pipes: BTreeSet<PipeName>,
        outbox_bytes: usize,
    ) -> Result<Self, ClientError> {
        let board = Board::default();
        let place = board.place(MAIN_EXIT, &Metrics::new());
        let session = Session::open(settings, &place).await?;
        let port = Port::new(Arc::default(), settings.manner.timing.answer);
        let bounds = Bounds { bytes: outbox_bytes, sends: usize::MAX };
        let (lane, asks) = (port.outbox.lane("client", bounds), Arc::clone(&port.asks));
        let (subscription, subscribed) = watch::channel(Arc::new(pipes));
        let mut status = board.together();
        let (heard, events) = mpsc::unbounded_channel();
        let (answered, answers) = mpsc::unbounded_channel();
        let mut life = JoinSet::new();
        let own_port = port.clone();
        life.spawn(async move {
            let mut catchup = Catchup::new();
            session.run(&mut Ears { heard, answered }, &port, subscribed, &place, &mut catchup).await
        });
        let mut client = Self { port: own_port, lane, asks, events, answers, life, _subscription: subscription };
        tokio::select! {
            Ok(_) = status.wait_for(|status| *status == Status::Live) => Ok(client),
            ended = client.ended() => Err(ended),
        }
    }

    /// Both, for whoever makes lanes of their own.
    #[must_use]
    pub const fn port(&self) -> &Port {
        &self.port
    }

    /// Waits for the connection's end.
    pub async fn ended(&mut self) -> ClientError {
        ClientError::Ended(match self.life.join_next().await {
            Some(Ok(ended)) => ended,
            _ => Ended::Closed,
        })
    }
}

struct Ears {
    heard: mpsc::UnboundedSender<Event<'static>>,
    answered: mpsc::UnboundedSender<Result<(), String>>,
}

impl Hearer for Ears {
    fn event(&mut self, event: Event<'_>) {
        // Whoever listened may have enough.
        let _ = self.heard.send(event.into_owned());
    }

    /// There are none on one connection.
    fn gap(&mut self, _: Gap) {}
}

impl Inlet for Ears {
    fn answer(&mut self, outcome: Result<&AnsweredPipe<'_>, &ServerError<'_>>, _: Option<&str>) {
        let _ = self.answered.send(outcome.map(|_| ()).map_err(|error| error.text.clone().into_owned()));
    }

    fn settle(&mut self) {}
}
