//! One plugin's life: its queue, its running version, and the change from one version to the next.
//!
//! A slot outlives every version that runs in it. Events wait in the slot's [`Queue`], not in an instance, which is why a
//! swap loses none: a new version takes over between two events. Only [`Slot::swap`] replaces the running version.
//!
//! Called by `bot`; calls `sandbox` and `api`. Knows nothing of the network.

use std::{
    collections::VecDeque,
    ops::ControlFlow,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use futures_util::future::poll_immediate;
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};
use wasmtime_wasi_config::WasiConfigVariables;

use self::instance::Instance;
pub use self::{
    instance::{Crash, Failure, StartError},
    queue::{Pushed, Queue},
};
use super::{
    api::{Event, State, Tag, Wants},
    grants::Grants,
    package::{ContentHash, Package},
    sandbox::{
        Sandbox,
        limits::{Budget, TimeBudget, WAIT_TIME},
    },
};
use crate::{
    comet::link::Port,
    config::PluginTerms,
    report::{Quiet, Throttle},
};

mod instance;
mod queue;

/// Sends that are ready leave at the latest when they are so many bytes.
const FLUSH_BYTES: usize = 16 * 1024;

/// What is shown of the version that a plugin gives itself.
const VERSION_MAX_CHARACTERS: usize = 32;

/// Failures that are logged one by one; those beyond are counted.
const FAILURES_PER_SECOND: u32 = 20;

/// Events that are handled before the slot looks up again, so that none of its neighbours starves.
const STRETCH_EVENTS: usize = 256;

/// A version that has been set up and could take over.
pub struct Version {
    package: Package,
    instance: Instance,
    /// What its `setup` answered.
    pub wants: Wants,
    /// What it may do.
    pub grants: Arc<Grants>,
    /// How it is called in the log: the version that the plugin gives itself, and the hash of its file.
    pub label: Arc<str>,
}

impl Version {
    /// Which file it was made of.
    #[must_use]
    pub const fn hash(&self) -> ContentHash {
        self.package.hash
    }

    /// Handles one event outside any slot, as a measurement or a trial does; its sends leave at once.
    ///
    /// # Errors
    /// A [`Failure`]; after a [`Failure::Crashed`] this version is of no more use.
    pub async fn handle(&mut self, event: Arc<Event>) -> Result<(), Failure> {
        let outcome = self.instance.handle(event).await;
        self.instance.flush();
        outcome
    }
}

/// Starts versions of one plugin: the same each time, before a swap and after a crash.
#[derive(Clone)]
pub struct Starter {
    sandbox: Arc<Sandbox>,
    tag: Tag,
    terms: Arc<PluginTerms>,
    config: Arc<WasiConfigVariables>,
    port: Port,
}

impl Starter {
    /// For the plugin called `name`.
    #[must_use]
    pub fn new(sandbox: Arc<Sandbox>, name: &str, terms: PluginTerms, port: Port) -> Self {
        let config = Arc::new(terms.config.iter().cloned().collect());
        Self { sandbox, tag: Tag { name: name.into() }, terms: Arc::new(terms), config, port }
    }

    /// Makes an instance and calls its `setup`.
    ///
    /// # Errors
    /// A [`StartError`] that says why this version cannot run.
    pub async fn start(&self, package: Package) -> Result<Version, StartError> {
        let state = State::new(
            self.tag.clone(),
            Arc::default(),
            Budget::new(self.terms.memory_bytes),
            self.port.clone(),
            Arc::clone(&self.config),
        );
        let starting = Instance::start(&self.sandbox, &package, state, TimeBudget::new(self.terms.time_per_event));
        let (instance, wants, grants) = timeout(WAIT_TIME, starting).await.map_err(|_| StartError::TooSlow)??;
        let label = label(&wants.version, package.hash);
        Ok(Version { package, instance, wants, grants, label })
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

/// `1.2.0+0123456789abcdef`, or the hash alone where the plugin gives itself no version.
fn label(version: &str, hash: ContentHash) -> Arc<str> {
    let is_plain = |character: &char| character.is_ascii_graphic();
    let version: String = version.chars().filter(is_plain).take(VERSION_MAX_CHARACTERS).collect();
    if version.is_empty() { hash.to_string().into() } else { format!("{version}+{hash}").into() }
}

/// What a slot has done so far.
#[derive(Debug, Default)]
pub struct Tally {
    handled: AtomicU64,
    failed: AtomicU64,
}

impl Tally {
    /// Events that were handled.
    pub fn handled(&self) -> u64 {
        self.handled.load(Ordering::Relaxed)
    }

    /// Events that failed.
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }
}

/// A handle on a slot. Dropping it stops the slot at once; [`Slot::drain`] lets it finish.
pub struct Slot {
    queue: Arc<Queue>,
    orders: mpsc::UnboundedSender<Order>,
    tally: Arc<Tally>,
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
        let queue = Arc::new(Queue::with_bound(starter.terms.queue_events));
        let tally = Arc::new(Tally::default());
        let (orders, receiver) = mpsc::unbounded_channel();
        let occupant = Occupant {
            starter,
            grants: version.grants,
            package: version.package,
            instance: Some(version.instance),
            queue: Arc::clone(&queue),
            batch: VecDeque::new(),
            tally: Arc::clone(&tally),
            dropped: Throttle::lines_per_second(1),
            failures: Throttle::lines_per_second(FAILURES_PER_SECOND),
            label: version.label,
        };
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
    pub async fn drain(mut self) -> Arc<Tally> {
        if self.orders.send(Order::Drain).is_ok() {
            // A slot that ended by itself has drained as far as it could.
            let _ = (&mut self.task).await;
        }
        Arc::clone(&self.tally)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The task of a slot.
struct Occupant {
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
    async fn run(mut self, mut orders: mpsc::UnboundedReceiver<Order>) {
        let queue = Arc::clone(&self.queue);
        let outbox = Arc::clone(&self.starter.port.outbox);
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
                    plugin = &*self.starter.tag.name,
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
                plugin = &*self.starter.tag.name,
                version = &*self.label,
                events = times,
                "events were dropped: {} already wait, which is the most; give the plugin less to hear or a larger \
                 `queue-events`",
                self.starter.terms.queue_events
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
            plugin = &*self.starter.tag.name,
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
