//! Who waits for outcomes: commands that were told to.

use std::collections::BTreeMap;

use tokio::sync::oneshot;

use super::super::{control::Answer, outcome::Outcome};

/// Everybody who waits.
#[derive(Debug, Default)]
pub(super) struct Waiters {
    waiting: Vec<Waiter>,
    /// Those who want to see a candidate run, with the number of the attempt.
    beside: Vec<(String, u64, oneshot::Sender<Answer>)>,
}

#[derive(Debug)]
struct Waiter {
    /// The plugins whose outcome is still to come, and the number of the attempt from which on it counts.
    pending: BTreeMap<String, u64>,
    outcomes: Vec<Outcome>,
    notes: Vec<String>,
    reply: oneshot::Sender<Answer>,
}

impl Waiters {
    /// Answers when each of these plugins has an outcome of this attempt, or a later one, and it is final.
    pub(super) fn add(&mut self, pending: BTreeMap<String, u64>, notes: Vec<String>, reply: oneshot::Sender<Answer>) {
        self.waiting.push(Waiter { pending, outcomes: Vec::new(), notes, reply });
        self.answer();
    }

    /// Answers when the candidate of this attempt runs beside this plugin, or will not.
    pub(super) fn add_beside(&mut self, plugin: &str, number: u64, reply: oneshot::Sender<Answer>) {
        self.beside.push((plugin.to_owned(), number, reply));
    }

    /// A final outcome of an attempt.
    pub(super) fn tell(&mut self, outcome: &Outcome, number: u64) {
        let is_of = |(plugin, from, _): &mut (String, u64, _)| *plugin == outcome.plugin && number >= *from;
        for (_, _, reply) in self.beside.extract_if(.., is_of) {
            // Somebody who has gone meanwhile needs no answer.
            let _ = reply.send(Answer::Refused { why: outcome.to_string() });
        }
        for waiter in &mut self.waiting {
            if waiter.pending.get(&outcome.plugin).is_some_and(|from| number >= *from) {
                waiter.pending.remove(&outcome.plugin);
                waiter.outcomes.push(outcome.clone());
            }
        }
        self.answer();
    }

    /// The candidate of this attempt runs beside this plugin.
    pub(super) fn beside(&mut self, plugin: &str, number: u64) {
        let is_of = |(name, from, _): &mut (String, u64, _)| *name == plugin && number >= *from;
        for (_, _, reply) in self.beside.extract_if(.., is_of) {
            let text = format!("the candidate runs beside {plugin}: `cometbot plugins {plugin}` tells how it does");
            let _ = reply.send(Answer::Done { text });
        }
    }

    fn answer(&mut self) {
        let (done, waiting) =
            std::mem::take(&mut self.waiting).into_iter().partition(|waiter| waiter.pending.is_empty());
        self.waiting = waiting;
        let done: Vec<Waiter> = done;
        for Waiter { outcomes, notes, reply, .. } in done {
            let _ = reply.send(Answer::Outcomes { outcomes, notes });
        }
        self.waiting.retain(|waiter| !waiter.reply.is_closed());
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::bot::outcome::OutcomeKind;

    #[test]
    fn an_answer_comes_when_every_plugin_has_an_outcome_of_the_attempt_that_was_asked_for() {
        let mut waiters = Waiters::default();
        let (reply, mut answer) = oneshot::channel();
        waiters.add(BTreeMap::from([("a".to_owned(), 3), ("b".to_owned(), 4)]), Vec::new(), reply);
        let outcome = |plugin: &str| Outcome::now(plugin, OutcomeKind::Removed);
        waiters.tell(&outcome("a"), 2);
        waiters.tell(&outcome("b"), 5);
        waiters.tell(&outcome("c"), 9);
        assert!(answer.try_recv().is_err(), "the outcome of a was one of before");
        waiters.tell(&outcome("a"), 3);
        let Answer::Outcomes { outcomes, .. } = answer.try_recv().unwrap() else { panic!() };
        assert_eq!(outcomes.iter().map(|outcome| outcome.plugin.as_str()).collect::<Vec<_>>(), ["b", "a"]);
    }

    #[test]
    fn whoever_waits_for_nothing_is_answered_at_once() {
        let (reply, mut answer) = oneshot::channel();
        Waiters::default().add(BTreeMap::new(), vec!["note".to_owned()], reply);
        assert!(matches!(answer.try_recv().unwrap(), Answer::Outcomes { notes, .. } if notes == ["note"]));
    }
}
