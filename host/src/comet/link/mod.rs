//! One connection to a comet server, kept alive: connect, authorize, subscribe, read, write, and again when it breaks.
//!
//! - [`connect`]: TCP, TLS, the websocket handshake, and the first frame, in which the server says who we are.
//! - [`session`]: one connection's life from its subscription to its end.
//! - `frames`: commands as masked frames, and a stream that lets nothing of the library's own out.
//! - [`Link`]: sessions one after the other, with growing pauses; [`thread`] gives it a thread of its own.
//!
//! What arrives leaves through an [`Inlet`], which the caller gives; what is to be sent comes from an
//! [`Outbox`](super::outbox::Outbox). `bot` runs a [`Link`]; `cli` runs single sessions.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use tokio::sync::watch;

use self::{
    backoff::Backoff,
    connect::{ConnectError, Settings},
    session::{Ended, Session},
};
use super::{
    address::Address,
    asks::Asks,
    name::PipeName,
    outbox::Outbox,
    wire::{Event, ServerError, message::AnsweredPipe},
};

mod backoff;
pub mod connect;
mod frames;
pub mod session;
pub mod thread;

/// Takes what arrives. Called by the reader of a link, which must not wait: nothing here may block.
pub trait Inlet: Send {
    /// An event. Rows of a log that somebody asked for do not come here.
    fn event(&mut self, event: Event<'_>);

    /// The answer to the oldest unanswered send, and the name of its lane if it was refused: the server took it,
    /// or says why it did not.
    fn answer(&mut self, outcome: Result<&AnsweredPipe<'_>, &ServerError<'_>>, sender: Option<&str>);

    /// All that has arrived has been handed in: now is the time to pass on what was gathered.
    fn settle(&mut self);
}

/// How a link does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// It connects and waits for the server to say who we are.
    Connecting,
    /// Events arrive: the subscription is in force.
    Live,
    /// There is no connection; the next try comes after `pause`.
    Waiting {
        /// Counted from when this was set.
        pause: Duration,
    },
}

/// What goes out over a link, shared by all who send and ask.
#[derive(Debug, Clone)]
pub struct Port {
    /// Sends.
    pub outbox: Arc<Outbox>,
    /// Questions.
    pub asks: Arc<Asks>,
}

impl Port {
    /// A port that no link serves yet.
    #[must_use]
    pub fn new() -> Self {
        let outbox = Arc::new(Outbox::default());
        Self { asks: Arc::new(Asks::new(Arc::clone(&outbox))), outbox }
    }
}

impl Default for Port {
    fn default() -> Self {
        Self::new()
    }
}

/// A connection that comes back.
pub struct Link {
    settings: Settings,
    /// Servers that are as good, to be tried in turn after the one in `settings`.
    others: VecDeque<Address>,
    port: Port,
    /// The pipes to be subscribed; a change is sent to the server at once.
    subscription: watch::Receiver<Arc<BTreeSet<PipeName>>>,
    status: watch::Sender<Status>,
}

impl Link {
    /// A link that does nothing until it is run.
    #[must_use]
    pub fn new(
        settings: Settings,
        others: Vec<Address>,
        port: Port,
        subscription: watch::Receiver<Arc<BTreeSet<PipeName>>>,
    ) -> Self {
        Self { settings, others: others.into(), port, subscription, status: watch::Sender::new(Status::Connecting) }
    }

    /// How the link does, from now on.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    /// Keeps a connection up for ever. Dropping the future ends the connection.
    pub async fn run(mut self, mut inlet: impl Inlet) {
        let mut backoff = Backoff::default();
        loop {
            self.status.send_replace(Status::Connecting);
            let (why, pause) = match Session::open(&self.settings).await {
                Ok(session) => {
                    let since = tokio::time::Instant::now();
                    let ended = session.run(&mut inlet, &self.port, self.subscription.clone(), &self.status).await;
                    backoff.connection_lasted(since.elapsed());
                    (Failure::Ended(ended), backoff.next())
                }
                Err(error) => {
                    let pause = if error.is_lasting() { backoff.longest() } else { backoff.next() };
                    (Failure::NotConnected(error), pause)
                }
            };
            let unknown = self.port.outbox.connection_lost();
            self.port.asks.connection_lost();
            tracing::warn!(
                server = %self.settings.address,
                unanswered_sends = unknown,
                "{why}; next try in {:.1} s", pause.as_secs_f64()
            );
            self.status.send_replace(Status::Waiting { pause });
            self.turn_to_the_next_server();
            tokio::time::sleep(pause).await;
        }
    }

    fn turn_to_the_next_server(&mut self) {
        if let Some(next) = self.others.pop_front() {
            self.others.push_back(std::mem::replace(&mut self.settings.address, next));
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("connection lost: {0}")]
    Ended(Ended),
    #[error("cannot connect: {0}")]
    NotConnected(ConnectError),
}
