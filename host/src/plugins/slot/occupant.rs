//! The task of a slot: takes events out of the queue and lets the running version handle them, one at a time.

use std::{collections::VecDeque, ops::ControlFlow, pin::pin, sync::Arc};

use futures_util::future::poll_immediate;
use tokio::{sync::mpsc, time::timeout};

use super::{
    Order,
    instance::{Crash, Failure, Instance, StartError},
    queue::Queue,
    version::{Starter, Version},
};
use crate::{
    metrics::{Dropped, Failed},
    plugins::{
        api::Event,
        grants::Grants,
        limits::{QUEUE_BYTES, WAIT_TIME},
        outgoing::Outgoing,
        package::Package,
    },
};

/// Sends that are ready leave at the latest when they are so many bytes.
const FLUSH_BYTES: usize = 16 * 1024;

/// Events that are handled before the slot looks up again, so that none of its neighbours starves.
const STRETCH_EVENTS: usize = 256;

/// The task of a slot.
pub(super) struct Occupant {
    starter: Starter,
    package: Package,
    grants: Arc<Grants>,
    /// None after a crash, until the next event.
    instance: Option<Instance>,
    queue: Arc<Queue>,
    /// Events taken out of the queue and not handled yet.
    batch: VecDeque<Arc<Event>>,
    /// Whether the routes may have been made for another version than the running one.
    has_swapped: bool,
    /// The running version in log lines.
    label: Arc<str>,
}

impl Occupant {
    /// A task that handles what `queue` gets, with `version` to begin with.
    pub(super) fn new(starter: Starter, version: Version, queue: Arc<Queue>) -> Self {
        Self {
            starter,
            package: version.package,
            grants: version.grants,
            label: version.label,
            instance: Some(version.instance),
            queue,
            batch: VecDeque::new(),
            has_swapped: false,
        }
    }

    pub(super) async fn run(mut self, mut orders: mpsc::UnboundedReceiver<Order>) {
        let queue = Arc::clone(&self.queue);
        let outgoing = Arc::clone(self.starter.outgoing());
        loop {
            if self.batch.is_empty() {
                queue.take(&mut self.batch);
            }
            let busy = !self.batch.is_empty();
            tokio::select! {
                biased;
                order = orders.recv() => match order {
                    Some(order) => if self.obey(order).await.is_break() { return },
                    None => return,
                },
                () = outgoing.lane().room(), if busy => self.stretch(&orders).await,
                () = queue.filled(), if !busy => {}
            }
        }
    }

    async fn obey(&mut self, order: Order) -> ControlFlow<()> {
        match order {
            Order::Swap(version) => {
                let Version { package, instance, grants, label, .. } = *version;
                (self.package, self.instance, self.grants, self.label) = (package, Some(instance), grants, label);
                // What waits was meant for the old version, and more of that may come before the routes follow.
                self.has_swapped = true;
                tracing::info!(
                    plugin = self.starter.name(),
                    version = &*self.label,
                    "plugin replaced: {}",
                    self.grants
                );
                ControlFlow::Continue(())
            }
            Order::Drain => {
                loop {
                    if self.batch.is_empty() {
                        self.queue.take(&mut self.batch);
                    }
                    let Some(event) = self.batch.pop_front() else { break };
                    self.starter.outgoing().lane().room().await;
                    self.handle(event).await;
                    self.starter.outgoing().flush();
                }
                ControlFlow::Break(())
            }
        }
    }

    /// Handles events until none is left, an order waits, or enough is ready to be sent.
    async fn stretch(&mut self, orders: &mpsc::UnboundedReceiver<Order>) {
        for _ in 0..STRETCH_EVENTS {
            let Some(event) = self.batch.pop_front() else { break };
            let committed = self.handle(event).await;
            if committed >= FLUSH_BYTES || !orders.is_empty() {
                break;
            }
        }
        self.starter.outgoing().flush();
        self.starter.tally().dropped(&Dropped {
            version: &self.label,
            events: self.queue.take_dropped(),
            queue_events: self.starter.queue_events(),
            queue_mib: QUEUE_BYTES / (1024 * 1024),
        });
        tokio::task::consume_budget().await;
    }

    /// Handles one event; gives how many bytes of sends are committed and not flushed.
    async fn handle(&mut self, event: Arc<Event>) -> usize {
        if self.has_swapped && !self.grants.hears(&event.pipe, &event.name) {
            return 0;
        }
        if self.instance.is_none() {
            // Boxed, as this is rare and every event would carry its size otherwise.
            let restarting = restart(self.starter.clone(), self.package.clone(), Arc::clone(&self.grants));
            match Box::pin(restarting).await {
                Ok(instance) => self.instance = Some(instance),
                Err(error) => {
                    self.failed(&event, &format_args!("its instance cannot be made anew: {error}"), &[]);
                    return 0;
                }
            }
        }
        let Some(instance) = &mut self.instance else { return 0 };
        match bounded(instance.handle(Arc::clone(&event)), self.starter.outgoing()).await {
            Ok(committed) => {
                self.starter.tally().handled();
                committed
            }
            Err(failure) => {
                self.lost(&event, &failure);
                0
            }
        }
    }

    #[cold]
    fn lost(&mut self, event: &Event, failure: &Failure) {
        let backtrace = match failure {
            Failure::Crashed(crash) => {
                self.instance = None;
                crash.backtrace.as_slice()
            }
            Failure::Returned(_) => &[],
        };
        self.failed(event, failure, backtrace);
    }

    fn failed(&self, event: &Event, why: &dyn std::fmt::Display, backtrace: &[String]) {
        self.starter.tally().failed(&Failed {
            version: &self.label,
            pipe: &event.pipe,
            event: &event.name,
            backtrace,
            why,
        });
    }
}

/// A new instance, since the last call cost the old one. Routes were made of the old one's grants, so it gets those.
async fn restart(starter: Starter, package: Package, grants: Arc<Grants>) -> Result<Instance, StartError> {
    let mut version = starter.start(package).await?;
    version.instance.keep_grants(grants);
    Ok(version.instance)
}

/// Ends a call that waits too long. Most calls never wait, and they do not pay for a timer. When one does, what earlier
/// events have sent leaves first: it must not wait as well.
async fn bounded(call: impl Future<Output = Result<usize, Failure>>, outgoing: &Outgoing) -> Result<usize, Failure> {
    let mut call = pin!(call);
    if let Some(outcome) = poll_immediate(&mut call).await {
        return outcome;
    }
    outgoing.flush();
    Box::pin(timeout(WAIT_TIME, call)).await.unwrap_or_else(|_| {
        let reason = format!("it waited longer than {} s and was stopped", WAIT_TIME.as_secs());
        Err(Failure::Crashed(Box::new(Crash { reason, backtrace: Vec::new() })))
    })
}
