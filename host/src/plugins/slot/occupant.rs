//! The task of a slot: takes events out of the queue and lets the running version handle them, one at a time.

use std::{
    collections::VecDeque,
    ops::ControlFlow,
    pin::pin,
    sync::{Arc, atomic::Ordering},
};

use futures_util::future::poll_immediate;
use tokio::{sync::mpsc, time::timeout};

use super::{
    Order, Tally,
    instance::{Crash, Failure, Instance, StartError},
    queue::Queue,
    version::{Starter, Version},
};
use crate::{
    plugins::{api::Event, grants::Grants, package::Package, sandbox::limits::WAIT_TIME},
    report::{Quiet, Throttle},
};

/// Sends that are ready leave at the latest when they are so many bytes.
const FLUSH_BYTES: usize = 16 * 1024;

/// Failures that are logged one by one; those beyond are counted.
const FAILURES_PER_SECOND: u32 = 20;

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
    tally: Arc<Tally>,
    dropped: Throttle,
    failures: Throttle,
    /// The running version in log lines.
    label: Arc<str>,
}

impl Occupant {
    /// A task that handles what `queue` gets, with `version` to begin with, and counts in `tally`.
    pub(super) fn new(starter: Starter, version: Version, queue: Arc<Queue>, tally: Arc<Tally>) -> Self {
        Self {
            starter,
            package: version.package,
            grants: version.grants,
            label: version.label,
            instance: Some(version.instance),
            queue,
            batch: VecDeque::new(),
            tally,
            dropped: Throttle::lines_per_second(1),
            failures: Throttle::lines_per_second(FAILURES_PER_SECOND),
        }
    }

    pub(super) async fn run(mut self, mut orders: mpsc::UnboundedReceiver<Order>) {
        let queue = Arc::clone(&self.queue);
        let outbox = Arc::clone(self.starter.outbox());
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
                () = outbox.room(), if busy => self.stretch(&orders).await,
                () = queue.filled(), if !busy => {}
            }
        }
    }

    async fn obey(&mut self, order: Order) -> ControlFlow<()> {
        match order {
            Order::Swap(version) => {
                let Version { package, instance, grants, label, .. } = *version;
                (self.package, self.instance, self.grants, self.label) = (package, Some(instance), grants, label);
                // What waits was meant for the old version; of it, the new one hears what it asked for itself.
                let mut waiting = VecDeque::new();
                self.queue.take(&mut waiting);
                self.batch.append(&mut waiting);
                let grants = &self.grants;
                self.batch.retain(|event| grants.hears(&event.pipe, &event.name));
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
                    self.handle(event).await;
                    self.flush();
                }
                ControlFlow::Break(())
            }
        }
    }

    /// Handles events until none is left, an order waits, or enough is ready to be sent.
    async fn stretch(&mut self, orders: &mpsc::UnboundedReceiver<Order>) {
        for _ in 0..STRETCH_EVENTS {
            let Some(event) = self.batch.pop_front() else { break };
            self.handle(event).await;
            let ready = self.instance.as_ref().map_or(0, Instance::ready_bytes);
            if ready >= FLUSH_BYTES || !orders.is_empty() {
                break;
            }
        }
        self.flush();
        if let Some(times) = self.dropped.pass_many(self.queue.take_dropped()) {
            tracing::warn!(
                plugin = self.starter.name(),
                version = &*self.label,
                events = times,
                "events were dropped: {} already wait, which is the most; give the plugin less to hear or a larger \
                 `queue-events`",
                self.starter.queue_events()
            );
        }
        tokio::task::consume_budget().await;
    }

    fn flush(&mut self) {
        if let Some(instance) = &mut self.instance {
            instance.flush();
        }
    }

    async fn handle(&mut self, event: Arc<Event>) {
        if self.instance.is_none() {
            // Boxed, as this is rare and every event would carry its size otherwise.
            let restarting = restart(self.starter.clone(), self.package.clone(), Arc::clone(&self.grants));
            match Box::pin(restarting).await {
                Ok(instance) => self.instance = Some(instance),
                Err(error) => {
                    self.failed(&event, &format_args!("its instance cannot be made anew: {error}"), &[]);
                    return;
                }
            }
        }
        let Some(instance) = &mut self.instance else { return };
        match bounded(instance.handle(Arc::clone(&event))).await {
            Ok(()) => {
                self.tally.handled.fetch_add(1, Ordering::Relaxed);
            }
            Err(failure) => self.lost(&event, &failure),
        }
    }

    #[cold]
    fn lost(&mut self, event: &Event, failure: &Failure) {
        let backtrace = match failure {
            Failure::Crashed(crash) => {
                self.flush();
                self.instance = None;
                crash.backtrace.as_slice()
            }
            Failure::Returned(_) => &[],
        };
        self.failed(event, failure, backtrace);
    }

    fn failed(&mut self, event: &Event, why: &dyn std::fmt::Display, backtrace: &[String]) {
        self.tally.failed.fetch_add(1, Ordering::Relaxed);
        let Some(times) = self.failures.pass() else { return };
        let backtrace = (!backtrace.is_empty()).then(|| backtrace.join(" < "));
        tracing::error!(
            plugin = self.starter.name(),
            version = &*self.label,
            times,
            pipe = &*event.pipe,
            event = &*event.name,
            backtrace,
            "the plugin failed on an event: {}",
            Quiet(&why.to_string())
        );
    }
}

/// A new instance, since the last call cost the old one. Routes were made of the old one's grants, so it gets those.
async fn restart(starter: Starter, package: Package, grants: Arc<Grants>) -> Result<Instance, StartError> {
    let mut version = starter.start(package).await?;
    version.instance.keep_grants(grants);
    Ok(version.instance)
}

/// Ends a call that waits too long. Most calls never wait, and they do not pay for a timer.
async fn bounded(call: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let mut call = pin!(call);
    match poll_immediate(&mut call).await {
        Some(outcome) => outcome,
        None => Box::pin(timeout(WAIT_TIME, call)).await.unwrap_or_else(|_| {
            let reason = format!("it waited longer than {} s and was stopped", WAIT_TIME.as_secs());
            Err(Failure::Crashed(Box::new(Crash { reason, backtrace: Vec::new() })))
        }),
    }
}
