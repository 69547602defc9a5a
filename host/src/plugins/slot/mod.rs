//! One plugin's life: its queue, its running version, and the change from one version to the next.
//!
//! A slot outlives every version that runs in it. Events wait in the slot's [`Queue`], not in an instance, which is why a
//! swap loses none: a new version takes over between two events, with what the old one saved, and the old one is kept
//! until the new one has shown what it can do.
//!
//! - [`Version`] and [`Starter`]: a version that could take over, and what makes one.
//! - [`Queue`]: where events wait.
//! - `occupant`: the task that handles them; `instance`: one instance of a version.
//! - `gate`: until when it takes no next event; `retry`: how an event is tried again; `breaker`: when a
//!   plugin that fails on one event after the other is left in peace; `loops`: whether it and somebody else answer each
//!   other without end.
//! - `swap`, `probation`: how a version takes over, and how it is taken back.
//! - `shadow`: a candidate that runs beside it, without effect.
//!
//! Called by `bot`; `cli` and `kit` make versions without a slot. Calls `sandbox`, `api` and `kept`. Knows nothing of the
//! network.

use std::sync::Arc;

use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use self::occupant::Occupant;
pub use self::{
    instance::{Crash, Failure, StartError, StateError},
    queue::{Pushed, Queue},
    shadow::Comparison,
    starter::Starter,
    swap::{Manner, SwapError, Switched},
    version::{Identity, Version},
};
use super::grants::Granted;
use crate::metrics::PluginTally;

mod breaker;
mod gate;
mod instance;
mod loops;
mod occupant;
mod probation;
mod queue;
mod retry;
mod shadow;
mod starter;
mod swap;
mod version;

/// A handle on a slot. Dropping it stops the slot at once; [`Slot::drain`] lets it finish.
pub struct Slot {
    queue: Arc<Queue>,
    orders: mpsc::UnboundedSender<Order>,
    tally: PluginTally,
    task: JoinHandle<()>,
}

enum Order {
    Swap { version: Box<Version>, manner: Manner, reply: oneshot::Sender<Result<Switched, SwapError>> },
    Shadow { candidate: Box<Version>, reply: oneshot::Sender<Result<Arc<Comparison>, SwapError>> },
    EndShadow,
    Regrant(Box<Granted>),
    Drain,
}

/// What a slot says of itself.
#[derive(Debug)]
pub struct News {
    /// The plugin.
    pub plugin: Arc<str>,
    /// How many versions had taken over in the slot when it happened: this may be heard ahead of the answer to
    /// [`Slot::swap`].
    pub turn: u64,
    /// What has happened.
    pub what: Happened,
}

/// What has become of a version on probation.
#[derive(Debug)]
pub enum Happened {
    /// It stays.
    Passed,
    /// It failed too often, and the one before has come back.
    RolledBack {
        /// The version that failed.
        bad: Box<Identity>,
        /// The version that runs again.
        good: Box<Identity>,
        /// In words.
        why: String,
    },
}

impl Slot {
    /// Starts a slot with its first version.
    #[must_use]
    pub fn start(version: Version, news: mpsc::UnboundedSender<News>) -> Self {
        let queue = Arc::new({
            let terms = version.starter.terms();
            Queue::new(terms.queue_events, terms.queue_full)
        });
        let tally = version.starter.tally().clone();
        let (orders, receiver) = mpsc::unbounded_channel();
        let occupant = Occupant::new(version, Arc::clone(&queue), news);
        Self { queue, orders, tally, task: tokio::spawn(occupant.run(receiver)) }
    }

    /// Where its events go.
    #[must_use]
    pub const fn queue(&self) -> &Arc<Queue> {
        &self.queue
    }

    /// Lets `version` take over before the next event. What the old version works on it finishes first. Nothing comes back
    /// if the slot ends before.
    pub fn swap(&self, version: Version, manner: Manner) -> oneshot::Receiver<Result<Switched, SwapError>> {
        let (reply, replied) = oneshot::channel();
        // A slot that ended meanwhile has nothing left to swap: then the answer does not come.
        let _ = self.orders.send(Order::Swap { version: Box::new(version), manner, reply });
        replied
    }

    /// Lets `candidate` run beside the running version from the next event on, without effect, until the next swap.
    pub fn shadow(&self, candidate: Version) -> oneshot::Receiver<Result<Arc<Comparison>, SwapError>> {
        let (reply, replied) = oneshot::channel();
        let _ = self.orders.send(Order::Shadow { candidate: Box::new(candidate), reply });
        replied
    }

    /// Ends the candidate that runs beside, if there is one.
    pub fn end_shadow(&self) {
        let _ = self.orders.send(Order::EndShadow);
    }

    /// From the next event on this is what is granted, to the version that runs and to the one that may come back. A
    /// candidate that runs beside ends.
    pub fn regrant(&self, granted: Granted) {
        let _ = self.orders.send(Order::Regrant(Box::new(granted)));
    }

    /// Lets the slot handle what waits, then ends it; gives what it has done.
    pub async fn drain(mut self) -> PluginTally {
        if self.orders.send(Order::Drain).is_ok() {
            // A slot that ended by itself has drained as far as it could.
            let _ = (&mut self.task).await;
        }
        self.tally.clone()
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.task.abort();
    }
}
