//! The task of a slot: takes events out of the queue and lets the running version handle them, one at a time.
//!
//! `on_probation`: what it does besides while that version may still be taken back. `on_failure`: what it does about an
//! event on which the version failed. `on_loops`: about somebody who answers what it answers.

use std::{collections::VecDeque, mem, ops::ControlFlow, sync::Arc, time::Instant};

use futures_util::future::OptionFuture;
use tokio::{sync::mpsc, time::sleep_until};

use self::on_loops::Lookout;
use super::{
    Happened, News, Order,
    breaker::Breaker,
    gate::{Gate, Keeper},
    instance::Failure,
    probation::{Cause, Fate, Past, Probation},
    queue::Queue,
    retry::Tries,
    shadow::{Comparison, Seen, Shadow},
    swap::{Manner, SwapError, Switched, carry_state},
    version::Version,
};
use crate::{
    metrics::Dropped,
    plugins::{api::Event, grants::Granted, limits::QUEUE_BYTES, outgoing::Committed, sandbox::Pace},
};

mod on_failure;
mod on_loops;
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
    /// Closed while no next event shall be taken.
    gate: Gate,
    /// At the event at the front.
    tries: Tries,
    breaker: Breaker,
    lookout: Lookout,
    /// Whether it ends with what waits.
    is_draining: bool,
    /// How many versions have taken over. After the first of them the routes may have been made for another version than
    /// the running one.
    turn: u64,
    /// Whether what the running version may hear has changed: then what waits may have been meant for what it was.
    is_regranted: bool,
    news: mpsc::UnboundedSender<News>,
}

impl Occupant {
    /// A task that handles what `queue` gets, with `version` to begin with.
    pub(super) fn new(version: Version, queue: Arc<Queue>, news: mpsc::UnboundedSender<News>) -> Self {
        Self {
            running: version,
            probation: None,
            shadow: None,
            queue,
            batch: VecDeque::new(),
            gate: Gate::default(),
            tries: Tries::default(),
            breaker: Breaker::default(),
            lookout: Lookout::default(),
            is_draining: false,
            turn: 0,
            is_regranted: false,
            news,
        }
    }

    pub(super) async fn run(mut self, mut orders: mpsc::UnboundedReceiver<Order>) {
        let queue = Arc::clone(&self.queue);
        let outgoing = Arc::clone(self.running.starter.outgoing());
        loop {
            let is_open = !self.gate.is_closed();
            if is_open && self.batch.is_empty() {
                self.take();
            }
            let busy = !self.batch.is_empty();
            let opens = OptionFuture::from(self.gate.until().map(|until| sleep_until(until.into())));
            let looks = OptionFuture::from(self.lookout.wake_at().map(|at| sleep_until(at.into())));
            let over = self.probation.as_ref().map(|probation| sleep_until(probation.until().into()));
            let over = OptionFuture::from(over);
            tokio::select! {
                biased;
                order = orders.recv() => match order {
                    Some(order) => if self.obey(order).await.is_break() { return },
                    None => return,
                },
                Some(()) = looks => self.judge_loops(),
                Some(()) = opens => self.open_gate(),
                () = outgoing.lane().room(), if busy && is_open => self.stretch(&orders).await,
                Some(()) = over => self.pass(),
                () = queue.filled(), if !busy && is_open => {}
            }
        }
    }

    fn take(&mut self) {
        self.queue.take(&mut self.batch);
        self.lookout.batch += 1;
    }

    async fn obey(&mut self, order: Order) -> ControlFlow<()> {
        match order {
            Order::Swap { version, manner, reply } => {
                let outcome = self.swap(*version, manner).await;
                let has_swapped = outcome.is_ok();
                // Whoever does not wait for it any more has stopped.
                let _ = reply.send(outcome);
                if has_swapped {
                    self.begin_anew();
                    Box::pin(self.give_again()).await;
                }
            }
            Order::Shadow { candidate, reply } => {
                let _ = reply.send(self.begin_shadow(*candidate).await);
            }
            Order::EndShadow => self.shadow = None,
            Order::Regrant(granted) => self.regrant(&granted),
            Order::Drain => {
                self.is_draining = true;
                self.tries.begin_anew();
                self.gate.let_go(Keeper::Retry);
                self.forget_loops();
                loop {
                    if self.breaker.is_open() {
                        self.keep_what_waits();
                        break;
                    }
                    if let Some(until) = self.gate.until() {
                        sleep_until(until.into()).await;
                        self.open_gate();
                    }
                    if self.batch.is_empty() {
                        self.take();
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
                if self.breaker.reset() {
                    self.running.starter.tally().gate().breaker_closed(&self.running.label);
                }
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
        self.apply_terms();
        let terms = self.running.starter.terms();
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
        let fallback = self.probation.as_ref().map(|probation| probation.fallback.identity());
        Ok(Switched { pause: since.elapsed(), state_bytes, fallback, turn: self.turn })
    }

    /// From now on this is what is granted. A candidate ends: it runs for itself, with what was granted to it.
    fn regrant(&mut self, granted: &Granted) {
        self.running.regrant(granted);
        if let Some(probation) = &mut self.probation {
            probation.fallback.regrant(granted);
        }
        (self.shadow, self.is_regranted) = (None, true);
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
        self.look_out();
        let began = pace.tick();
        let mut events = 0;
        while events < STRETCH_EVENTS {
            let Some(event) = self.batch.pop_front() else { break };
            let Some(event) = self.hold(event) else { break };
            let committed = self.handle(event).await;
            events += 1;
            if committed >= FLUSH_BYTES || self.gate.is_closed() || !orders.is_empty() || pace.tick() > began + 1 {
                break;
            }
        }
        self.running.starter.outgoing().flush();
        self.report_dropped();
        if self.gate.is_closed() {
            self.queue.set_held(self.batch.len());
        }
        events
    }

    /// Whatever outlives a version keeps to the terms of the one that runs now.
    fn apply_terms(&self) {
        let terms = self.running.starter.terms();
        self.queue.set_bound(terms.queue_events, terms.queue_full);
        self.running.starter.outgoing().set_rate(terms.sends);
    }

    /// Slows the plugin if it sends more than it may.
    fn pace(&mut self, committed: Committed) {
        let starter = &self.running.starter;
        if let Some((until, rate)) = starter.outgoing().spend(committed.sends) {
            self.gate.close(Keeper::Pace, until);
            starter.tally().gate().slowed(&self.running.label, until, rate.per_second);
        }
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
        if (self.turn > 0 || self.is_regranted) && !self.running.grants.hears(&event.pipe, &event.name) {
            let fallback = self.probation.as_ref().map(|probation| &probation.fallback);
            if fallback.is_some_and(|fallback| fallback.grants.hears(&event.pipe, &event.name)) {
                self.note(Past { event, fate: Fate::Unheard, why: None }).await;
            }
            return 0;
        }
        match self.attempt(&event).await {
            Ok(committed) => {
                self.mend();
                if self.probation.is_some() {
                    self.note(Past { event, fate: Fate::Handled, why: None }).await;
                }
                committed.bytes
            }
            Err(why) => {
                self.fail(event, why).await;
                0
            }
        }
    }

    /// Lets the running version handle an event; counts it if that went well.
    async fn attempt(&mut self, event: &Arc<Event>) -> Result<Committed, Cause> {
        let outcome = match &self.shadow {
            None => self.running.deliver(Arc::clone(event)).await,
            Some(_) => Box::pin(self.attempt_seen(event)).await,
        };
        match outcome {
            Ok(committed) => {
                self.running.handled += 1;
                self.running.starter.tally().handled();
                if committed.sends > 0 {
                    self.pace(committed);
                    self.look(event);
                }
                Ok(committed)
            }
            Err(failure) => Err(self.cause(failure)),
        }
    }

    /// The same for an event that has had its tries: a failure is final.
    async fn attempt_once(&mut self, event: &Arc<Event>) -> Result<Committed, Cause> {
        let outcome = self.attempt(event).await;
        if let Err(why) = &outcome {
            self.count_failure(event, why, 1);
        }
        outcome
    }

    /// The same before the eyes of a candidate.
    async fn attempt_seen(&mut self, event: &Arc<Event>) -> Result<Committed, Failure> {
        let outcome = self.running.rehearse(Arc::clone(event)).await;
        let is_final = outcome.is_ok() || !self.may_try_again();
        if let Some(shadow) = self.shadow.as_ref().filter(|_| is_final) {
            let outcome = outcome.as_ref().map(Clone::clone).map_err(ToString::to_string);
            shadow.show(Seen { event: Arc::clone(event), outcome });
        }
        outcome.map(|commands| self.running.perform(commands))
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
