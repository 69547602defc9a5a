//! A link: its connections one after the other, and what comes over them.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicU64},
};

use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder},
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::{Registry, Unit},
};

use super::{
    held::Held,
    loss::{Loss, LossReason},
    saturated, unix_seconds,
};
use crate::report::{Throttle, brief};

/// The part of the bot that lines about links are of.
pub(super) const TARGET: &str = "cometbot::comet::link";

/// Unreadable frames that are logged one by one; those beyond are counted.
const UNREADABLE_PER_SECOND: u32 = 1;

/// Refusals of the server that are logged word for word.
pub(super) const REFUSALS_PER_SECOND: u32 = 10;

/// A connection on which the server has said who we are.
pub struct Connected<'a> {
    /// The server.
    pub server: &'a dyn fmt::Display,
    /// What the server calls itself.
    pub software: &'a str,
    /// As whom; nobody is an anonymous client.
    pub user_id: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum State {
    Connecting,
    Authorizing,
    Live,
    Waiting,
}

impl State {
    const ALL: [Self; 4] = [Self::Connecting, Self::Authorizing, Self::Live, Self::Waiting];
}

impl EncodeLabelValue for State {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        let state = match self {
            Self::Connecting => "connecting",
            Self::Authorizing => "authorizing",
            Self::Live => "live",
            Self::Waiting => "waiting",
        };
        state.encode(encoder)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LinkLabels {
    link: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    link: usize,
    state: State,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LossLabels {
    link: usize,
    reason: LossReason,
}

type Seconds = Gauge<f64, AtomicU64>;

/// The series of all links.
#[derive(Debug, Default)]
pub(super) struct Links {
    held: Held<usize, Tally>,
    state: Family<StateLabels, Gauge>,
    retry_at: Family<LinkLabels, Seconds>,
    connects: Family<LinkLabels, Counter>,
    losses: Family<LossLabels, Counter>,
    events: Family<LinkLabels, Counter>,
    unreadable: Family<LinkLabels, Counter>,
    refusals: Family<LinkLabels, Counter>,
    pipes: Family<LinkLabels, Gauge>,
}

impl Links {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let links = Self::default();
        registry.register("link_state", "1 for the state that the link is in, 0 for the others", links.state.clone());
        registry.register_with_unit(
            "link_retry_at",
            "When the link tries again, Unix time; 0 unless it waits",
            Unit::Seconds,
            links.retry_at.clone(),
        );
        registry.register(
            "link_connects",
            "Connections on which the server said who the bot is",
            links.connects.clone(),
        );
        registry.register("link_losses", "Connections lost and tries in vain", links.losses.clone());
        registry.register("link_events", "Live events that came from the server", links.events.clone());
        registry.register("link_frames_unreadable", "Frames that are no messages", links.unreadable.clone());
        registry.register("link_refusals", "Errors of the server that answer no send", links.refusals.clone());
        registry.register("link_pipes", "Pipes that are subscribed", links.pipes.clone());
        links
    }

    pub(super) fn tally(links: &Arc<Self>, number: usize) -> LinkTally {
        LinkTally(links.held.get(number, || Tally::new(links, number)))
    }
}

/// What happens to one link. Clones share it.
#[derive(Debug, Clone)]
pub struct LinkTally(Arc<Tally>);

#[derive(Debug)]
struct Tally {
    links: Arc<Links>,
    number: usize,
    state: [(State, Gauge); 4],
    retry_at: Seconds,
    connects: Counter,
    events: Counter,
    unreadable: Counter,
    refusals: Counter,
    pipes: Gauge,
    unreadable_lines: Mutex<Throttle>,
    refusal_lines: Mutex<Throttle>,
}

impl Tally {
    fn new(links: &Arc<Links>, link: usize) -> Self {
        let labels = LinkLabels { link };
        // Series that begin at 0 show their first increase; those that begin at 1 hide it.
        for reason in LossReason::ALL {
            links.losses.get_or_create_owned(&LossLabels { link, reason });
        }
        Self {
            links: Arc::clone(links),
            number: link,
            state: State::ALL.map(|state| (state, links.state.get_or_create_owned(&StateLabels { link, state }))),
            retry_at: links.retry_at.get_or_create_owned(&labels),
            connects: links.connects.get_or_create_owned(&labels),
            events: links.events.get_or_create_owned(&labels),
            unreadable: links.unreadable.get_or_create_owned(&labels),
            refusals: links.refusals.get_or_create_owned(&labels),
            pipes: links.pipes.get_or_create_owned(&labels),
            unreadable_lines: Mutex::new(Throttle::lines_per_second(UNREADABLE_PER_SECOND)),
            refusal_lines: Mutex::new(Throttle::lines_per_second(REFUSALS_PER_SECOND)),
        }
    }

    fn is_in(&self, now: State) {
        // First the old one goes: a scrape in between finds none rather than two.
        for (_, gauge) in self.state.iter().filter(|(state, _)| *state != now) {
            gauge.set(0);
        }
        for (_, gauge) in self.state.iter().filter(|(state, _)| *state == now) {
            gauge.set(1);
        }
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        let (links, link) = (&self.links, self.number);
        links.held.gone(&link, || {
            let labels = LinkLabels { link };
            for state in State::ALL {
                links.state.remove(&StateLabels { link, state });
            }
            for reason in LossReason::ALL {
                links.losses.remove(&LossLabels { link, reason });
            }
            links.retry_at.remove(&labels);
            for counters in [&links.connects, &links.events, &links.unreadable, &links.refusals] {
                counters.remove(&labels);
            }
            links.pipes.remove(&labels);
        });
    }
}

impl LinkTally {
    /// It begins to connect to `server`.
    pub fn connecting(&self, server: &dyn fmt::Display) {
        self.0.retry_at.set(0.0);
        self.0.is_in(State::Connecting);
        tracing::debug!(target: TARGET, link = self.0.number, %server, "connecting");
    }

    /// There is a connection, and it waits for the server to say who we are.
    pub fn authorizing(&self) {
        self.0.is_in(State::Authorizing);
        tracing::debug!(target: TARGET, link = self.0.number, "waiting to be told who we are");
    }

    /// The server has said who we are.
    pub fn connected(&self, connected: &Connected<'_>) {
        self.0.connects.inc();
        tracing::info!(
            target: TARGET,
            link = self.0.number,
            server = %connected.server,
            software = brief(connected.software),
            "connected {}",
            match connected.user_id {
                Some(user_id) => format!("as user {user_id}"),
                None => "as an anonymous client".to_owned(),
            }
        );
    }

    /// The subscription is in force.
    pub fn live(&self) {
        self.0.is_in(State::Live);
        tracing::debug!(target: TARGET, link = self.0.number, "the subscription is in force");
    }

    /// So many pipes are subscribed on this connection from now on.
    pub fn subscribed(&self, pipes: usize) {
        self.0.pipes.set(saturated(pipes));
    }

    /// The connection is lost, or none came about; it waits for the next try.
    pub fn lost(&self, loss: &Loss<'_>) {
        let labels = LossLabels { link: self.0.number, reason: loss.reason };
        self.0.links.losses.get_or_create_owned(&labels).inc();
        self.0.pipes.set(0);
        self.0.retry_at.set(unix_seconds(loss.pause));
        self.0.is_in(State::Waiting);
        let what = if loss.reason.had_connection() { "connection lost" } else { "cannot connect" };
        tracing::warn!(
            target: TARGET,
            link = self.0.number,
            server = %loss.server,
            reason = loss.reason.as_str(),
            unanswered_sends = loss.unanswered_sends,
            "{what}: {}; next try in {:.1} s",
            loss.why,
            loss.pause.as_secs_f64()
        );
    }

    /// So many live events came. For every event: it only counts.
    pub fn heard(&self, events: u64) {
        self.0.events.inc_by(events);
    }

    /// A frame is no message.
    pub fn unreadable(&self, why: &dyn fmt::Display) {
        self.0.unreadable.inc();
        if let Some(times) = self.0.unreadable_lines.lock().unwrap_or_else(PoisonError::into_inner).pass() {
            tracing::warn!(
                target: TARGET,
                link = self.0.number,
                times,
                "the server sent what cannot be read: {why}"
            );
        }
    }

    /// The server refuses something that was no send. What it refuses of sends is for
    /// [`SendTally::refused`](super::SendTally::refused).
    pub fn refused(&self, code: Option<u16>, text: &str) {
        self.0.refusals.inc();
        if let Some(times) = self.0.refusal_lines.lock().unwrap_or_else(PoisonError::into_inner).pass() {
            tracing::warn!(
                target: TARGET,
                link = self.0.number,
                code,
                times,
                "the server refuses: {}",
                brief(text.trim())
            );
        }
    }
}
