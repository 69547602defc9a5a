//! What a link hears, rule by rule, and against a model of a server.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod bounds;
mod changes;
mod gaps;
mod matches;
mod model;
mod order;
mod properties;

use std::{
    borrow::Cow,
    time::{Duration, Instant},
};

use super::*;

/// Server time at the start of a test.
pub(super) const START: u64 = 1_795_479_000;

/// A row or a live event without its pipe.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) name: &'static str,
    pub(super) data: String,
    pub(super) user: Option<u64>,
    /// Seconds since [`START`].
    pub(super) time: Option<u64>,
}

/// An event `e` of user 7.
pub(super) fn line(data: &str, time: u64) -> Line {
    Line { name: "e", data: data.to_owned(), user: Some(7), time: Some(time) }
}

/// The same of a server that tells no time.
pub(super) fn untimed(data: &str) -> Line {
    Line { time: None, ..line(data, 0) }
}

impl Line {
    pub(super) fn by(mut self, user: Option<u64>) -> Self {
        self.user = user;
        self
    }

    pub(super) fn named(mut self, name: &'static str) -> Self {
        self.name = name;
        self
    }

    pub(super) fn event(&self, pipe: &str, history: bool) -> Event<'static> {
        Event {
            pipe: Cow::Owned(pipe.to_owned()),
            name: Cow::Borrowed(self.name),
            data: Cow::Owned(self.data.clone()),
            user_id: self.user,
            time: self.time.map(|time| START + time),
            history,
        }
    }
}

/// Writes down what it hears: events as `data`, or `+data` from history; gaps as `!`.
#[derive(Debug, Default)]
pub(super) struct Ear {
    pub(super) heard: Vec<String>,
    pub(super) events: Vec<Event<'static>>,
    pub(super) gaps: Vec<Gap>,
}

impl Hearer for Ear {
    fn event(&mut self, event: Event<'_>) {
        self.heard.push(format!("{}{}", if event.history { "+" } else { "" }, event.data));
        self.events.push(event.into_owned());
    }

    fn gap(&mut self, gap: Gap) {
        self.heard.push("!".to_owned());
        self.gaps.push(gap);
    }
}

/// A link that hears `web_a`, with a clock that the test sets.
pub(super) struct Rig {
    pub(super) catchup: Catchup,
    pub(super) ear: Ear,
    pub(super) start: Instant,
    pub(super) millis: u64,
    pub(super) era: Era,
}

pub(super) fn pipe(name: &str) -> PipeName {
    PipeName::new(name).unwrap()
}

impl Rig {
    pub(super) fn of(era: Era) -> Self {
        Self { catchup: Catchup::new(), ear: Ear::default(), start: Instant::now(), millis: 0, era }
    }

    /// A new link at second 100 that subscribed to `web_a` and has read its log.
    pub(super) fn with_log(rows: &[Line]) -> Self {
        let mut rig = Self::of(Era::Modern);
        rig.at(100).connect(&["web_a"]);
        rig.logged("web_a", rows);
        rig
    }

    /// The same for a server that tells no times.
    pub(super) fn old_with_log(rows: &[Line]) -> Self {
        let mut rig = Self::of(Era::Old);
        rig.at(100).subscribe(&["web_a"], true);
        rig.logged("web_a", rows);
        rig
    }

    pub(super) fn now(&self) -> Instant {
        self.start + Duration::from_millis(self.millis)
    }

    /// Moves to this second.
    pub(super) fn at(&mut self, second: u64) -> &mut Self {
        self.millis = second * 1000;
        self
    }

    /// Connects and subscribes; gives the pipes that are asked for.
    pub(super) fn connect(&mut self, pipes: &[&str]) -> Vec<String> {
        self.catchup.server_time(START + self.millis / 1000, self.now());
        self.subscribe(pipes, true)
    }

    pub(super) fn subscribe(&mut self, pipes: &[&str], fresh: bool) -> Vec<String> {
        let pipes: Vec<PipeName> = pipes.iter().map(|name| pipe(name)).collect();
        let asked = self.catchup.subscribe(&pipes, fresh, self.era, self.now());
        asked.iter().map(ToString::to_string).collect()
    }

    /// A live event in `web_a`.
    pub(super) fn live(&mut self, line: &Line) -> &mut Self {
        self.live_in("web_a", line)
    }

    pub(super) fn live_in(&mut self, pipe: &str, line: &Line) -> &mut Self {
        self.catchup.event(line.event(pipe, false), self.now(), &mut self.ear);
        self.alive()
    }

    pub(super) fn alive(&mut self) -> &mut Self {
        self.catchup.alive(self.now());
        self
    }

    pub(super) fn sent(&mut self, data: &str) -> &mut Self {
        self.catchup.own_sent("web_a", "e", data, self.now());
        self.alive()
    }

    pub(super) fn lose(&mut self) -> &mut Self {
        self.catchup.lost(self.now());
        self
    }

    /// Loses the connection at this second and has another at the next.
    pub(super) fn reconnect(&mut self, second: u64) -> &mut Self {
        self.at(second).lose().at(second + 1);
        if self.era == Era::Old {
            assert_eq!(self.subscribe(&["web_a"], true), ["web_a"]);
        } else {
            assert_eq!(self.connect(&["web_a"]), ["web_a"]);
        }
        self
    }

    pub(super) fn logged(&mut self, name: &str, rows: &[Line]) -> &mut Self {
        let rows = rows.iter().map(|row| row.event(name, true)).collect();
        self.catchup.logged(&pipe(name), Ok(rows), self.now(), &mut self.ear);
        self
    }

    pub(super) fn not_logged(&mut self, name: &str) -> &mut Self {
        self.catchup.logged(&pipe(name), Err(GapReason::LogNotAnswered), self.now(), &mut self.ear);
        self
    }

    /// What was heard since the last time.
    pub(super) fn heard(&mut self) -> Vec<String> {
        std::mem::take(&mut self.ear.heard)
    }

    /// The one gap that was reported.
    pub(super) fn gap(&self) -> (u64, u64, usize, GapReason) {
        let [gap] = self.ear.gaps.as_slice() else { panic!("{:?}", self.ear.gaps) };
        (gap.since.wrapping_sub(START), gap.until.wrapping_sub(START), gap.recovered, gap.why)
    }
}
