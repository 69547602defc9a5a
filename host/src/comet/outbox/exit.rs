//! What leaves by one link: the turns of the lanes, the window, and the sends that have no answer yet.
//!
//! A 4.09 server closes a connection when an unfinished frame and its next read together reach 103,840 bytes
//! (PROTOCOL.md, section 2.1), so the sends that it has not answered yet are kept below that by [`WINDOW_BYTES`]: what is
//! never in flight cannot overrun it. Questions are short and not held back: they leave in their lane's order as long as
//! that moves, and at once when it does not. They are gone with the connection, as nobody could take their answers for
//! what they are on the next one.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use hashbrown::HashMap;
use tokio::sync::Notify;

use super::{Bounds, Delivery, Sender, Unanswered};
use crate::comet::{
    commands::{Commands, Sent},
    wire::AnsweredPipe,
};

/// The most that unanswered sends may take on the wire, in bytes. The rest up to 103,840 is left for questions.
pub const WINDOW_BYTES: usize = 96 * 1024;

/// What a frame adds to a short command: two bytes of header, two of length, four of mask.
const FRAME_OVERHEAD_BYTES: usize = 8;

/// What a lane may send before it is the next one's turn.
const TURN_BYTES: usize = 16 * 1024;

/// Sends that have been answered may stay at the front of a lane's buffer until they are so many bytes.
const COMPACT_BYTES: usize = 64 * 1024;

/// One way out.
#[derive(Debug, Default)]
pub(super) struct Exit {
    /// Whether there is a connection.
    pub(super) is_up: bool,
    /// Wakes the writer: something came, or the window opened.
    pub(super) may_take: Arc<Notify>,
    /// What the link says for itself, which goes before everything else.
    pub(super) urgent: Vec<String>,
    lanes: HashMap<u64, Waiting>,
    /// The lanes in which something waits to leave, in the order of their turns.
    turns: VecDeque<u64>,
    /// Questions, in the order in which they were asked, which is that of their answers.
    questions: VecDeque<Question>,
    /// Sends that have left and have no answer, oldest first.
    under_way: VecDeque<UnderWay>,
    under_way_bytes: usize,
    /// When an answer last came, or the first of them left.
    progress: Option<Instant>,
    /// Lanes in which something was forgotten since this was last asked.
    touched: Vec<u64>,
}

/// What is in one lane: sends that have been answered, at the front, until they are compacted away; sends that have left;
/// sends that wait.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    sends: Commands,
    answered: usize,
    answered_bytes: usize,
    /// Answered, or left.
    taken: usize,
    taken_bytes: usize,
    /// All sends that were ever put in, and that ever left.
    put_in: u64,
    left: u64,
    /// Sends at the front that the disk may forget.
    to_forget: usize,
}

#[derive(Debug)]
struct Question {
    text: String,
    lane: u64,
    /// The sends of its lane that were put in before it.
    behind: u64,
}

#[derive(Debug)]
struct UnderWay {
    /// What it takes on the wire.
    bytes: usize,
    lane: u64,
}

impl Exit {
    pub(super) fn get(&self, lane: u64) -> Option<&Waiting> {
        self.lanes.get(&lane)
    }

    pub(super) fn forget(&mut self, lane: u64) {
        self.lanes.remove(&lane);
    }

    pub(super) fn waiting(&self) -> impl Iterator<Item = &Waiting> {
        self.lanes.values()
    }

    /// All that has not been answered, lane by lane.
    pub(super) fn into_waiting(self) -> impl Iterator<Item = (u64, Commands)> {
        self.lanes.into_iter().map(|(lane, mut waiting)| {
            waiting.sends.drop_first(waiting.answered);
            (lane, waiting.sends)
        })
    }

    pub(super) fn put(&mut self, lane: u64, sends: &mut Commands) {
        if sends.is_empty() {
            return;
        }
        let waiting = self.lanes.entry(lane).or_default();
        if waiting.taken == waiting.sends.len() {
            self.turns.push_back(lane);
        }
        waiting.put_in += sends.len() as u64;
        waiting.sends.append(sends);
    }

    pub(super) fn ask(&mut self, lane: u64, questions: impl IntoIterator<Item = String>) {
        let behind = self.lanes.get(&lane).map_or(0, |waiting| waiting.put_in);
        self.questions.extend(questions.into_iter().map(|text| Question { text, lane, behind }));
    }

    /// Moves out what may leave.
    pub(super) fn take(&mut self, senders: &HashMap<u64, Sender>, delivery: Delivery, out: &mut Commands) {
        for command in self.urgent.drain(..) {
            out.push(command.as_bytes());
        }
        let mut is_blocked = false;
        while !is_blocked && let Some(lane) = self.turns.pop_front() {
            is_blocked = self.take_turn(lane, delivery, out);
            if let Some(sender) = senders.get(&lane) {
                sender.moved.notify_one();
            }
            let has_more = self.lanes.get(&lane).is_some_and(|waiting| waiting.taken < waiting.sends.len());
            if has_more && is_blocked {
                // Its turn was cut short, so it comes first when the window opens.
                self.turns.push_front(lane);
            } else if has_more {
                self.turns.push_back(lane);
            }
            self.ask_what_is_due(out);
        }
        // Either nothing waits any more, so that all are due, or nothing moves, and they need not wait for that.
        for question in self.questions.drain(..) {
            out.push(question.text.as_bytes());
        }
    }

    /// Moves sends of a lane out until there are none, the turn is over, or the window is full, which it says.
    fn take_turn(&mut self, lane: u64, delivery: Delivery, out: &mut Commands) -> bool {
        let Some(waiting) = self.lanes.get_mut(&lane) else { return false };
        let mut turn_bytes = 0;
        let first = waiting.taken;
        let mut is_blocked = false;
        while turn_bytes < TURN_BYTES
            && let Some(command) = waiting.sends.get(waiting.taken)
        {
            let bytes = command.len() + FRAME_OVERHEAD_BYTES;
            // One may always be under way, however large.
            if self.under_way_bytes > 0 && self.under_way_bytes + bytes > WINDOW_BYTES {
                is_blocked = true;
                break;
            }
            if self.under_way.is_empty() {
                self.progress = Some(Instant::now());
            }
            self.under_way_bytes += bytes;
            self.under_way.push_back(UnderWay { bytes, lane });
            out.push(command);
            turn_bytes += bytes;
            waiting.taken += 1;
            waiting.taken_bytes += command.len();
            waiting.left += 1;
        }
        if delivery == Delivery::AtMostOnce && waiting.taken > first {
            waiting.to_forget += waiting.taken - first;
            self.touched.push(lane);
        }
        is_blocked
    }

    /// Questions keep their order, and none goes before the sends of its lane that it was asked after.
    fn ask_what_is_due(&mut self, out: &mut Commands) {
        while let Some(question) = self.questions.front()
            && self.lanes.get(&question.lane).is_none_or(|waiting| waiting.left >= question.behind)
        {
            out.push(question.text.as_bytes());
            self.questions.pop_front();
        }
    }

    /// Notes an answer to the oldest send; false if it is not for that.
    pub(super) fn taken(
        &mut self,
        delivery: Delivery,
        pipe: &AnsweredPipe<'_>,
        message: Option<&str>,
        each: impl FnOnce(Sent<'_>),
    ) -> bool {
        let Some(oldest) = self.under_way.front() else { return false };
        let waiting = self.lanes.get(&oldest.lane);
        let Some(sent) = waiting.and_then(|waiting| Sent::read(waiting.sends.get(waiting.answered)?)) else {
            return false;
        };
        if !pipe.is(sent.pipe) || message.is_some_and(|message| message != sent.message) {
            return false;
        }
        each(sent);
        self.answered(delivery);
        true
    }

    /// Notes that the oldest send was refused; gives its lane.
    pub(super) fn refused(&mut self, delivery: Delivery) -> Option<u64> {
        self.answered(delivery)
    }

    fn answered(&mut self, delivery: Delivery) -> Option<u64> {
        let UnderWay { bytes, lane } = self.under_way.pop_front()?;
        self.under_way_bytes -= bytes;
        self.progress = Some(Instant::now());
        let waiting = self.lanes.get_mut(&lane)?;
        waiting.answer_first(1);
        if delivery == Delivery::AtLeastOnce {
            waiting.to_forget += 1;
        }
        if self.touched.last() != Some(&lane) {
            self.touched.push(lane);
        }
        Some(lane)
    }

    /// The connection is gone.
    pub(super) fn connection_lost(&mut self, delivery: Delivery, mut each: impl FnMut(Sent<'_>)) -> Unanswered {
        self.is_up = false;
        self.questions.clear();
        self.urgent.clear();
        let under_way = std::mem::take(&mut self.under_way);
        (self.under_way_bytes, self.progress) = (0, None);
        // Oldest first, and before what has not left yet.
        let mut first: VecDeque<u64> = VecDeque::new();
        for UnderWay { lane, .. } in &under_way {
            if !first.contains(lane) {
                first.push_back(*lane);
            }
        }
        for lane in &first {
            let Some(waiting) = self.lanes.get_mut(lane) else { continue };
            for sent in (waiting.answered..waiting.taken).filter_map(|index| Sent::read(waiting.sends.get(index)?)) {
                each(sent);
            }
            match delivery {
                Delivery::AtLeastOnce => waiting.take_back(),
                Delivery::AtMostOnce => waiting.answer_first(waiting.taken - waiting.answered),
            }
            self.touched.push(*lane);
        }
        let earlier = std::mem::take(&mut self.turns);
        first.extend(earlier.into_iter().filter(|lane| !first.contains(lane)).collect::<Vec<_>>());
        first.retain(|lane| self.lanes.get(lane).is_some_and(|waiting| waiting.taken < waiting.sends.len()));
        self.turns = first;
        match delivery {
            Delivery::AtLeastOnce => Unanswered { again: under_way.len(), given_up: 0 },
            Delivery::AtMostOnce => Unanswered { again: 0, given_up: under_way.len() },
        }
    }

    pub(super) fn stalled_for(&self) -> Option<Duration> {
        if self.under_way.is_empty() { None } else { self.progress.map(|since| since.elapsed()) }
    }

    pub(super) fn was_not_read(&mut self, time: Duration) {
        self.progress = self.progress.and_then(|since| since.checked_add(time));
    }

    pub(super) fn is_idle(&self) -> bool {
        self.turns.is_empty() && self.under_way.is_empty()
    }

    /// Which lanes have sends that the disk may forget, and how many.
    pub(super) fn take_forgotten(&mut self) -> impl Iterator<Item = (u64, usize)> {
        self.lanes.iter_mut().filter_map(|(lane, waiting)| {
            let count = std::mem::take(&mut waiting.to_forget);
            (count > 0).then_some((*lane, count))
        })
    }

    /// The lanes that have become empty since this was last asked.
    pub(super) fn take_emptied(&mut self) -> impl Iterator<Item = u64> {
        let touched = self.touched.drain(..);
        touched.filter(|lane| self.lanes.get(lane).is_none_or(Waiting::is_empty))
    }
}

impl Waiting {
    /// Whether nothing waits and everything has been answered.
    pub(super) fn is_empty(&self) -> bool {
        self.unanswered() == 0
    }

    /// Sends that wait or have no answer.
    pub(super) fn unanswered(&self) -> usize {
        self.sends.len() - self.answered
    }

    /// Their length, in bytes.
    pub(super) fn unanswered_bytes(&self) -> usize {
        self.sends.bytes() - self.answered_bytes
    }

    /// Whether with so much more less than the bounds waits to leave.
    pub(super) fn is_within(&self, bounds: Bounds, more_sends: usize, more_bytes: usize) -> bool {
        let sends = self.sends.len() - self.taken + more_sends;
        let bytes = self.sends.bytes() - self.taken_bytes + more_bytes;
        sends < bounds.sends && bytes < bounds.bytes
    }

    /// Notes that the oldest `count` sends need not be kept.
    fn answer_first(&mut self, count: usize) {
        for _ in 0..count {
            self.answered_bytes += self.sends.get(self.answered).map_or(0, <[u8]>::len);
            self.answered += 1;
        }
        if self.answered == self.sends.len() || self.answered_bytes >= COMPACT_BYTES.max(self.sends.bytes() / 2) {
            self.sends.drop_first(self.answered);
            self.taken -= self.answered;
            self.taken_bytes -= self.answered_bytes;
            (self.answered, self.answered_bytes) = (0, 0);
        }
    }

    /// What has left and was not answered waits again.
    fn take_back(&mut self) {
        self.left -= (self.taken - self.answered) as u64;
        (self.taken, self.taken_bytes) = (self.answered, self.answered_bytes);
    }
}
