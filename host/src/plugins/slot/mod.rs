//! One plugin's life: its queue, its running version, and the change from one version to the next.
//!
//! A slot outlives every version that runs in it. Events wait in the slot's [`Queue`], not in an instance, which is why a
//! swap loses none: a new version takes over between two events. Only [`Slot::swap`] replaces the running version.
//!
//! - [`Version`] and [`Starter`]: a version that could take over, and what makes one.
//! - [`Queue`]: where events wait.
//! - `occupant`: the task that handles them; `instance`: one instance of a version.
//!
//! Called by `bot`; calls `sandbox` and `api`. Knows nothing of the network.

use std::sync::Arc;

use tokio::{sync::mpsc, task::JoinHandle};

use self::occupant::Occupant;
pub use self::{
    instance::{Crash, Failure, StartError},
    queue::{Pushed, Queue},
    version::{Starter, Version},
};
use crate::metrics::PluginTally;

mod instance;
mod occupant;
mod queue;
mod version;

/// A handle on a slot. Dropping it stops the slot at once; [`Slot::drain`] lets it finish.
pub struct Slot {
    queue: Arc<Queue>,
    orders: mpsc::UnboundedSender<Order>,
    tally: PluginTally,
    task: JoinHandle<()>,
}

enum Order {
    Swap(Box<Version>),
    Drain,
}

impl Slot {
    /// Starts a slot with its first version.
    #[must_use]
    pub fn start(starter: Starter, version: Version) -> Self {
        let queue = Arc::new(Queue::with_bound(starter.queue_events()));
        let tally = starter.tally().clone();
        let (orders, receiver) = mpsc::unbounded_channel();
        let occupant = Occupant::new(starter, version, Arc::clone(&queue));
        Self { queue, orders, tally, task: tokio::spawn(occupant.run(receiver)) }
    }

    /// Where its events go.
    #[must_use]
    pub const fn queue(&self) -> &Arc<Queue> {
        &self.queue
    }

    /// Lets `version` take over before the next event; what the old version works on it finishes first.
    pub fn swap(&self, version: Version) {
        // A slot that ended meanwhile has nothing left to swap.
        let _ = self.orders.send(Order::Swap(Box::new(version)));
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
