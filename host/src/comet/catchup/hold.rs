//! A pipe's events while its log is awaited.

use crate::comet::wire::Event;

use super::tail::Print;

/// How many events all pipes of a link may hold.
pub(super) const HELD_EVENTS_MAX: usize = 4096;
/// How many bytes of text.
pub(super) const HELD_BYTES_MAX: usize = 8 << 20;

/// An event that waits.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) event: Event<'static>,
    pub(super) print: Print,
}

/// What waits of one pipe, since everything had still been heard.
#[derive(Debug)]
pub(super) struct Hold {
    /// Until when everything had been heard: Unix seconds, of the server if it told any.
    pub(super) since: u64,
    /// The place in the tail that the first message after that has.
    pub(super) mark: u64,
    /// Whether times from before and after cannot be compared.
    pub(super) is_untimed: bool,
    /// When the subscription in force was made, server time.
    pub(super) subscribed: Option<u64>,
    pub(super) events: Vec<Held>,
    /// How many of the events may stand before missed ones: those of earlier connections, and all if the subscription
    /// changed under way. What is heard on a new connection is later than all that was missed before it.
    pub(super) may_precede: Precede,
    bytes: usize,
}

/// Which held events may be older than missed ones.
#[derive(Debug, Clone, Copy)]
pub(super) enum Precede {
    /// So many, from the first.
    First(usize),
    /// Any.
    All,
}

impl Hold {
    pub(super) const fn new(since: u64, mark: u64) -> Self {
        Self {
            since,
            mark,
            is_untimed: false,
            subscribed: None,
            events: Vec::new(),
            may_precede: Precede::First(0),
            bytes: 0,
        }
    }

    pub(super) fn push(&mut self, event: Event<'_>, print: Print) {
        self.bytes += bytes(&event);
        self.events.push(Held { event: event.into_owned(), print });
    }

    /// A new connection begins: what is held now is older than all that is heard on it.
    pub(super) fn reconnected(&mut self) {
        self.may_precede = Precede::First(self.events.len());
    }

    /// How much it takes of what may be held.
    pub(super) const fn load(&self) -> Load {
        Load { events: self.events.len(), bytes: self.bytes }
    }
}

/// Events and bytes that are held.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Load {
    pub(super) events: usize,
    pub(super) bytes: usize,
}

impl Load {
    pub(super) fn add(&mut self, other: Self) {
        self.events += other.events;
        self.bytes += other.bytes;
    }

    pub(super) const fn take(&mut self, other: Self) {
        self.events = self.events.saturating_sub(other.events);
        self.bytes = self.bytes.saturating_sub(other.bytes);
    }

    pub(super) const fn is_too_much(self) -> bool {
        self.events > HELD_EVENTS_MAX || self.bytes > HELD_BYTES_MAX
    }

    /// To compare two loads: an event weighs as much as its share of the bytes.
    pub(super) const fn weight(self) -> usize {
        self.bytes + self.events * (HELD_BYTES_MAX / HELD_EVENTS_MAX)
    }
}

/// What an event takes of the bytes.
pub(super) fn bytes(event: &Event<'_>) -> usize {
    event.pipe.len() + event.name.len() + event.data.len()
}
