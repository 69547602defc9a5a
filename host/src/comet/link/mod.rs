//! One connection to a comet server, kept alive: connect, authorize, subscribe, read, write, and again when it breaks.
//!
//! - [`connect`]: TCP, TLS, the websocket handshake, and the first frame, in which the server says who we are.
//! - [`session`]: one connection's life from its subscription to its end; `intake` and `writer` are its two directions.
//! - `frames`: commands as masked frames, and a stream that lets nothing of the library's own out; `opaque`: text on its
//!   way in is for the reader to judge, not for the library.
//! - [`Link`]: sessions one after the other, with growing pauses; what happened in between is caught up with.
//! - [`status`]: how links do. [`timing`]: how long they wait for what.
//!
//! What arrives leaves through an [`Inlet`], which the caller gives; what is to be sent comes from an exit of an
//! [`Outbox`]. [`fleet`](super::fleet) runs links; `cli` runs single sessions.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::BoxFuture;
use tokio::sync::watch;

use self::{
    backoff::Backoff,
    connect::{ConnectError, Settings},
    session::{Ended, Session},
    status::Place,
};
use super::{
    address::Address,
    asks::Asks,
    catchup::{Catchup, Hearer},
    name::{PERSONAL_PIPE, PipeName},
    outbox::{MAIN_EXIT, Outbox},
    wire::{ServerError, message::AnsweredPipe},
};
use crate::metrics::{Loss, LossReason, SendTally};

mod backoff;
pub mod connect;
mod frames;
mod intake;
mod opaque;
pub mod session;
pub mod status;
pub mod timing;
mod writer;

/// Takes what arrives. Called by the reader of a link, which must not wait: nothing here may block.
pub trait Inlet: Hearer + Send {
    /// A connection is about to be made.
    fn connecting(&mut self) {}

    /// The connection is gone, or did not come about.
    fn lost(&mut self) {}

    /// The answer to the oldest unanswered send, and the name of its lane if it was refused: the server took it,
    /// or says why it did not.
    fn answer(&mut self, outcome: Result<&AnsweredPipe<'_>, &ServerError<'_>>, sender: Option<&str>);

    /// Whether somebody hears a pipe that nobody else has brought without a break since then.
    fn misses(&mut self, _pipe: &str, _since: Instant) -> bool {
        true
    }

    /// All that has arrived has been handed in: now is the time to pass on what was gathered.
    fn settle(&mut self);

    /// After [`Self::settle`]: what the reader shall wait for before it reads on, if there is something. It does not wait
    /// for longer than half of what an answer may take.
    fn room(&mut self) -> Option<BoxFuture<'static, ()>> {
        None
    }

    /// The reader has waited, and reads on whether there is room or not.
    fn read_on(&mut self, _has_room: bool) {}
}

/// What goes out over one link, shared by all who send and ask.
#[derive(Debug, Clone)]
pub struct Port {
    /// Sends, of all links.
    pub outbox: Arc<Outbox>,
    /// The exit of the outbox that is this link's.
    pub exit: usize,
    /// Questions over this link.
    pub asks: Arc<Asks>,
}

impl Port {
    /// The port of the main exit of `outbox`. An answer may take `answer_timeout`.
    #[must_use]
    pub fn new(outbox: Arc<Outbox>, answer_timeout: Duration) -> Self {
        Self::at(outbox, MAIN_EXIT, answer_timeout)
    }

    pub(super) fn at(outbox: Arc<Outbox>, exit: usize, answer_timeout: Duration) -> Self {
        let asks = Arc::new(Asks::new(Arc::clone(&outbox), exit, answer_timeout));
        Self { outbox, exit, asks }
    }
}

/// A connection that comes back.
pub struct Link {
    settings: Settings,
    /// Servers that are as good, to be tried in turn after the one in `settings`.
    others: VecDeque<Address>,
    port: Port,
    /// The pipes to be subscribed; a change is sent to the server.
    subscription: watch::Receiver<Arc<BTreeSet<PipeName>>>,
    place: Place,
    sends: SendTally,
    catchup: Catchup,
}

impl Link {
    /// A link that does nothing until it is run. It shows at `place` how it does, and counts what becomes of its `sends`.
    #[must_use]
    pub fn new(
        settings: Settings,
        others: Vec<Address>,
        port: Port,
        subscription: watch::Receiver<Arc<BTreeSet<PipeName>>>,
        place: Place,
        sends: SendTally,
    ) -> Self {
        Self { settings, others: others.into(), port, subscription, place, sends, catchup: Catchup::new() }
    }

    /// Keeps a connection up for ever. Dropping the future ends the connection.
    pub async fn run(mut self, mut inlet: impl Inlet) {
        let number = self.port.exit;
        let mut backoff = Backoff::new(self.settings.manner.timing);
        let mut was_let_in = false;
        // Whether the server may have sent personal messages to a connection that was dead.
        let mut is_unsure = false;
        loop {
            inlet.connecting();
            let (why, pause) = match Session::open(&self.settings, &self.place).await {
                Ok(session) => {
                    let since = Instant::now();
                    was_let_in = true;
                    if std::mem::take(&mut is_unsure)
                        && let Some((gap, since)) = self.catchup.personal_gap(Instant::now())
                        && inlet.misses(PERSONAL_PIPE, since)
                    {
                        inlet.gap(gap);
                    }
                    let has_name = session.is_authorized();
                    let subscription = self.subscription.clone();
                    let session = session.run(&mut inlet, &self.port, subscription, &self.place, &mut self.catchup);
                    let ended = session.await;
                    is_unsure = has_name && ended.is_one_sided();
                    backoff.connection_lasted(since.elapsed());
                    (Failure::Ended(ended), backoff.next())
                }
                Err(error) => {
                    let error = if was_let_in { error.no_longer(&self.settings.manner.login) } else { error };
                    let pause = if error.is_lasting() { backoff.lasting() } else { backoff.next() };
                    (Failure::NotConnected(error), pause)
                }
            };
            inlet.lost();
            self.catchup.lost(Instant::now());
            let catchup = &mut self.catchup;
            let lost = self.port.outbox.connection_lost(number, |sent| {
                catchup.own_unknown(sent.shown_pipe(), sent.event, sent.message);
            });
            self.port.asks.connection_lost();
            self.place.lost(&Loss {
                reason: why.reason(),
                why: &why,
                server: &self.settings.address,
                unanswered_sends: lost.again + lost.given_up,
                pause,
            });
            self.sends.resent(number, lost.again as u64);
            self.sends.lost(number, lost.given_up as u64);
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
    #[error(transparent)]
    Ended(Ended),
    #[error(transparent)]
    NotConnected(ConnectError),
}

impl Failure {
    const fn reason(&self) -> LossReason {
        match self {
            Self::Ended(ended) => match ended {
                Ended::Closed => LossReason::Closed,
                Ended::Reading(_) => LossReason::Reading,
                Ended::FrameTooLarge { .. } => LossReason::FrameTooLarge,
                Ended::Writing(_) => LossReason::Writing,
                Ended::Stalled(_) => LossReason::Stalled,
                Ended::NotSubscribed(_) => LossReason::NotSubscribed,
                Ended::Disowned => LossReason::Disowned,
                Ended::Name(_) => LossReason::Internal,
            },
            Self::NotConnected(error) => match error {
                ConnectError::Login(_) => LossReason::Login,
                ConnectError::Unreachable { .. } => LossReason::Unreachable,
                ConnectError::Tls { .. } => LossReason::Tls,
                ConnectError::NoRoots(_) | ConnectError::NoAuthority { .. } => LossReason::Authorities,
                ConnectError::NoCometServer { .. } => LossReason::NoCometServer,
                ConnectError::Silent(_) => LossReason::Silent,
                ConnectError::Closed(_) => LossReason::ClosedEarly,
                ConnectError::Refused { .. } => LossReason::Refused,
                ConnectError::NotAuthorized { .. } | ConnectError::NoLongerAuthorized { .. } => {
                    LossReason::NotAuthorized
                }
            },
        }
    }
}
