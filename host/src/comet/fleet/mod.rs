//! As many links as the subscription needs: a server gives one connection 32 pipes (PROTOCOL.md, section 6).
//!
//! - [`assign`]: which link hears which pipe. A pipe is heard by one link alone, so nothing comes twice and the counts of
//!   the server need no correction.
//! - [`personal`]: messages to a user, which come over each of its connections.
//! - [`thread`]: the thread that a fleet runs on.
//!
//! What is sent to a pipe leaves by the link that hears it: a server does not give a connection what it sent itself, so
//! the bot never hears itself over another of its links. Who wants to hear it says so (`hear-own`): then link 0 sends
//! and hears nothing, and the others hear everything.
//!
//! `bot` runs a fleet; for one link's worth of pipes it is that one link.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use futures_util::future::BoxFuture;
use tokio::{
    sync::watch,
    task::{AbortHandle, JoinSet},
};

use self::{assign::Assignment, personal::Personal};
use super::{
    address::Address,
    catchup::{Gap, Hearer},
    link::{
        Inlet, Link, Port,
        connect::Settings,
        status::{Board, Status},
    },
    name::{PERSONAL_PIPE, PipeName},
    outbox::{MAIN_EXIT, Outbox},
    wire::{Event, ServerError, message::AnsweredPipe},
};
use crate::metrics::{self, Metrics};

pub mod assign;
pub mod personal;
pub mod thread;

/// How often it is looked whether a link that hears nothing any more has sent what was left.
const LEAVING_CHECKED_EVERY: Duration = Duration::from_millis(100);

/// The links of a bot.
pub struct Fleet {
    settings: Settings,
    others: Vec<Address>,
    /// The port of link 0.
    port: Port,
    wanted: watch::Receiver<Arc<BTreeSet<PipeName>>>,
    board: Board,
    metrics: Metrics,
    assignment: Assignment,
    running: BTreeMap<usize, Running>,
    tasks: JoinSet<()>,
    personal: Arc<Mutex<Personal>>,
}

struct Running {
    subscription: watch::Sender<Arc<BTreeSet<PipeName>>>,
    task: AbortHandle,
}

impl Fleet {
    /// Links that hear what is `wanted` and send what is in `outbox`. They do nothing until they are run.
    #[must_use]
    pub fn new(
        settings: Settings,
        others: Vec<Address>,
        outbox: Arc<Outbox>,
        wanted: watch::Receiver<Arc<BTreeSet<PipeName>>>,
        metrics: Metrics,
    ) -> Self {
        let port = Port::new(outbox, settings.manner.timing.answer);
        let first = usize::from(settings.manner.hear_own);
        Self {
            settings,
            others,
            port,
            wanted,
            board: Board::default(),
            metrics,
            assignment: Assignment::new(first),
            running: BTreeMap::new(),
            tasks: JoinSet::new(),
            personal: Arc::new(Mutex::new(Personal::new())),
        }
    }

    /// Where plugins send and ask.
    #[must_use]
    pub const fn port(&self) -> &Port {
        &self.port
    }

    /// How the links do, from now on.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<Status> {
        self.board.together()
    }

    /// Keeps the links up for ever. Dropping the future ends the connections.
    pub async fn run(mut self, inlet: impl Inlet + Clone + 'static) {
        loop {
            let wanted = Arc::clone(&self.wanted.borrow_and_update());
            self.follow(&wanted, &inlet);
            loop {
                let is_leaving = !self.leaving().is_empty();
                tokio::select! {
                    changed = self.wanted.changed() => match changed {
                        Ok(()) => break,
                        // Nobody can change it any more: it stays.
                        Err(_) => {
                            while self.tasks.join_next().await.is_some() {}
                            return;
                        }
                    },
                    () = tokio::time::sleep(LEAVING_CHECKED_EVERY), if is_leaving => self.let_go(),
                }
            }
        }
    }

    /// Makes links, and gives each its pipes.
    fn follow(&mut self, wanted: &BTreeSet<PipeName>, inlet: &(impl Inlet + Clone + 'static)) {
        let changed = self.assignment.follow(wanted);
        let links: Vec<usize> = self.assignment.links().collect();
        // Exits before routes, routes before subscriptions: once a link hears a pipe, it sends to it.
        for link in &links {
            self.port.outbox.open_exit(*link);
        }
        self.route();
        for link in links {
            if !self.running.contains_key(&link) {
                self.start(link, inlet.clone());
            }
        }
        for link in changed {
            if let Some(running) = self.running.get(&link) {
                let pipes = self.assignment.pipes(link).cloned().unwrap_or_default();
                running.subscription.send_replace(pipes);
            }
        }
    }

    fn route(&self) {
        if self.settings.manner.hear_own {
            return;
        }
        let beyond = self.assignment.links().filter(|link| *link != MAIN_EXIT);
        let pipes = beyond.filter_map(|link| Some((link, self.assignment.pipes(link)?)));
        let routes = pipes.flat_map(|(link, pipes)| pipes.iter().map(move |pipe| (pipe.clone(), link)));
        self.port.outbox.route(routes.collect());
    }

    fn start(&mut self, number: usize, inlet: impl Inlet + 'static) {
        let port = if number == MAIN_EXIT {
            self.port.clone()
        } else {
            Port::at(Arc::clone(&self.port.outbox), number, self.settings.manner.timing.answer)
        };
        let pipes = self.assignment.pipes(number).cloned().unwrap_or_default();
        let (subscription, subscribed) = watch::channel(pipes);
        let place = self.board.place(number, &self.metrics);
        let sends = self.metrics.sends().clone();
        let link = Link::new(self.settings.clone(), self.others.clone(), port, subscribed, place, sends);
        let inlet = Sieve {
            inlet,
            metrics: self.metrics.clone(),
            link: number,
            personal: Arc::clone(&self.personal),
            recovered: BTreeMap::new(),
        };
        let task = self.tasks.spawn(link.run(inlet));
        self.running.insert(number, Running { subscription, task });
    }

    /// Links that run and hear nothing any more.
    fn leaving(&self) -> Vec<usize> {
        let needed: BTreeSet<usize> = self.assignment.links().collect();
        self.running.keys().filter(|link| !needed.contains(link)).copied().collect()
    }

    /// Ends links that hear nothing any more, once what they had to send has been answered or cannot leave.
    fn let_go(&mut self) {
        for link in self.leaving() {
            if !self.port.outbox.has_left(link) {
                continue;
            }
            if let Some(running) = self.running.remove(&link) {
                running.task.abort();
            }
            self.port.outbox.close_exit(link);
            self.personal.lock().unwrap_or_else(PoisonError::into_inner).lost(link);
            self.board.remove(link);
            while self.tasks.try_join_next().is_some() {}
        }
    }
}

/// What stands between a link and the inlet: it lets a message to a user through once, over whichever link it came, and
/// says what the link could not hear.
struct Sieve<I> {
    inlet: I,
    metrics: Metrics,
    link: usize,
    personal: Arc<Mutex<Personal>>,
    /// How many missed events of which pipes came out of a log since this was last said.
    recovered: BTreeMap<String, u64>,
}

impl<I> Sieve<I> {
    fn personal(&self) -> MutexGuard<'_, Personal> {
        self.personal.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<I: Inlet> Hearer for Sieve<I> {
    fn event(&mut self, event: Event<'_>) {
        if event.pipe == PERSONAL_PIPE {
            let is_new = self.personal().is_new(self.link, &event, Instant::now());
            if !is_new {
                return;
            }
        } else if event.history {
            *self.recovered.entry(event.pipe.clone().into_owned()).or_default() += 1;
        }
        self.inlet.event(event);
    }

    fn gap(&mut self, gap: Gap) {
        self.metrics.gap(&metrics::Gap {
            link: self.link,
            pipe: gap.pipe.as_str(),
            since: gap.since,
            until: gap.until,
            recovered: gap.recovered,
            reason: gap.why,
        });
        self.inlet.gap(gap);
    }
}

impl<I: Inlet> Inlet for Sieve<I> {
    fn connecting(&mut self) {
        self.personal().connecting(self.link, Instant::now());
        self.inlet.connecting();
    }

    fn lost(&mut self) {
        self.personal().lost(self.link);
        self.inlet.lost();
    }

    fn answer(&mut self, outcome: Result<&AnsweredPipe<'_>, &ServerError<'_>>, sender: Option<&str>) {
        self.inlet.answer(outcome, sender);
    }

    /// Personal messages that this link missed came over another, if there was one all the while. That one may be dead as
    /// well: then it says so when it is known.
    fn misses(&mut self, pipe: &str, since: Instant) -> bool {
        let is_brought = pipe == PERSONAL_PIPE && self.personal().is_up_since(since, self.link);
        !is_brought && self.inlet.misses(pipe, since)
    }

    fn settle(&mut self) {
        while let Some((pipe, events)) = self.recovered.pop_first() {
            self.metrics.recovered(self.link, &pipe, events);
        }
        self.inlet.settle();
    }

    fn room(&mut self) -> Option<BoxFuture<'static, ()>> {
        self.inlet.room()
    }

    fn read_on(&mut self, has_room: bool) {
        self.inlet.read_on(has_room);
    }
}
