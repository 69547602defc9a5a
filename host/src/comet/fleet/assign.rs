//! Which link hears which pipe, when more pipes are wanted than one connection can subscribe to.
//!
//! A pipe, once assigned, stays with its link until nobody wants it, and links are never rebalanced. Two connections
//! cannot change their subscriptions at the same moment: a pipe that moved would for a while be heard by neither, and
//! what is said then is lost, or by both, and everything comes twice. A link with few pipes costs one socket; a move
//! costs messages.
//!
//! Pure. Called by `fleet` alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use hashbrown::HashMap;

use crate::comet::{name::PipeName, wire::command::SUBSCRIBED_PIPES_MAX};

/// Who hears what. Links are numbered from 0.
#[derive(Debug)]
pub struct Assignment {
    /// The first link that hears; those below it only send.
    first: usize,
    /// Every link that must exist. Shared, so that a link takes its list as it is and an unchanged one is not copied.
    links: BTreeMap<usize, Arc<BTreeSet<PipeName>>>,
    /// The same the other way round, since every send looks up its link.
    link_of: HashMap<PipeName, usize>,
}

impl Assignment {
    /// No pipe is assigned yet. `first` is the first link that hears: 0, or 1 if link 0 only sends.
    #[must_use]
    pub fn new(first: usize) -> Self {
        let links = [0, first].map(|link| (link, Arc::default())).into();
        Self { first, links, link_of: HashMap::new() }
    }

    /// Follows what is wanted, and gives the links whose pipes changed; one that must not exist any more is among them.
    ///
    /// Pipes that are assigned stay where they are, those no longer wanted leave, and then the new ones go, in the order
    /// of their names, each to the lowest link with room for it: at most [`SUBSCRIBED_PIPES_MAX`] are on a link
    /// (PROTOCOL.md, section 6). A link in the middle that is left with nothing goes; its number is used again.
    pub fn follow(&mut self, wanted: &BTreeSet<PipeName>) -> BTreeSet<usize> {
        let mut changed = self.remove_all_but(wanted);
        let mut link = self.first;
        for pipe in wanted {
            if self.link_of.contains_key(pipe) {
                continue;
            }
            while self.pipes(link).is_some_and(|pipes| pipes.len() >= SUBSCRIBED_PIPES_MAX) {
                link += 1;
            }
            Arc::make_mut(self.links.entry(link).or_default()).insert(pipe.clone());
            self.link_of.insert(pipe.clone(), link);
            changed.insert(link);
        }
        let first = self.first;
        self.links.retain(|&link, pipes| link == 0 || link == first || !pipes.is_empty());
        changed
    }

    fn remove_all_but(&mut self, wanted: &BTreeSet<PipeName>) -> BTreeSet<usize> {
        let mut changed = BTreeSet::new();
        for (&link, pipes) in &mut self.links {
            if !pipes.is_subset(wanted) {
                Arc::make_mut(pipes).retain(|pipe| wanted.contains(pipe));
                changed.insert(link);
            }
        }
        self.link_of.retain(|pipe, _| wanted.contains(pipe));
        changed
    }

    /// What `link` subscribes to; `None` if there must be no such link.
    #[must_use]
    pub fn pipes(&self, link: usize) -> Option<&Arc<BTreeSet<PipeName>>> {
        self.links.get(&link)
    }

    /// The link that hears `pipe`, if one does.
    #[must_use]
    pub fn link_of(&self, pipe: &str) -> Option<usize> {
        self.link_of.get(pipe).copied()
    }

    /// The links that must exist now, in order: those that hear something, and always link 0 and the first that hears.
    pub fn links(&self) -> impl Iterator<Item = usize> {
        self.links.keys().copied()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn pipes(numbers: impl IntoIterator<Item = usize>) -> BTreeSet<PipeName> {
        numbers.into_iter().map(|number| PipeName::new(&format!("web_{number:03}")).unwrap()).collect()
    }

    fn links(assignment: &Assignment) -> Vec<usize> {
        assignment.links().collect()
    }

    #[test]
    fn the_33rd_pipe_goes_to_a_second_link() {
        let mut assignment = Assignment::new(0);
        assert_eq!(assignment.follow(&pipes(0..32)), BTreeSet::from([0]));
        assert_eq!(links(&assignment), [0]);
        assert_eq!(assignment.follow(&pipes(0..33)), BTreeSet::from([1]));
        assert_eq!(links(&assignment), [0, 1]);
        assert_eq!(*assignment.pipes(1).unwrap().as_ref(), pipes([32]));
        assert_eq!((assignment.link_of("web_031"), assignment.link_of("web_032")), (Some(0), Some(1)));
        assert_eq!(assignment.link_of("web_033"), None);
    }

    #[test]
    fn a_link_that_only_sends_hears_nothing() {
        let mut assignment = Assignment::new(1);
        assert_eq!(links(&assignment), [0, 1]);
        assert_eq!(assignment.follow(&pipes(0..40)), BTreeSet::from([1, 2]));
        assert!(assignment.pipes(0).unwrap().is_empty());
        assert_eq!(assignment.link_of("web_000"), Some(1));
    }

    #[test]
    fn a_link_left_with_nothing_goes_and_its_number_is_used_again() {
        let mut assignment = Assignment::new(0);
        assignment.follow(&pipes(0..96));
        let without_the_middle = || (0..32).chain(64..96);
        assert_eq!(assignment.follow(&pipes(without_the_middle())), BTreeSet::from([1]));
        assert_eq!(links(&assignment), [0, 2]);
        assert!(assignment.pipes(1).is_none());
        assert_eq!(assignment.follow(&pipes(without_the_middle().chain([200]))), BTreeSet::from([1]));
        assert_eq!(assignment.link_of("web_200"), Some(1));
    }

    #[test]
    fn links_that_always_exist_outlive_their_pipes() {
        for first in [0, 1] {
            let mut assignment = Assignment::new(first);
            assignment.follow(&pipes(0..500));
            assignment.follow(&pipes([]));
            assert_eq!(links(&assignment), BTreeSet::from([0, first]).into_iter().collect::<Vec<_>>());
        }
    }

    /// What a pipe leaves behind is filled before a new link is opened.
    #[test]
    fn a_gap_is_filled_in_the_same_step() {
        let mut assignment = Assignment::new(0);
        assignment.follow(&pipes(0..64));
        assert_eq!(assignment.follow(&pipes((1..64).chain([500]))), BTreeSet::from([0]));
        assert_eq!(links(&assignment), [0, 1]);
    }

    /// From none to all 500 pipes, scattered as plugins come and go.
    fn wanted() -> impl Strategy<Value = BTreeSet<PipeName>> {
        (vec(any::<u8>(), 500), any::<u8>())
            .prop_map(|(dice, bar)| pipes(dice.into_iter().enumerate().filter(|(_, die)| *die < bar).map(|(at, _)| at)))
    }

    /// All that is assigned, pipe by pipe; fails if one is assigned twice or where it cannot be.
    fn assigned(assignment: &Assignment, first: usize) -> BTreeMap<PipeName, usize> {
        let mut assigned = BTreeMap::new();
        for link in assignment.links() {
            let pipes = assignment.pipes(link).unwrap();
            assert!(pipes.len() <= SUBSCRIBED_PIPES_MAX);
            assert!(link >= first || pipes.is_empty());
            assert!(link == 0 || link == first || !pipes.is_empty());
            for pipe in pipes.iter() {
                assert_eq!(assigned.insert(pipe.clone(), link), None, "{pipe} is heard twice");
                assert_eq!(assignment.link_of(pipe.as_str()), Some(link));
            }
        }
        assigned
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn whatever_is_wanted_is_heard_once_and_what_stays_does_not_move(first in 0..=1_usize, steps in vec(wanted(), 1..8)) {
            let mut assignment = Assignment::new(first);
            let mut before = BTreeMap::new();
            for wanted in steps {
                let lists: BTreeMap<_, _> =
                    assignment.links().map(|link| (link, assignment.pipes(link).cloned())).collect();
                let changed = assignment.follow(&wanted);
                let now = assigned(&assignment, first);
                prop_assert_eq!(now.keys().cloned().collect::<BTreeSet<_>>(), wanted);
                for (pipe, link) in &before {
                    prop_assert!(now.get(pipe).is_none_or(|now| now == link), "{} moved", pipe);
                }
                for link in lists.keys().copied().chain(assignment.links()) {
                    let old = lists.get(&link).cloned().flatten().unwrap_or_default();
                    let new = assignment.pipes(link).cloned().unwrap_or_default();
                    prop_assert_eq!(changed.contains(&link), old != new, "link {}", link);
                }
                before = now;
            }
        }

        #[test]
        fn growth_opens_no_more_links_than_it_must(first in 0..=1_usize, steps in vec(wanted(), 1..6)) {
            let mut assignment = Assignment::new(first);
            let mut all = BTreeSet::new();
            for more in steps {
                all.extend(more);
                assignment.follow(&all);
                let hearing = all.len().div_ceil(SUBSCRIBED_PIPES_MAX).max(1);
                prop_assert_eq!(links(&assignment), (0..first + hearing).collect::<Vec<_>>());
            }
        }
    }
}
