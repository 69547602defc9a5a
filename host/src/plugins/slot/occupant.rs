//! The task of a slot: takes events out of the queue and lets the running version handle them, one at a time.
//!
//! `on_probation`: what it does besides while that version may still be taken back.

use std::{collections::VecDeque, mem, ops::ControlFlow, sync::Arc, time::Instant};

use futures_util::future::OptionFuture;
use tokio::{sync::mpsc, time::sleep_until};

use super::{
    Happened, News, Order,
    instance::Failure,
    probation::{Cause, Fate, Past, Probation},
    queue::Queue,
    shadow::{Comparison, Seen, Shadow},
    swap::{Manner, SwapError, Switched, carry_state},
    version::Version,
};
use crate::{
    metrics::{Dropped, Failed},
    plugins::{api::Event, limits::QUEUE_BYTES, sandbox::Pace},
};

mod on_probation;

/// Sends that are ready leave at the latest when they are so many bytes.
const FLUSH_BYTES: usize = 16 * 1024;

/// Events that are handled before the slot looks up again, so that none of its neighbours starves.
const STRETCH_EVENTS: usize = 256;

/// The task of a slot.
pub(super) struct Occupant {
    running: Version,
    /// Of the running version, as long as it lasts.
    probation: Option<Box<Probation>>,
    shadow: Option<Shadow>,
    queue: Arc<Queue>,
    /// Events taken out of the queue and not handled yet.
    batch: VecDeque<Arc<Event>>,
    /// How many versions have taken over. After the first of them the routes may have been made for another version than
    /// the running one.
    turn: u64,
    news: mpsc::UnboundedSender<News>,
}

impl Occupant {
    /// A task that handles what `queue` gets, with `version` to begin with.
    pub(super) fn new(version: Version, queue: Arc<Queue>, news: mpsc::UnboundedSender<News>) -> Self {
        Self { running: version, probation: None, shadow: None, queue, batch: VecDeque::new(), turn: 0, news }
    }

    pub(super) async fn run(mut self, mut orders: mpsc::UnboundedReceiver<Order>) {
        let queue = Arc::clone(&self.queue);
        let outgoing = Arc::clone(self.running.starter.outgoing());
        loop {
            if self.batch.is_empty() {
                queue.take(&mut self.batch);
            }
            let busy = !self.batch.is_empty();
            let over = self.probation.as_ref().map(|probation| sleep_until(probation.until().into()));
            let over = OptionFuture::from(over);
            tokio::select! {
                biased;
                order = orders.recv() => match order {
                    Some(order) => if self.obey(order).await.is_break() { return },
                    None => return,
                },
                () = outgoing.lane().room(), if busy => self.stretch(&orders).await,
                Some(()) = over => self.pass(),
                () = queue.filled(), if !busy => {}
            }
        }
    }

    async fn obey(&mut self, order: Order) -> ControlFlow<()> {
        match order {
            Order::Swap { version, manner, reply } => {
                let outcome = self.swap(*version, manner).await;
                let has_swapped = outcome.is_ok();
                // Whoever does not wait for it any more has stopped.
                let _ = reply.send(outcome);
                if has_swapped {
                    Box::pin(self.retry()).await;
                }
            }
            Order::Shadow { candidate, reply } => {
                let _ = reply.send(self.begin_shadow(*candidate).await);
            }
            Order::EndShadow => self.shadow = None,
            Order::Drain => {
                loop {
                    if self.batch.is_empty() {
                        self.queue.take(&mut self.batch);
                    }
                    let Some(event) = self.batch.pop_front() else { break };
                    self.running.starter.outgoing().lane().room().await;
                    let pace = Arc::clone(self.running.starter.pace());
                    pace.stretch(async {
                        self.handle(event).await;
                        1
                    })
                    .await;
                    self.running.starter.outgoing().flush();
                }
                self.report_dropped();
                self.pass();
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }

    /// Lets a version take over; see [`Slot::swap`](super::Slot::swap).
    async fn swap(&mut self, mut version: Version, manner: Manner) -> Result<Switched, SwapError> {
        let since = Instant::now();
        let fallback = self.probation.as_ref().map(|probation| probation.fallback.hash());
        let goes_back = !manner.on_probation && fallback == Some(version.hash());
        if let Some(probation) = self.probation.take_if(|_| goes_back) {
            // That one is still there, as it was, and misses nothing if it comes back itself.
            self.take_back(*probation).await;
            self.turn += 1;
            return Ok(Switched { pause: since.elapsed(), state_bytes: None, fallback: None, turn: self.turn });
        }
        let state_bytes = match manner.with_state {
            true => carry_state(&mut self.running, &mut version).await?,
            false => None,
        };
        let old = mem::replace(&mut self.running, version);
        // What waits was meant for the old version, and more of that may come before the routes follow.
        self.turn += 1;
        // A candidate was compared with the old version.
        self.shadow = None;
        let terms = self.running.starter.terms();
        self.queue.set_bound(terms.queue_events);
        match &mut self.probation {
            _ if terms.probation.events == 0 || !manner.on_probation => {
                self.pass();
                let_go(old);
            }
            // The one that went has failed already, or is the same on other terms, so it is none to come back to.
            Some(probation) if probation.has_failures() || old.hash() == self.running.hash() => {
                probation.again(&terms.probation);
                let_go(old);
            }
            probation => let_go(probation.replace(Box::new(Probation::begin(old, &terms.probation)))),
        }
        let fallback = self.probation.as_ref().map(|probation| Arc::clone(&probation.fallback.grants));
        Ok(Switched { pause: since.elapsed(), state_bytes, fallback, turn: self.turn })
    }

    async fn begin_shadow(&mut self, mut candidate: Version) -> Result<Arc<Comparison>, SwapError> {
        carry_state(&mut self.running, &mut candidate).await?;
        let shadow = Shadow::start(self.running.starter.name(), Arc::clone(&self.running.label), candidate);
        let comparison = Arc::clone(shadow.comparison());
        self.shadow = Some(shadow);
        Ok(comparison)
    }

    /// Handles events until none is left, an order waits, or enough is ready to be sent.
    async fn stretch(&mut self, orders: &mpsc::UnboundedReceiver<Order>) {
        let pace = Arc::clone(self.running.starter.pace());
        pace.stretch(self.some(orders, &pace)).await;
    }

    /// The events of a stretch; gives how many there were.
    async fn some(&mut self, orders: &mpsc::UnboundedReceiver<Order>, pace: &Pace) -> usize {
        let began = pace.tick();
        let mut events = 0;
        while events < STRETCH_EVENTS {
            let Some(event) = self.batch.pop_front() else { break };
            let committed = self.handle(event).await;
            events += 1;
            if committed >= FLUSH_BYTES || !orders.is_empty() || pace.tick() > began + 1 {
                break;
            }
        }
        self.running.starter.outgoing().flush();
        self.report_dropped();
        events
    }

    /// Says what the queue had no room for.
    fn report_dropped(&self) {
        let starter = &self.running.starter;
        starter.tally().dropped(&Dropped {
            version: &self.running.label,
            events: self.queue.take_dropped(),
            queue_events: starter.terms().queue_events,
            queue_mib: QUEUE_BYTES / (1024 * 1024),
        });
    }

    /// Handles one event; gives how many bytes of sends are committed and not flushed.
    async fn handle(&mut self, event: Arc<Event>) -> usize {
        if self.turn > 0 && !self.running.grants.hears(&event.pipe, &event.name) {
            let fallback = self.probation.as_ref().map(|probation| &probation.fallback);
            if fallback.is_some_and(|fallback| fallback.grants.hears(&event.pipe, &event.name)) {
                self.note(Past { event, fate: Fate::Unheard, why: None }).await;
            }
            return 0;
        }
        match self.attempt(&event).await {
            Ok(committed) => {
                if self.probation.is_some() {
                    self.note(Past { event, fate: Fate::Handled, why: None }).await;
                }
                committed
            }
            Err(why) => {
                if self.probation.is_some() {
                    self.note(Past { event, fate: Fate::Failed, why: Some(why) }).await;
                } else {
                    self.lose(&event, &why);
                }
                0
            }
        }
    }

    /// Lets the running version handle an event, counts it, and says so if it failed.
    async fn attempt(&mut self, event: &Arc<Event>) -> Result<usize, Cause> {
        let outcome = match &self.shadow {
            None => self.running.deliver(Arc::clone(event)).await,
            Some(_) => Box::pin(self.attempt_seen(event)).await,
        };
        match outcome {
            Ok(committed) => {
                self.running.handled += 1;
                self.running.starter.tally().handled();
                Ok(committed)
            }
            Err(failure) => {
                self.running.failed += 1;
                Err(self.failed(event, failure))
            }
        }
    }

    /// The same before the eyes of a candidate.
    async fn attempt_seen(&mut self, event: &Arc<Event>) -> Result<usize, Failure> {
        let outcome = self.running.rehearse(Arc::clone(event)).await;
        if let Some(shadow) = &self.shadow {
            let outcome = outcome.as_ref().map(Clone::clone).map_err(ToString::to_string);
            shadow.show(Seen { event: Arc::clone(event), outcome });
        }
        outcome.map(|commands| self.running.perform(commands))
    }

    #[cold]
    fn failed(&self, event: &Event, failure: Failure) -> Cause {
        let reason = failure.to_string();
        let backtrace = match failure {
            Failure::Crashed(crash) => crash.backtrace,
            Failure::Returned(_) | Failure::NotRestarted(_) => Vec::new(),
        };
        let label = Arc::clone(&self.running.label);
        self.running.starter.tally().failed(&Failed {
            version: &label,
            pipe: &event.pipe,
            event: &event.name,
            backtrace: &backtrace,
            why: &reason,
        });
        Cause { reason, backtrace, label }
    }

    /// An event that nobody will handle any more.
    fn lose(&self, event: &Event, why: &Cause) {
        self.running.starter.keep_failed(event, &why.label, &why.reason, &why.backtrace);
    }

    fn tell(&self, what: Happened) {
        // Nobody listens any more when the bot stops.
        let _ = self.news.send(News { plugin: self.running.starter.name().into(), turn: self.turn, what });
    }
}

/// Drops versions beside the events: to take an instance apart takes longer than to handle many of them.
fn let_go(gone: impl Send + 'static) {
    drop(tokio::task::spawn_blocking(move || drop(gone)));
}
