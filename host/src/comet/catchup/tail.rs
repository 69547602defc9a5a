//! What was lately heard of a pipe, to tell what of its log was missed.
//!
//! Of each message there is a hash of event name and data, and beside it what the server may have lost on one of its ways:
//! the sender and the time.

use std::{
    collections::VecDeque,
    hash::{BuildHasher as _, Hasher as _},
};

use hashbrown::DefaultHashBuilder;

use crate::comet::wire::Event;

/// The fewest messages that are remembered: more than a log hands out (PROTOCOL.md, section 7), so that all of a log that
/// was heard is remembered.
pub(super) const REMEMBERED_LEAST: usize = 128;
/// The most.
pub(super) const REMEMBERED_MOST: usize = 4096;
/// How long messages are remembered up to the most, in seconds: longer than the time before a loss from which rows may be
/// missed ones.
const REMEMBERED_SECONDS: u64 = 8;

/// How much a row's time, when it was stored, and the live message's, when it was sent, may differ, in seconds.
const STORED_SECONDS: u64 = 1;
/// How long before its answer a message of ours can have been stored, in seconds: as long as an answer may take, and some.
pub(super) const SENT_BEFORE_SECONDS: u64 = 12;
/// How long after our estimate of its answer's time, in seconds: that is slow by up to two, and rows are stored late.
const SENT_AFTER_SECONDS: u64 = 4;
/// How long after the connection broke it may still be stored, in seconds.
const MAYBE_SENT_AFTER_SECONDS: u64 = 60;

/// The name under which the log keeps an event that has none (PROTOCOL.md, section 7).
const UNNAMED: &str = "undefined";

/// Recognises messages. Keyed at random, so that nobody can send two that look the same.
#[derive(Debug, Default)]
pub(super) struct Prints(DefaultHashBuilder);

impl Prints {
    /// What is the same live and in the log: event name and data.
    pub(super) fn hash(&self, name: &str, data: &str) -> u64 {
        let name = if name.is_empty() { UNNAMED } else { name };
        let mut hasher = self.0.build_hasher();
        hasher.write(data.as_bytes());
        hasher.write_usize(name.len());
        hasher.write(name.as_bytes());
        hasher.finish()
    }

    /// A message that was heard.
    pub(super) fn heard(&self, event: &Event<'_>) -> Print {
        Print { is_storable: is_storable(event), ..self.of(event, Kind::Heard) }
    }

    /// A row of the log.
    pub(super) fn stored(&self, row: &Event<'_>) -> Print {
        self.of(row, Kind::Stored)
    }

    /// A message of ours.
    pub(super) fn own(&self, name: &str, data: &str, user: Option<u64>, time: Option<u64>, kind: Kind) -> Print {
        Print {
            hash: self.hash(name, data),
            time,
            user: known(user),
            kind,
            is_storable: !has_four_byte_character(data),
            is_found: false,
        }
    }

    fn of(&self, event: &Event<'_>, kind: Kind) -> Print {
        Print {
            hash: self.hash(&event.name, &event.data),
            time: event.time,
            user: known(event.user_id),
            kind,
            is_storable: true,
            is_found: kind == Kind::Stored,
        }
    }
}

/// Of a number beyond the server's own no more is known than of a lost one.
fn known(user: Option<u64>) -> Option<u32> {
    user.and_then(|user| u32::try_from(user).ok())
}

/// Whether the log takes it: it has no place for characters of four bytes (PROTOCOL.md, section 7), and what happens in a
/// `track_` pipe is never stored.
fn is_storable(event: &Event<'_>) -> bool {
    let is_change = event.user_id.is_none()
        && matches!(&*event.name, "subscription" | "unsubscription")
        && event.pipe.starts_with("track_");
    !is_change && !has_four_byte_character(&event.data)
}

fn has_four_byte_character(text: &str) -> bool {
    // The largest byte, not the first large one: this goes over the text many bytes at a time.
    text.bytes().fold(0, u8::max) >= 0xf0
}

/// How a message is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Heard live.
    Heard,
    /// Read in the log.
    Stored,
    /// Sent by us and answered: it is in the log, and is never heard.
    Sent,
    /// Sent by us and not answered before the connection broke: it may be in the log.
    MaybeSent {
        /// So many seconds before the connection broke it can have been stored.
        before: u32,
    },
}

/// One message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Print {
    hash: u64,
    /// Server time, Unix seconds.
    pub(super) time: Option<u64>,
    user: Option<u32>,
    pub(super) kind: Kind,
    is_storable: bool,
    /// Whether the time is that of its row.
    is_found: bool,
}

impl Print {
    pub(super) const fn hash(&self) -> u64 {
        self.hash
    }

    /// Whether this and a row can be one message, whatever their times. An unknown sender can be anyone: the server loses
    /// it live, in the log, or in both, independently (PROTOCOL.md, section 2.3).
    pub(super) fn is_like(&self, row: &Self) -> bool {
        self.hash == row.hash && (self.user.is_none() || row.user.is_none() || self.user == row.user)
    }

    /// Whether both are known to be of one sender.
    pub(super) fn is_surely_by(&self, row: &Self) -> bool {
        self.user.is_some() && self.user == row.user
    }

    /// Whether this and a row can be one message.
    pub(super) fn can_be(&self, row: &Self) -> bool {
        let (before, after) = match self.kind {
            _ if self.is_found => (0, 0),
            Kind::Heard | Kind::Stored => (STORED_SECONDS, STORED_SECONDS),
            Kind::Sent => (SENT_BEFORE_SECONDS, SENT_AFTER_SECONDS),
            Kind::MaybeSent { before } => (u64::from(before), MAYBE_SENT_AFTER_SECONDS),
        };
        let in_time = match (self.time, row.time) {
            (Some(time), Some(stored)) => (time.saturating_sub(before)..=time.saturating_add(after)).contains(&stored),
            _ => true,
        };
        in_time && self.is_like(row)
    }

    /// This is its row: from now on no other can be.
    pub(super) fn found(&mut self, row: &Self) {
        self.time = row.time;
        self.user = self.user.or(row.user);
        self.is_found = true;
        if matches!(self.kind, Kind::MaybeSent { .. }) {
            self.kind = Kind::Sent;
        }
    }

    /// Whether its row must be in a log that reaches so far.
    pub(super) fn must_be_stored(&self) -> bool {
        self.is_storable && !matches!(self.kind, Kind::MaybeSent { .. })
    }
}

/// The messages of one pipe that are remembered, in order.
#[derive(Debug, Default)]
pub(super) struct Tail {
    prints: VecDeque<Print>,
    /// How many were taken out at the front, so that a place in the order keeps its number.
    forgotten: u64,
    /// The latest time of a message that is forgotten: rows up to it may have been heard.
    forgotten_time: Option<u64>,
}

impl Tail {
    /// Remembers the newest message.
    pub(super) fn push(&mut self, print: Print) {
        // Two at a time, so that the memory of a rush shrinks again.
        for _ in 0..2 {
            let Some(oldest) = self.prints.front() else { break };
            let is_old = match (oldest.time, print.time) {
                (Some(oldest), Some(newest)) => oldest.saturating_add(REMEMBERED_SECONDS) < newest,
                _ => true,
            };
            if self.prints.len() < REMEMBERED_LEAST || self.prints.len() < REMEMBERED_MOST && !is_old {
                break;
            }
            self.forgotten_time = self.forgotten_time.max(oldest.time);
            self.prints.pop_front();
            self.forgotten += 1;
        }
        self.prints.push_back(print);
    }

    /// Remembers rows, oldest first, from before everything that is remembered.
    pub(super) fn push_before(&mut self, rows: impl DoubleEndedIterator<Item = Print>) {
        for row in rows.rev() {
            if self.forgotten == 0 && self.prints.len() < REMEMBERED_MOST {
                self.prints.push_front(row);
            } else {
                self.forgotten_time = self.forgotten_time.max(row.time);
            }
        }
    }

    /// The place in the order that the next message will have.
    pub(super) fn end(&self) -> u64 {
        self.forgotten + self.prints.len() as u64
    }

    /// All that is remembered, oldest first, each with its place.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, &Print)> {
        (self.forgotten..).zip(&self.prints)
    }

    /// What is remembered at a place.
    pub(super) fn get_mut(&mut self, at: u64) -> Option<&mut Print> {
        self.prints.get_mut(usize::try_from(at.checked_sub(self.forgotten)?).ok()?)
    }

    /// Whether the newest `rows` of a log without gaps are remembered, or all that there ever were.
    pub(super) fn has_newest(&self, rows: usize) -> bool {
        self.forgotten == 0 || self.prints.iter().filter(|print| print.must_be_stored()).count() >= rows
    }

    /// The latest time of what is forgotten.
    pub(super) const fn forgotten_time(&self) -> Option<u64> {
        self.forgotten_time
    }

    /// Forgets all, with no trace: what was heard is remembered by the rows of the log from now on.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}
