//! What is drawn: how the fleet is configured, and what happens, step by step.

use std::time::Duration;

use cometbot::comet::outbox::Delivery;
use cometbot_tests::{End, Refusal, Way};
use proptest::{collection::vec, prelude::*, sample::select};

/// A case.
#[derive(Debug, Clone)]
pub struct Case {
    pub delivery: Delivery,
    pub hears_itself: bool,
    pub catches_up: bool,
    pub is_logged_in: bool,
    /// How many pipes are heard; 40 take two links.
    pub pipes: usize,
    /// How long the logs are of those that have one.
    pub log_rows: i64,
    /// Whether somebody notes what arrives of the fleet's own sends. The server is not restarted then, as that would
    /// disconnect this one too.
    pub is_witnessed: bool,
    pub steps: Vec<Step>,
}

/// Something that happens.
#[derive(Debug, Clone)]
pub enum Step {
    /// Somebody says something in a pipe.
    Say {
        pipe: usize,
        events: usize,
    },
    /// The fleet sends, over one of two lanes, to one of [`TARGETS`].
    Send {
        lane: usize,
        target: usize,
        sends: usize,
    },
    /// Time for something to happen.
    Pause(Duration),
    Cut(End),
    CutAfter(Way, u64, End),
    HalfClose(Way),
    Silence,
    Delay(Way, Duration),
    Split(Way),
    Glue(Way),
    /// Nothing passes for a while, shorter than anything waits for an answer.
    Stall(Way, Duration),
    Refuse(Refusal),
    /// All connections end, and the server keeps its logs.
    Restart,
    /// One more pipe is wanted, or is not wanted any more, so that a link subscribes anew.
    Change,
    Heal,
}

/// How many different pipes the fleet sends to.
pub const TARGETS: usize = 4;

impl Case {
    /// Whether no connection can live on at the server after the fleet has given it up: else what was sent over it may
    /// arrive later than what is sent over the next one.
    pub fn is_orderly(&self) -> bool {
        !self
            .steps
            .iter()
            .any(|step| matches!(step, Step::HalfClose(_) | Step::Stall(Way::Up, _) | Step::Delay(Way::Up, _)))
    }

    /// Whether there are connections at the end that stand and are of no use.
    pub fn leaves_dead_connections(&self) -> bool {
        let is_deadly = |step: &Step| matches!(step, Step::HalfClose(_) | Step::Silence | Step::Refuse(Refusal::Mute));
        self.steps.iter().any(is_deadly)
    }
}

fn millis(range: std::ops::Range<u64>) -> impl Strategy<Value = Duration> {
    range.prop_map(Duration::from_millis)
}

fn step() -> impl Strategy<Value = Step> {
    let way = || select(vec![Way::Up, Way::Down]);
    let end = || select(vec![End::Fin, End::Reset]);
    let refusals = vec![Refusal::NoListener, Refusal::Hangup, Refusal::Mute, Refusal::Http(503)];
    prop_oneof![
        10 => (0..40_usize, 1..6_usize).prop_map(|(pipe, events)| Step::Say { pipe, events }),
        1 => (0..40_usize, 60..130_usize).prop_map(|(pipe, events)| Step::Say { pipe, events }),
        8 => (0..2_usize, 0..TARGETS, 1..6_usize).prop_map(|(lane, target, sends)| Step::Send { lane, target, sends }),
        10 => millis(0..30).prop_map(Step::Pause),
        3 => end().prop_map(Step::Cut),
        4 => (way(), 1..4_000_u64, end()).prop_map(|(way, bytes, end)| Step::CutAfter(way, bytes, end)),
        1 => way().prop_map(Step::HalfClose),
        1 => Just(Step::Silence),
        1 => (way(), millis(1..20)).prop_map(|(way, time)| Step::Delay(way, time)),
        1 => way().prop_map(Step::Split),
        1 => way().prop_map(Step::Glue),
        1 => (way(), millis(1..60)).prop_map(|(way, time)| Step::Stall(way, time)),
        2 => select(refusals).prop_map(Step::Refuse),
        2 => Just(Step::Restart),
        2 => Just(Step::Change),
        4 => Just(Step::Heal),
    ]
}

/// Any case.
pub fn case() -> impl Strategy<Value = Case> {
    let delivery = select(vec![Delivery::AtLeastOnce, Delivery::AtMostOnce]);
    let has = prop::bool::weighted;
    let pipes = select(vec![2, 6, 40]);
    let log_rows = select(vec![98, 98, 20, 200]);
    (delivery, has(0.3), has(0.9), has(0.5), pipes, log_rows, has(0.7), vec(step(), 1..50)).prop_map(
        |(delivery, hears_itself, catches_up, is_logged_in, pipes, log_rows, is_witnessed, steps)| Case {
            delivery,
            hears_itself,
            catches_up,
            is_logged_in,
            pipes,
            log_rows,
            is_witnessed,
            steps,
        },
    )
}
