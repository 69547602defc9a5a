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
    link::{
        Inlet, Port, Status,
        connect::{ConnectError, Settings},
        session::{Ended, Session},
    },
    name::PipeName,
    outbox::Lane,
    wire::{AnsweredPipe, Event, ServerError},
};

/// A connection whose subscription is in force.
pub struct Client {
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
        let session = Session::open(settings).await?;
        let port = Port::new();
        let (lane, asks) = (port.outbox.lane("client", outbox_bytes), Arc::clone(&port.asks));
        let (subscription, subscribed) = watch::channel(Arc::new(pipes));
        let (status, mut status_seen) = watch::channel(Status::Connecting);
        let (heard, events) = mpsc::unbounded_channel();
        let (answered, answers) = mpsc::unbounded_channel();
        let mut life = JoinSet::new();
        life.spawn(async move { session.run(&mut Ears { heard, answered }, &port, subscribed, &status).await });
        let mut client = Self { lane, asks, events, answers, life, _subscription: subscription };
        tokio::select! {
            Ok(_) = status_seen.wait_for(|status| *status == Status::Live) => Ok(client),
            ended = client.ended() => Err(ended),
        }
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

impl Inlet for Ears {
    fn event(&mut self, event: Event<'_>) {
        // Whoever listened may have enough.
        let _ = self.heard.send(event.into_owned());
    }

    fn answer(&mut self, outcome: Result<&AnsweredPipe<'_>, &ServerError<'_>>, _: Option<&str>) {
        let _ = self.answered.send(outcome.map(|_| ()).map_err(|error| error.text.clone().into_owned()));
    }

    fn settle(&mut self) {}
}
