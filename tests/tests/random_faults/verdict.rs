//! Whether the promises were kept.

use std::{collections::BTreeMap, time::Instant};

use cometbot::comet::outbox::Delivery;
use proptest::{prop_assert, prop_assert_eq, test_runner::TestCaseError};

use super::{case::Case, ears::Note, life::Life, said::Text};

type Verdict = Result<(), TestCaseError>;

/// Checks all promises.
pub fn on(case: &Case, life: &Life) -> Verdict {
    for pipe in &life.pipes {
        let heard = Pipe::of(life, pipe);
        heard.is_in_order_and_nothing_comes_twice()?;
        heard.nothing_is_missing_without_a_gap(life)?;
    }
    what_is_own_is_heard_only_by_those_who_want_it(case, life)?;
    match (&life.arrived, case.delivery) {
        (Some(arrived), Delivery::AtLeastOnce) => everything_arrives(life, arrived),
        (Some(arrived), Delivery::AtMostOnce) => nothing_arrives_twice(case, life, arrived),
        (None, _) => Ok(()),
    }
}

/// What was heard of a pipe.
struct Pipe<'a> {
    name: &'a str,
    notes: Vec<&'a Note>,
}

impl<'a> Pipe<'a> {
    fn of(life: &'a Life, name: &'a str) -> Self {
        let is_its = |note: &&Note| match note {
            Note::Event { pipe, .. } => pipe == name,
            Note::Gap { gap, .. } => gap.pipe.as_str() == name,
        };
        Self { name, notes: life.notes.iter().filter(is_its).collect() }
    }

    fn number(note: &Note) -> Option<usize> {
        match note {
            Note::Event { text: Text::Other(number), .. } => Some(*number),
            _ => None,
        }
    }

    fn is_in_order_and_nothing_comes_twice(&self) -> Verdict {
        let numbers: Vec<usize> = self.notes.iter().filter_map(|note| Self::number(note)).collect();
        let name = self.name;
        prop_assert!(numbers.is_sorted_by(|one, next| one < next), "{name}: heard {numbers:?}");
        let is_old = |note: &&&Note| matches!(note, Note::Event { text: Text::Old, .. });
        prop_assert_eq!(self.notes.iter().filter(is_old).count(), 0, "{}: what was said long ago is heard", name);
        Ok(())
    }

    /// What is missing was said before a gap was reported, and the report came before anything that was said later.
    fn nothing_is_missing_without_a_gap(&self, life: &Life) -> Verdict {
        for said in life.said.iter().filter(|said| said.pipe == self.name) {
            let Text::Other(number) = said.text else { continue };
            if self.notes.iter().any(|note| Self::number(note) == Some(number)) {
                continue;
            }
            let before_later =
                self.notes.iter().take_while(|note| Self::number(note).is_none_or(|heard| heard < number));
            let is_covered = has_gap(before_later.copied(), said.at);
            let at = said.at.elapsed();
            prop_assert!(is_covered, "{}: {number}, said {at:?} ago, is missing; {:#?}", self.name, self.notes);
        }
        Ok(())
    }
}

fn has_gap<'a>(mut notes: impl Iterator<Item = &'a Note>, said: Instant) -> bool {
    notes.any(|note| matches!(note, Note::Gap { at, gap } if *at >= said && gap.since <= gap.until))
}

fn what_is_own_is_heard_only_by_those_who_want_it(case: &Case, life: &Life) -> Verdict {
    let mut heard = BTreeMap::<(&str, Text), usize>::new();
    for note in &life.notes {
        if let Note::Event { pipe, text: text @ Text::Own { .. }, .. } = note {
            *heard.entry((pipe, *text)).or_default() += 1;
        }
    }
    if !case.hears_itself {
        // What was on its way when the connection broke may arrive, and be heard, on the next one.
        prop_assert!(heard.is_empty() || !case.is_orderly(), "it hears itself: {heard:?}");
        return Ok(());
    }
    let Some(arrived) = &life.arrived else { return Ok(()) };
    let times = |pipe: &str, text: Text| arrived.iter().filter(|arrived| **arrived == (pipe.to_owned(), text)).count();
    for ((pipe, text), heard) in &heard {
        let arrived = times(pipe, *text);
        prop_assert!(*heard <= arrived, "{pipe}: {text:?} arrived {arrived} times and is heard {heard} times");
    }
    for said in life.said.iter().filter(|said| life.pipes.contains(&said.pipe)) {
        if matches!(said.text, Text::Own { .. })
            && times(&said.pipe, said.text) == 1
            && !heard.contains_key(&(said.pipe.as_str(), said.text))
        {
            let pipe = Pipe::of(life, &said.pipe);
            let is_covered = has_gap(pipe.notes.iter().copied(), said.at);
            prop_assert!(is_covered, "{}: {:?} is not heard; {:#?}", said.pipe, said.text, pipe.notes);
        }
    }
    Ok(())
}

/// What arrived of each lane in each pipe, in order.
fn by_lane(arrived: &[(String, Text)]) -> BTreeMap<(&str, usize), Vec<usize>> {
    let mut lanes = BTreeMap::<(&str, usize), Vec<usize>>::new();
    for (pipe, text) in arrived {
        if let Text::Own { lane, number } = *text {
            lanes.entry((pipe, lane)).or_default().push(number);
        }
    }
    lanes
}

/// How much the fleet sent over each lane to each pipe.
fn sent(life: &Life) -> BTreeMap<(&str, usize), usize> {
    let mut sent = BTreeMap::<(&str, usize), usize>::new();
    for said in &life.said {
        if let Text::Own { lane, .. } = said.text {
            *sent.entry((said.pipe.as_str(), lane)).or_default() += 1;
        }
    }
    sent
}

fn everything_arrives(life: &Life, arrived: &[(String, Text)]) -> Verdict {
    prop_assert_eq!(life.lost, 0);
    let lanes = by_lane(arrived);
    for (place, count) in sent(life) {
        let numbers = lanes.get(&place).map(Vec::as_slice).unwrap_or_default();
        let mut next = 0;
        for number in numbers {
            prop_assert!(*number <= next, "{place:?}: {number} arrives before {next}: {numbers:?}");
            next = next.max(number + 1);
        }
        prop_assert_eq!(next, count, "{:?}: sent so many, and there arrived {:?}", place, numbers);
    }
    Ok(())
}

fn nothing_arrives_twice(case: &Case, life: &Life, arrived: &[(String, Text)]) -> Verdict {
    let lanes = by_lane(arrived);
    let mut missing = 0;
    for (place, count) in sent(life) {
        let mut numbers = lanes.get(&place).cloned().unwrap_or_default();
        if !case.is_orderly() {
            numbers.sort_unstable();
        }
        prop_assert!(numbers.is_sorted_by(|one, next| one < next), "{place:?}: there arrived {numbers:?}");
        missing += count - numbers.len();
    }
    prop_assert!(missing <= life.lost, "{missing} sends are missing, and {} are reported as lost", life.lost);
    Ok(())
}
