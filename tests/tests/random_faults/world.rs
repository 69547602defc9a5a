//! What outlives a case: the server, and what was seen in all cases.

use std::{collections::BTreeMap, fmt};

use cometbot_tests::Comet;

use super::{ears::Note, life::Life, said::Text};

/// How old something in a log is to show beyond doubt that the log reaches back to before a case.
const OLD_SECONDS: i64 = 3_600;
/// The most pipes of a case.
const PIPES_MAX: usize = 40;
/// What all cases share: the server.
pub struct World {
    pub comet: Comet,
    case: u64,
    pub seen: Seen,
}

/// What all cases together have seen, to judge what the test is worth.
#[derive(Debug, Default)]
pub struct Seen {
    cases: usize,
    live: usize,
    recovered: usize,
    missing: usize,
    gaps: BTreeMap<String, usize>,
    own: usize,
    arrived: usize,
    lost: usize,
}

impl Seen {
    pub fn add(&mut self, life: &Life) {
        self.cases += 1;
        let before = self.live + self.recovered;
        for note in &life.notes {
            match note {
                Note::Event { is_history: true, .. } => self.recovered += 1,
                Note::Event { .. } => self.live += 1,
                Note::Gap { gap, .. } => *self.gaps.entry(format!("{:?}", gap.why)).or_default() += 1,
            }
        }
        let others = life.said.iter().filter(|said| matches!(said.text, Text::Other(_))).count();
        self.missing += others.saturating_sub(self.live + self.recovered - before);
        self.own += life.said.len() - others;
        self.arrived += life.arrived.as_ref().map_or(0, Vec::len);
        self.lost += life.lost;
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cases, live, recovered, missing, gaps, own, arrived, lost } = self;
        write!(
            f,
            "{cases} cases: {live} events heard, {recovered} recovered, {missing} missing, gaps {gaps:?}; {own} sends, \
             {arrived} arrivals noted, {lost} counted as lost"
        )
    }
}

impl World {
    pub async fn new() -> Self {
        Self { comet: Comet::start().await, case: 0, seen: Seen::default() }
    }

    /// Goes on to the next case, whose number it gives, and puts something old into its logs.
    pub fn next(&mut self) -> u64 {
        let (case, control) = (self.case, &self.comet.control);
        self.case += 1;
        control.shift_clock(-OLD_SECONDS);
        for pipe in names(case).filter(|pipe| has_log(pipe)) {
            control.publish(&pipe, Text::Old.event(), &Text::Old.data()).unwrap();
        }
        control.shift_clock(OLD_SECONDS);
        case
    }
}

/// The pipes of a case: by turns one with a log and one without.
pub fn names(case: u64) -> impl Iterator<Item = String> {
    (0..PIPES_MAX).map(move |number| {
        let kind = if number % 2 == 0 { "log" } else { "mute" };
        format!("web_{kind}_{case:05}_{number:02}")
    })
}

/// Whether the server keeps what is said in a pipe: it is one of those that the test's server is set up for.
pub fn has_log(pipe: &str) -> bool {
    pipe.starts_with("web_log")
}
