//! Which rows of a log were missed: pure, from what is remembered and the rows.
//!
//! Where a row can be something that was heard, it is taken for it: an event that is lost can be found in the log again,
//! one that is delivered twice cannot be taken back.

use super::{
    matching::matching,
    tail::{Kind, Print},
};

/// What a row can be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    pub(super) print: Print,
    pub(super) place: Place,
}

/// Where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Heard, read or sent before the gap, at this place in the tail.
    Before(u64),
    /// Sent by us since then, likewise.
    Since(u64),
    /// Held back since then, at this place in the queue.
    Held(usize),
}

/// How to tell what lies in the gap.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rule {
    /// By the rows' times.
    Time {
        /// When everything had still been heard, Unix seconds of the server.
        since: u64,
        /// Older rows than this are no business of ours.
        from: u64,
        /// Rows up to this time may have been heard and forgotten, or are known to be missing.
        doubted: Option<u64>,
    },
    /// By the rows' order, if there are no times or the clock was set.
    Order {
        /// Whether the log as it was before is known.
        is_read: bool,
        /// Whether all of the log is here.
        is_whole: bool,
        /// Whether all of it as it was before is known.
        was_whole: bool,
        /// Whether rows of an earlier gap may be among them.
        has_old_gaps: bool,
    },
}

/// What a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Known, or from before the gap.
    Seen,
    /// The row of a held event.
    Held(usize),
    /// Missed.
    Missed,
    /// Missed or heard: nobody can say.
    Doubtful,
}

/// What a log says about a gap.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Alignment {
    /// One for each row.
    pub(super) verdicts: Vec<Verdict>,
    /// Rows, by number, and what they are found to be.
    pub(super) pairs: Vec<(usize, Place)>,
    /// Whether a row is from before the gap, so that none of the gap is dropped from the log.
    pub(super) reaches_back: bool,
    /// Whether a row that lies in the gap is doubtful.
    pub(super) is_doubtful: bool,
}

/// Seconds by which a row can be older than the time at which everything had been heard and still be missed, other than
/// by an error of the clock: what was underway when the connection broke.
pub(super) const UNDERWAY_SECONDS: u64 = 1;

/// Tells what each row is.
pub(super) fn align(rows: &[Print], known: &[Known], rule: Rule) -> Alignment {
    match rule {
        Rule::Time { since, from, doubted } => by_time(rows, known, since, from, doubted),
        Rule::Order { is_read: true, is_whole, was_whole, has_old_gaps } => {
            by_order(rows, known, is_whole, is_whole && was_whole && !has_old_gaps, has_old_gaps)
        }
        Rule::Order { is_read: false, .. } => all_in_doubt(rows, known),
    }
}

fn by_time(rows: &[Print], known: &[Known], since: u64, from: u64, doubted: Option<u64>) -> Alignment {
    let is_doubted = |time: u64| doubted.is_some_and(|doubted| time <= doubted);
    let matters = |row: &Print| row.time.is_some_and(|time| time >= from && !is_doubted(time));
    let found = matching(rows, known, |row, known| known.print.can_be(row), matters);
    let mut alignment = Alignment { reaches_back: false, ..Alignment::of(&found) };
    for (row, verdict) in rows.iter().zip(&mut alignment.verdicts) {
        let time = row.time.unwrap_or_default();
        let is_before = time.saturating_add(UNDERWAY_SECONDS) < since;
        // A row that was heard is no proof if it is not older: of one second a log may have dropped any.
        alignment.reaches_back |= is_before;
        if *verdict != Verdict::Missed {
            continue;
        }
        if time < from {
            *verdict = Verdict::Seen;
        } else if is_doubted(time) {
            *verdict = Verdict::Doubtful;
            alignment.is_doubtful |= !is_before;
        }
    }
    alignment
}

fn by_order(rows: &[Print], known: &[Known], is_whole: bool, all_known: bool, has_old_gaps: bool) -> Alignment {
    let found = matching(rows, known, |row, known| known.print.is_like(row), |_| true);
    let is_before = |found: &Option<&Known>| found.is_some_and(Known::is_certainly_before);
    let heard = found.iter().filter(|found| is_before(found)).count();
    let overlap = overlap(rows, known);
    // Rows of one second have no order: a short overlap beside much that was heard is chance.
    if overlap > 0 && overlap * 2 >= heard {
        let later: Vec<Known> = known.iter().filter(|known| !known.is_certainly_before()).copied().collect();
        let rest = rows.get(overlap..).unwrap_or_default();
        let mut alignment = Alignment::of(&matching(rest, &later, |row, known| known.print.is_like(row), |_| true));
        // By its place such a row was missed, but if rows are in disorder it may have been heard.
        for (verdict, found) in alignment.verdicts.iter_mut().zip(found.iter().skip(overlap)) {
            if *verdict == Verdict::Missed && found.is_some() {
                *verdict = Verdict::Doubtful;
                alignment.is_doubtful = true;
            }
        }
        alignment.verdicts.splice(0..0, std::iter::repeat_n(Verdict::Seen, overlap));
        alignment.pairs.iter_mut().for_each(|(row, _)| *row += overlap);
        alignment.reaches_back = found.iter().take(overlap).any(is_before);
        return alignment;
    }
    let mut alignment = Alignment::of(&found);
    // What stands before all that was heard is from before we came, or forgotten.
    let old = if has_old_gaps { found.iter().rposition(is_before) } else { found.iter().position(is_before) };
    // If all of that is known, it is new: a clock that was set back puts it there.
    let old = if all_known { 0 } else { old.unwrap_or(if is_whole { 0 } else { rows.len() }) };
    for verdict in alignment.verdicts.iter_mut().take(old).filter(|verdict| **verdict == Verdict::Missed) {
        *verdict = Verdict::Doubtful;
    }
    alignment
}

/// What is not known may be from before the pipe was subscribed.
fn all_in_doubt(rows: &[Print], known: &[Known]) -> Alignment {
    let mut alignment = Alignment::of(&matching(rows, known, |row, known| known.print.is_like(row), |_| true));
    for verdict in alignment.verdicts.iter_mut().filter(|verdict| **verdict == Verdict::Missed) {
        *verdict = Verdict::Doubtful;
        alignment.is_doubtful = true;
    }
    alignment
}

/// The largest number of rows, from the oldest on, that are the newest of what was heard before the gap.
fn overlap(rows: &[Print], known: &[Known]) -> usize {
    let heard: Vec<&Print> =
        known.iter().filter(|known| matches!(known.place, Place::Before(_))).map(|known| &known.print).collect();
    let is_end_of_heard = |rows: &[Print]| {
        let mut heard = heard.iter().rev();
        rows.iter().rev().all(|row| {
            for print in heard.by_ref() {
                if print.is_like(row) {
                    return true;
                }
                if print.must_be_stored() {
                    return false;
                }
            }
            false
        })
    };
    let most = rows.len().min(heard.len());
    (1..=most).rev().find(|length| rows.get(..*length).is_some_and(is_end_of_heard)).unwrap_or(0)
}

impl Known {
    fn is_certainly_before(&self) -> bool {
        matches!(self.place, Place::Before(_)) && !matches!(self.print.kind, Kind::MaybeSent { .. })
    }
}

impl Alignment {
    fn of(found: &[Option<&Known>]) -> Self {
        let verdict = |found: &Option<&Known>| match found.map(|known| known.place) {
            None => Verdict::Missed,
            Some(Place::Before(_) | Place::Since(_)) => Verdict::Seen,
            Some(Place::Held(at)) => Verdict::Held(at),
        };
        Self {
            verdicts: found.iter().map(verdict).collect(),
            pairs: found.iter().enumerate().filter_map(|(row, found)| Some((row, (*found)?.place))).collect(),
            reaches_back: found.iter().flatten().any(|known| known.is_certainly_before()),
            is_doubtful: false,
        }
    }
}
