//! As many rows as can be, each paired with something known that it can be: a maximum matching.
//!
//! Greedy pairing is not enough: a message whose sender was lost can be anyone's, and the first row that comes would take
//! it from the only one that it fits.

use std::collections::HashMap;

use super::{align::Known, tail::Print};

/// Pairs `rows` with `known`; a row that finds nothing cannot be anything that is known. What is surely of one sender
/// comes together first, then the rows that `matter` find a place, then the others; old ones before new ones.
pub(super) fn matching<'k>(
    rows: &[Print],
    known: &'k [Known],
    fits: impl Fn(&Print, &Known) -> bool,
    matters: impl Fn(&Print) -> bool,
) -> Vec<Option<&'k Known>> {
    let mut alike: HashMap<u64, Vec<usize>> = rows.iter().map(|row| (row.hash(), Vec::new())).collect();
    for (at, known) in known.iter().enumerate() {
        if let Some(alike) = alike.get_mut(&known.print.hash()) {
            alike.push(at);
        }
    }
    let edges_of = |row: &Print| {
        let alike = alike.get(&row.hash()).map(Vec::as_slice).unwrap_or_default();
        let fitting = alike.iter().filter_map(|at| known.get(*at).map(|known| (*at, known)));
        let fitting = fitting.filter(|(_, known)| fits(row, known));
        let (sure, unsure): (Vec<_>, Vec<_>) = fitting.partition(|(_, known)| known.print.is_surely_by(row));
        Edges { sure: sure.len(), all: sure.into_iter().chain(unsure).map(|(at, _)| at).collect() }
    };
    let mut order: Vec<(usize, &Print)> = rows.iter().enumerate().collect();
    order.sort_by_key(|(_, row)| !matters(row));
    let mut search = Search {
        edges: rows.iter().map(edges_of).collect(),
        taken: vec![None; known.len()],
        visited: vec![0; known.len()],
        round: 0,
    };
    let placed: Vec<bool> = order.iter().map(|(row, _)| search.begin(*row, true)).collect();
    for ((row, _), _) in order.iter().zip(placed).filter(|(_, is_placed)| !is_placed) {
        search.begin(*row, false);
    }
    let mut found = vec![None; rows.len()];
    for (known, taken) in known.iter().zip(search.taken) {
        if let Some(found) = taken.and_then(|row| found.get_mut(row)) {
            *found = Some(known);
        }
    }
    found
}

/// What a row can be, first those `sure` of it.
#[derive(Default)]
struct Edges {
    all: Vec<usize>,
    sure: usize,
}

struct Search {
    /// By row.
    edges: Vec<Edges>,
    /// For each known the row that has it.
    taken: Vec<Option<usize>>,
    /// In which round each known was tried, so that none is tried twice in one.
    visited: Vec<usize>,
    round: usize,
}

impl Search {
    fn begin(&mut self, row: usize, is_sure: bool) -> bool {
        self.round += 1;
        self.place(row, is_sure)
    }

    /// Finds a place for a row, if need be by moving others. A row that has a place keeps one.
    fn place(&mut self, row: usize, is_sure: bool) -> bool {
        let edges = self.edges.get_mut(row).map(std::mem::take).unwrap_or_default();
        let open = edges.all.get(..if is_sure { edges.sure } else { edges.all.len() }).unwrap_or_default();
        let free = open.iter().find(|at| self.taken.get(**at).is_some_and(Option::is_none));
        let place = free.or_else(|| open.iter().find(|at| self.can_be_freed(**at, is_sure))).copied();
        if let Some(edges_of_row) = self.edges.get_mut(row) {
            *edges_of_row = edges;
        }
        let Some(taken) = place.and_then(|at| self.taken.get_mut(at)) else { return false };
        *taken = Some(row);
        true
    }

    /// Whether the row that has this place was moved to another.
    fn can_be_freed(&mut self, at: usize, is_sure: bool) -> bool {
        match self.visited.get_mut(at) {
            Some(visited) if *visited < self.round => *visited = self.round,
            _ => return false,
        }
        let holder = self.taken.get(at).copied().flatten();
        holder.is_some_and(|holder| self.place(holder, is_sure))
    }
}
