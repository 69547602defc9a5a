//! One pipe of a link: what was heard of it, and how it comes to flow again after a gap.

use std::time::{Duration, Instant};

use super::{
    Hearer,
    align::{Alignment, Known, Place, Rule, Verdict, align},
    clock::{CLOCK_SLACK_SECONDS, Clock},
    gap::{Gap, GapReason},
    hold::{Held, Hold, Precede},
    matching::matching,
    tail::{Kind, Print, Prints, Tail},
};
use crate::comet::{
    name::PipeName,
    wire::{Era, Event},
};

/// The most rows that a server hands out: with so many there may be newer ones (PROTOCOL.md, section 7).
const ROWS_MAX: usize = 99;

/// How long, and for messages of which age, a live copy can still follow a row: a message of another of the server's
/// threads is stored before it is sent.
const LATE_COPY: Duration = Duration::from_secs(2);

/// For how long after a subscription rows may be from before it, if the log as it was then is not known: our estimate of
/// the server's time is slow by up to two seconds, and rows are stored up to one late.
const UNREAD_SECONDS: u64 = 3;

/// How long a pipe that was left is remembered, so that one that comes back at once brings nothing a second time.
const REMEMBERED_AFTER: Duration = Duration::from_secs(10);

/// One pipe.
#[derive(Debug, Default)]
pub(super) struct Pipe {
    pub(super) tail: Tail,
    /// What waits, while it does.
    pub(super) hold: Option<Hold>,
    /// Questions for the log that have no answer. The answer to the last one counts: the others are from before the
    /// subscription that is in force.
    asked: u32,
    /// Whether rows were ever seen, so that it is worth to wait for the log.
    has_log: bool,
    /// Whether the log was longer than what the server hands out when it was last read.
    is_out_of_reach: bool,
    /// Since when it is subscribed, server time.
    from: u64,
    /// Whether the log was read since then: what is in it from before is remembered.
    is_read: bool,
    /// Whether all of it was handed out then, and remembered.
    is_read_whole: bool,
    /// Rows up to this time may belong to a gap that was reported.
    doubted: Option<u64>,
    /// Rows of which a live copy may follow.
    late: Vec<Print>,
    late_until: Option<Instant>,
    /// When it was left, if it is not subscribed any more.
    left: Option<Instant>,
}

/// What the releasing of a pipe needs of its link.
pub(super) struct Scene<'a> {
    pub(super) name: &'a PipeName,
    pub(super) era: Era,
    pub(super) clock: &'a Clock,
    pub(super) prints: &'a Prints,
    pub(super) now: Instant,
}

impl Pipe {
    /// It is subscribed, for the first time or again, from this server time on; its log is asked for if it has one.
    pub(super) fn join(&mut self, here: Option<u64>, is_asked: bool) {
        self.from = here.unwrap_or_default();
        self.is_read = false;
        self.is_read_whole = false;
        self.asked += u32::from(is_asked);
        self.left = None;
    }

    /// It is subscribed no more. Gives what waited.
    pub(super) fn leave(&mut self, now: Instant) -> Option<Hold> {
        self.left.get_or_insert(now);
        self.hold.take()
    }

    /// Whether it is subscribed.
    pub(super) const fn is_joined(&self) -> bool {
        self.left.is_none()
    }

    /// Whether it is subscribed or may be again before what is underway, answers too, and what was just heard are past.
    pub(super) fn is_remembered(&self, now: Instant) -> bool {
        self.asked > 0 || self.left.is_none_or(|left| now < left + REMEMBERED_AFTER)
    }

    /// Whether it is worth to hold events for the log when nothing but the subscription changes.
    pub(super) const fn has_useful_log(&self) -> bool {
        self.has_log && !self.is_out_of_reach
    }

    /// Events wait from now on, until the log that is asked for is read.
    pub(super) fn hold(&mut self, since: u64, is_untimed: bool, is_fresh: bool, here: Option<u64>) {
        let mark = self.tail.end();
        let since = since.max(self.from);
        let hold = self.hold.get_or_insert_with(|| Hold::new(since, mark));
        hold.since = hold.since.min(since);
        if !is_fresh {
            // Events from before the change may still be underway.
            hold.may_precede = Precede::All;
        }
        hold.is_untimed |= is_untimed;
        hold.subscribed = here;
        self.asked += 1;
    }

    /// The connection is gone: no answer comes any more, and no copy.
    pub(super) fn lost(&mut self) {
        self.asked = 0;
        self.late.clear();
        if let Some(hold) = &mut self.hold {
            hold.reconnected();
        }
    }

    /// Counts an answer; says whether it is the one that counts.
    pub(super) const fn is_last_answer(&mut self) -> bool {
        let is_last = self.asked == 1;
        self.asked = self.asked.saturating_sub(1);
        is_last
    }

    /// Whether a live event was delivered as a row already. Says so once for each row.
    pub(super) fn is_late_copy(&mut self, print: &Print, now: Instant) -> bool {
        if self.late.is_empty() {
            return false;
        }
        if self.late_until.is_none_or(|until| now > until) {
            self.late.clear();
            return false;
        }
        let Some(at) = self.late.iter().position(|row| print.can_be(row)) else { return false };
        self.late.swap_remove(at);
        true
    }

    /// Takes the log of a pipe that flows: its rows are known from now on.
    pub(super) fn read(&mut self, rows: &[Event<'_>], prints: &Prints) {
        let rows: Vec<Print> = rows.iter().map(|row| prints.stored(row)).collect();
        self.is_read = true;
        self.is_read_whole = rows.len() < ROWS_MAX && self.tail.has_newest(usize::MAX);
        self.has_log |= !rows.is_empty();
        let known: Vec<Known> =
            self.tail.iter().map(|(at, print)| Known { print: *print, place: Place::Before(at) }).collect();
        let found = matching(&rows, &known, |row, known| known.print.can_be(row), |_| true);
        let unknown: Vec<Print> =
            rows.iter().zip(found).filter(|(_, found)| found.is_none()).map(|(row, _)| *row).collect();
        self.tail.push_before(unknown.into_iter());
    }

    /// Lets a held pipe flow again without its log.
    pub(super) fn give_up(&mut self, hold: Hold, why: GapReason, scene: &Scene<'_>, out: &mut impl Hearer) {
        let until = scene.clock.shown(scene.now);
        self.report(&hold, why, until, 0, scene.name, out);
        if hold.is_untimed {
            self.begin_anew(until, false);
        }
        self.doubted = self.doubted.max(Some(until.saturating_add(1)));
        self.deliver(hold.events, out);
    }

    /// Lets a held pipe flow again: what was missed, in the order of the log, then what is held.
    pub(super) fn release(
        &mut self,
        mut hold: Hold,
        rows: Vec<Event<'static>>,
        scene: &Scene<'_>,
        out: &mut impl Hearer,
    ) {
        let prints: Vec<Print> = rows.iter().map(|row| scene.prints.stored(row)).collect();
        let alignment = align(&prints, &self.known(&hold), self.rule(&hold, &prints, scene.era));
        let until = scene.clock.shown(scene.now);
        let missed = alignment.verdicts.iter().filter(|verdict| **verdict == Verdict::Missed).count();
        self.is_out_of_reach = prints.len() >= ROWS_MAX && !reaches_over(&hold, &prints, &alignment);
        if prints.len() < ROWS_MAX {
            // All that the log has is known from now on.
            self.doubted = None;
        }
        if let Some(why) = why_incomplete(&alignment, self.is_out_of_reach) {
            self.report(&hold, why, until, missed, scene.name, out);
            // What is too old for the log is gone. Everything else may turn up in the next answer: also what is too new
            // for this one, whatever else is said of the log.
            if self.is_out_of_reach || (why != GapReason::NoLog && why != GapReason::LogTooShort) {
                self.doubted = self.doubted.max(Some(until.saturating_add(1)));
            }
        }
        for (row, place) in &alignment.pairs {
            let print = match *place {
                Place::Before(at) | Place::Since(at) => self.tail.get_mut(at),
                Place::Held(at) => hold.events.get_mut(at).map(|held| &mut held.print),
            };
            if let Some((print, row)) = print.zip(prints.get(*row)) {
                print.found(row);
            }
        }
        self.is_read = true;
        self.is_read_whole = prints.len() < ROWS_MAX;
        self.has_log |= !prints.is_empty();
        if hold.is_untimed {
            self.begin_anew(until, prints.len() < ROWS_MAX);
            for (row, verdict) in prints.iter().zip(&alignment.verdicts) {
                if *verdict == Verdict::Seen {
                    self.tail.push(*row);
                }
            }
        }
        self.late_until = Some(scene.now + LATE_COPY);
        self.deliver_merged(hold, rows.into_iter().zip(prints), &alignment, until, out);
    }

    /// What a row can be.
    fn known(&self, hold: &Hold) -> Vec<Known> {
        let remembered = self.tail.iter().map(|(at, print)| Known {
            print: *print,
            place: if at < hold.mark { Place::Before(at) } else { Place::Since(at) },
        });
        let held = hold.events.iter().enumerate().map(|(at, held)| Known { print: held.print, place: Place::Held(at) });
        remembered.chain(held).collect()
    }

    fn rule(&self, hold: &Hold, rows: &[Print], era: Era) -> Rule {
        if era == Era::Old || hold.is_untimed || rows.iter().any(|row| row.time.is_none()) {
            return Rule::Order {
                is_read: self.is_read,
                is_whole: rows.len() < ROWS_MAX,
                was_whole: self.is_read_whole && self.tail.has_newest(ROWS_MAX),
                has_old_gaps: self.doubted.is_some(),
            };
        }
        let forgotten = self.tail.forgotten_time().map(|time| time.saturating_add(1));
        let unread = if self.is_read { None } else { Some(self.from.saturating_add(UNREAD_SECONDS)) };
        let before = self.tail.iter().take_while(|(at, _)| *at < hold.mark);
        let heard = before.filter(|(_, print)| print.kind == Kind::Heard).filter_map(|(_, print)| print.time).max();
        // What is older than something that was heard would come in the wrong order, and was missed earlier if at all.
        let from = self.from.max(heard.unwrap_or_default().saturating_sub(1));
        Rule::Time {
            since: hold.since,
            from: from.max(hold.since.saturating_sub(CLOCK_SLACK_SECONDS)),
            doubted: forgotten.max(self.doubted).max(unread),
        }
    }

    fn report(
        &self,
        hold: &Hold,
        why: GapReason,
        until: u64,
        recovered: usize,
        name: &PipeName,
        out: &mut impl Hearer,
    ) {
        out.gap(Gap { pipe: name.clone(), since: hold.since.min(until), until, recovered, why });
    }

    /// The server's clock was set: what is remembered says nothing any more, and rows up to now were heard or missed,
    /// nobody knows. If there are more rows than were seen, that goes for those from before a clock was set back too.
    fn begin_anew(&mut self, until: u64, is_whole: bool) {
        let newest = if is_whole { None } else { self.tail.iter().filter_map(|(_, print)| print.time).max() };
        self.doubted = Some(newest.unwrap_or_default().max(until).saturating_add(1));
        self.from = 0;
        self.tail.clear();
    }

    fn deliver_merged(
        &mut self,
        hold: Hold,
        rows: impl Iterator<Item = (Event<'static>, Print)>,
        alignment: &Alignment,
        until: u64,
        out: &mut impl Hearer,
    ) {
        let preceding = match hold.may_precede {
            Precede::First(count) => count.min(hold.events.len()),
            Precede::All => hold.events.len(),
        };
        let mut held = hold.events.into_iter().enumerate().peekable();
        for ((mut event, print), verdict) in rows.zip(&alignment.verdicts) {
            match *verdict {
                Verdict::Seen => {}
                Verdict::Doubtful => self.tail.push(print),
                Verdict::Held(row) => {
                    while let Some((_, held)) = held.next_if(|(at, _)| *at < preceding && *at <= row) {
                        self.deliver([held], out);
                    }
                }
                Verdict::Missed => {
                    let is_earlier =
                        |held: &Held| held.print.time.zip(print.time).is_some_and(|(held, row)| held < row);
                    while let Some((_, held)) = held.next_if(|(at, held)| *at < preceding && is_earlier(held)) {
                        self.deliver([held], out);
                    }
                    self.tail.push(print);
                    if print.time.is_none_or(|time| time.saturating_add(LATE_COPY.as_secs()) >= until) {
                        self.late.push(print);
                    }
                    event.history = true;
                    out.event(event);
                }
            }
        }
        self.deliver(held.map(|(_, held)| held), out);
    }

    fn deliver(&mut self, held: impl IntoIterator<Item = Held>, out: &mut impl Hearer) {
        for held in held {
            self.tail.push(held.print);
            out.event(held.event);
        }
    }
}

/// Whether the answer goes beyond the gap: with a row of what was heard on the new connection, or one that is later than
/// the subscription.
fn reaches_over(hold: &Hold, rows: &[Print], alignment: &Alignment) -> bool {
    let first = match hold.may_precede {
        Precede::First(count) => count,
        Precede::All => 0,
    };
    let is_new = |verdict: &Verdict| matches!(verdict, Verdict::Held(at) if *at >= first);
    let newest = rows.last().and_then(|row| row.time);
    alignment.verdicts.iter().any(is_new)
        || !hold.is_untimed && newest.zip(hold.subscribed).is_some_and(|(newest, at)| newest > at.saturating_add(2))
}

fn why_incomplete(alignment: &Alignment, is_out_of_reach: bool) -> Option<GapReason> {
    if alignment.verdicts.is_empty() {
        Some(GapReason::NoLog)
    } else if !alignment.reaches_back {
        Some(GapReason::LogTooShort)
    } else if is_out_of_reach {
        Some(GapReason::NewestOutOfReach)
    } else if alignment.is_doubtful {
        Some(GapReason::Ambiguous)
    } else {
        None
    }
}
