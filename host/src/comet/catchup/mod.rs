//! Nothing is missed between two connections, and nothing is heard twice, as far as the server's logs allow.
//!
//! A [`Catchup`] belongs to a link and outlives its connections. It stands between the session's reader and whoever hears:
//! all live events go through it. While nothing is wrong it passes them on and remembers the last ones of each pipe. After
//! a gap it holds a pipe's live events until the pipe's log was read, delivers what was missed, once, as history, and then
//! what is held. `link` calls it; it has no socket, no task and no clock of
//! its own, but that a gap is told in our wall clock's time where the server names none.
//!
//! A gap is a lost connection, or the moment in which a changed subscription replaces the old one (PROTOCOL.md, section
//! 6). The server numbers nothing, so what was missed is found by comparing: event name, data, and, where they are known,
//! sender and time.
//!
//! # What can be told, and what cannot
//! - Where a row of the log *can* be something that was heard, or sent by ourselves, it is taken for it. Rather is a
//!   message lost than one delivered twice. So one that was missed is not found if its twin (the same sender, name and
//!   text, within a second) was heard and has left the log; with servers before 4.0, which tell no times, if the twin is
//!   among those remembered.
//! - A message with a 4-byte character is not in the log, and what happens in a `track_` pipe is not either: if missed,
//!   they are lost without a report.
//! - The log calls an event without a name `undefined`, which JavaScript clients send by themselves too. What was missed
//!   keeps the name that the log has.
//! - The rows of one second come in any order, and so what was missed in one second does too.
//! - That a log *reaches back* to before the gap is shown by a row of an earlier second; without times, by any row that was
//!   heard. Else the beginning of the gap may be gone from it: [`GapReason::LogTooShort`].
//! - An answer of 99 rows may be the oldest of more. It is taken for whole if it has a row of what was heard after the
//!   gap, or one that is later than the new subscription; else the newest may be missing:
//!   [`GapReason::NewestOutOfReach`]. A log of 98 rows or less never is in doubt.
//! - Pipes without rows have no log, or an empty one; which, nobody can say: [`GapReason::NoLog`].
//! - After the server's clock was set, and with servers before 4.0, rows are compared without their times. What repeats
//!   something that was heard is then in doubt, and not delivered: [`GapReason::Ambiguous`].
//! - A pipe whose log was not read yet since it was subscribed is not caught up with when the subscription changes, and is
//!   in doubt for its first seconds when the connection breaks.
//!
//! Parts: `clock` (server time), `tail` (what was heard), `hold` (what waits), `align` and `matching` (which rows were
//! missed), `pipe` (one pipe's way back), `gap` (what is reported).

mod align;
mod clock;
mod gap;
mod hold;
mod matching;
mod pipe;
mod tail;
#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, time::Instant};

use hashbrown::HashMap;

pub use gap::{Gap, GapReason};

use self::{
    clock::Clock,
    hold::{Load, bytes},
    pipe::{Pipe, Scene},
    tail::{Kind, Prints, SENT_BEFORE_SECONDS},
};
use super::{
    name::{PERSONAL_PIPE, PipeName},
    wire::{Era, Event},
};

/// The beginning of pipes that tell of a user's presence; nothing of it is ever stored.
const STATUS_PIPE: &str = "user_status_";

/// Where what was heard goes.
pub trait Hearer {
    /// Something happened in a pipe. It has `history` set if it was missed and comes from the log.
    fn event(&mut self, event: Event<'_>);

    /// Something may be missing. Comes before everything that was recovered, and before what was heard afterwards.
    fn gap(&mut self, gap: Gap);
}

/// What one link has heard, over all its connections.
#[derive(Debug, Default)]
pub struct Catchup {
    pipes: HashMap<PipeName, Pipe>,
    clock: Clock,
    prints: Prints,
    era: Era,
    /// The sender of our messages.
    user_id: Option<u64>,
    /// When something was last read.
    alive: Option<Instant>,
    /// Set while there is no subscription in force.
    broken: Option<Break>,
    /// What all pipes hold.
    held: Load,
    /// Gaps of pipes that are not asked for their log; told as soon as anything can be told.
    owed: Vec<Gap>,
}

/// A connection broke.
#[derive(Debug, Clone, Copy)]
struct Break {
    /// When everything had still been heard, Unix seconds, by [`Clock::shown`].
    since: u64,
    /// Whether that is not the server's time.
    is_untimed: bool,
    /// When it broke, server time.
    at: Option<u64>,
}

impl Catchup {
    /// For a new link.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A subscription is about to be written; `fresh` if it is the first of its connection. Gives the pipes whose log is to
    /// be asked for right behind it, in this order, each answer to be handed to [`Self::logged`].
    ///
    /// What is held of pipes that are not among `pipes` is dropped.
    pub fn subscribe<'p>(
        &mut self,
        pipes: impl IntoIterator<Item = &'p PipeName>,
        fresh: bool,
        era: Era,
        now: Instant,
    ) -> Vec<PipeName> {
        let wanted: BTreeSet<&PipeName> = pipes.into_iter().filter(|pipe| pipe.as_str() != PERSONAL_PIPE).collect();
        let held = &mut self.held;
        self.pipes.retain(|name, pipe| {
            if wanted.contains(name) {
                return true;
            }
            if let Some(hold) = pipe.leave(now) {
                held.take(hold.load());
            }
            pipe.is_remembered(now)
        });
        self.era = era;
        let here = self.clock.at(now);
        // A connection that looks alive may be dead: what is sure is what was read.
        let gap = if fresh { self.take_break(now) } else { self.gap_from(self.alive.unwrap_or(now)) };
        let mut ask_first = Vec::new();
        let mut ask_then = Vec::new();
        for name in wanted {
            let has_no_log = name.as_str().starts_with(STATUS_PIPE);
            match self.pipes.get_mut(name).filter(|pipe| pipe.is_joined()) {
                None => {
                    self.pipes.entry(name.clone()).or_default().join(here, !has_no_log);
                    if !has_no_log {
                        ask_then.push(name.clone());
                    }
                }
                Some(_) if has_no_log => {
                    if fresh {
                        self.owe(name, gap.since, now);
                    }
                }
                Some(pipe) if fresh || pipe.hold.is_some() || pipe.has_useful_log() => {
                    pipe.hold(gap.since, gap.is_untimed, fresh, here);
                    ask_first.push(name.clone());
                }
                Some(_) => {}
            }
        }
        if fresh {
            self.clock.settle();
        }
        ask_first.append(&mut ask_then);
        ask_first
    }

    /// A live event was read.
    pub fn event(&mut self, event: Event<'_>, now: Instant, out: &mut impl Hearer) {
        // What had waited in a queue bears the time at which it was put there.
        if let Some(time) = event.time
            && !event.history
        {
            self.clock.observe(time, now);
        }
        self.pay(out);
        let Some(pipe) = self.pipes.get_mut(&*event.pipe) else { return out.event(event) };
        let print = self.prints.heard(&event);
        if pipe.is_late_copy(&print, now) {
            return;
        }
        match &mut pipe.hold {
            None => {
                pipe.tail.push(print);
                out.event(event);
            }
            Some(hold) => {
                self.held.add(Load { events: 1, bytes: bytes(&event) });
                hold.push(event, print);
                self.hold_less(now, out);
            }
        }
    }

    /// A server time was read that is no event's. To be called with the time of the first frame before
    /// [`Self::subscribe`], and with any other.
    pub fn server_time(&mut self, time: u64, now: Instant) {
        self.clock.compare(time, now);
    }

    /// Frames were read, all that had come: until now everything was heard.
    pub const fn alive(&mut self, now: Instant) {
        self.alive = Some(now);
    }

    /// As whom we send: 0 if nobody logged in. Until this is called our messages can be anyone's.
    pub const fn sends_as(&mut self, user_id: u64) {
        self.user_id = Some(user_id);
    }

    /// A message of ours was answered: it is in the log, and is never heard on this link. `@` before the pipe is allowed.
    pub fn own_sent(&mut self, pipe: &str, event: &str, message: &str, now: Instant) {
        let time = self.clock.at(now);
        self.own(pipe, event, message, time, Kind::Sent);
    }

    /// A message of ours was not answered when the connection broke: it may be in the log, and is no event either way.
    /// To be called after [`Self::lost`] and before the next [`Self::subscribe`].
    pub fn own_unknown(&mut self, pipe: &str, event: &str, message: &str) {
        let underway = self.broken.and_then(|broken| Some(broken.at?.saturating_sub(broken.since)));
        let before = underway.unwrap_or_default().saturating_add(SENT_BEFORE_SECONDS);
        let kind = Kind::MaybeSent { before: u32::try_from(before).unwrap_or(u32::MAX) };
        self.own(pipe, event, message, self.broken.and_then(|broken| broken.at), kind);
    }

    /// A pipe's log was read, or will not be. Answers that were awaited when the connection broke are not handed in.
    pub fn logged(
        &mut self,
        name: &PipeName,
        rows: Result<Vec<Event<'static>>, GapReason>,
        now: Instant,
        out: &mut impl Hearer,
    ) {
        self.pay(out);
        let Some(pipe) = self.pipes.get_mut(name) else { return };
        if !pipe.is_last_answer() {
            return;
        }
        let Some(hold) = pipe.hold.take() else {
            if let Ok(rows) = rows {
                pipe.read(&rows, &self.prints);
            }
            return;
        };
        self.held.take(hold.load());
        let scene = Scene { name, era: self.era, clock: &self.clock, prints: &self.prints, now };
        match rows {
            Ok(rows) => pipe.release(hold, rows, &scene, out),
            Err(why) => pipe.give_up(hold, why, &scene, out),
        }
    }

    /// The gap in which personal messages may have gone to the connection that was lost, and when something was last read
    /// of that; none if none was lost. To be asked for before the first [`Self::subscribe`] of the new one.
    #[must_use]
    pub fn personal_gap(&self, now: Instant) -> Option<(Gap, Instant)> {
        let until = self.clock.shown(now);
        let since = self.broken?.since.min(until);
        let pipe = PipeName::new(PERSONAL_PIPE).ok()?;
        Some((Gap { pipe, since, until, recovered: 0, why: GapReason::SentToTheDead }, self.alive?))
    }

    /// The connection is gone. May be called again while there is none.
    pub fn lost(&mut self, now: Instant) {
        if self.broken.is_none() {
            self.broken = Some(Break { at: self.clock.at(now), ..self.gap_from(self.alive.unwrap_or(now)) });
        }
        for pipe in self.pipes.values_mut() {
            pipe.lost();
        }
    }

    fn own(&mut self, pipe: &str, event: &str, message: &str, time: Option<u64>, kind: Kind) {
        let (pipe, user_id) = match pipe.strip_prefix('@') {
            Some(pipe) => (pipe, Some(0)),
            None => (pipe, self.user_id),
        };
        if let Some(pipe) = self.pipes.get_mut(pipe) {
            pipe.tail.push(self.prints.own(event, message, user_id, time, kind));
        }
    }

    fn gap_from(&self, heard_until: Instant) -> Break {
        let is_untimed = self.clock.was_set() || self.clock.at(heard_until).is_none();
        Break { since: self.clock.shown(heard_until), is_untimed, at: None }
    }

    fn take_break(&mut self, now: Instant) -> Break {
        self.lost(now);
        let gap = self.broken.take().unwrap_or_else(|| self.gap_from(now));
        Break { is_untimed: gap.is_untimed || self.clock.was_set(), ..gap }
    }

    /// Lets the pipe that holds most flow, until the rest is within bounds.
    fn hold_less(&mut self, now: Instant, out: &mut impl Hearer) {
        while self.held.is_too_much() {
            let weight = |pipe: &Pipe| pipe.hold.as_ref().map_or(0, |hold| hold.load().weight());
            let Some((name, pipe)) = self.pipes.iter_mut().max_by_key(|(_, pipe)| weight(pipe)) else { return };
            let Some(hold) = pipe.hold.take() else { return };
            self.held.take(hold.load());
            let scene = Scene { name, era: self.era, clock: &self.clock, prints: &self.prints, now };
            pipe.give_up(hold, GapReason::TooMuchHeld, &scene, out);
        }
    }

    fn owe(&mut self, name: &PipeName, since: u64, now: Instant) {
        let until = self.clock.shown(now);
        match self.owed.iter_mut().find(|gap| gap.pipe == *name) {
            Some(gap) => gap.until = until,
            None => {
                let since = since.min(until);
                self.owed.push(Gap { pipe: name.clone(), since, until, recovered: 0, why: GapReason::NoLog });
            }
        }
    }

    fn pay(&mut self, out: &mut impl Hearer) {
        if !self.owed.is_empty() {
            self.owed.drain(..).for_each(|gap| out.gap(gap));
        }
    }
}
