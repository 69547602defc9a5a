//! What the task of a slot does about loops: has some of the plugin's answers looked at, and holds back what belongs to one;
//! see `loops`.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    super::{
        gate::Keeper,
        loops::{Answered, Finding, Held, Loops},
    },
    Occupant,
};
use crate::{metrics::LoopFound, plugins::api::Event};

/// The shortest time between two looks. The hops of a loop that is quicker are seen in part.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// Looks at answers now and then.
#[derive(Default)]
pub(super) struct Lookout {
    loops: Loops,
    /// Whether the next answer is looked at.
    is_looking: bool,
    looked: Option<Instant>,
    /// How many batches have been taken out of the queue.
    pub(super) batch: u64,
}

impl Lookout {
    /// When [`Occupant::judge_loops`] is to be called.
    pub(super) fn wake_at(&self) -> Option<Instant> {
        self.loops.wake_at()
    }
}

impl Occupant {
    /// Before some events: the first answer among them is looked at, if the last look is long enough ago.
    pub(super) fn look_out(&mut self) {
        if self.running.starter.terms().hops == 0 {
            return;
        }
        let now = Instant::now();
        if self.lookout.looked.is_none_or(|looked| now.saturating_duration_since(looked) >= LOOK_EVERY) {
            self.lookout.looked = Some(now);
            self.watch_answer();
        }
    }

    fn watch_answer(&mut self) {
        self.lookout.is_looking = true;
        self.running.starter.outgoing().watch();
    }

    /// An event was answered.
    pub(super) fn look(&mut self, event: &Event) {
        if std::mem::take(&mut self.lookout.is_looking) {
            self.look_closely(event);
        }
    }

    #[cold]
    fn look_closely(&mut self, event: &Event) {
        let sent = self.running.starter.outgoing().take_seen();
        let hops = self.running.starter.terms().hops;
        let answered = answered(event, self.lookout.batch);
        if let Some(until) = self.lookout.loops.look(answered, &sent, hops, Instant::now()) {
            self.gate.close(Keeper::Loops, until);
        }
    }

    /// Puts an event of a loop back that has to wait; gives back what may be handled.
    pub(super) fn hold(&mut self, event: Arc<Event>) -> Option<Arc<Event>> {
        if !self.lookout.loops.is_any() || self.is_draining || !self.lookout.loops.is_in(&event.pipe) {
            return Some(event);
        }
        let waiting = waiting(&self.batch, &self.queue);
        match self.lookout.loops.hold(answered(&event, self.lookout.batch), Instant::now(), waiting) {
            Err(Held::Until(until)) => {
                self.batch.push_front(event);
                self.gate.close(Keeper::Loops, until);
                return None;
            }
            Err(Held::NoMore(finding)) => self.say(&finding),
            Ok(()) => self.watch_answer(),
        }
        Some(event)
    }

    /// The time has come to look how suspicions and loops stand.
    pub(super) fn judge_loops(&mut self) {
        let finding = self.lookout.loops.judge(Instant::now(), waiting(&self.batch, &self.queue));
        if let Some(finding) = finding {
            self.say(&finding);
        }
    }

    /// A loop is the affair of the version that was in it.
    pub(super) fn forget_loops(&mut self) {
        self.lookout.loops = Loops::default();
        self.gate.let_go(Keeper::Loops);
    }

    fn say(&self, finding: &Finding) {
        let tally = self.running.starter.tally().gate();
        let version = &*self.running.label;
        match finding {
            Finding::Cleared(pipe) => tally.loop_cleared(version, pipe),
            Finding::Loop { pipe, name, data, hops, time } => {
                tally.loop_found(&LoopFound { version, pipe, event: name, data, hops: *hops, time: *time });
            }
            Finding::Over { pipe, answers } => tally.loop_over(version, pipe, *answers),
        }
    }
}

fn answered(event: &Event, batch: u64) -> Answered<'_> {
    Answered { pipe: &event.pipe, name: &event.name, data: &event.data, batch }
}

/// Counts the events of a pipe that wait, or found no room.
fn waiting<'a>(
    batch: &'a std::collections::VecDeque<Arc<Event>>,
    queue: &'a super::Queue,
) -> impl Fn(&str) -> usize + 'a {
    |pipe| batch.iter().filter(|event| *event.pipe == *pipe).count() + queue.come(pipe)
}
