//! Where commands wait for the link to take them, and how many may be under way.
//!
//! Everyone who sends has a [`Lane`] of their own: a bound that is theirs alone, and a turn in each round, so that one
//! plugin's flood holds up no other. The link's writer takes as much as the server can stand. A 4.09 server closes a
//! connection when an unfinished frame and its next read together reach 103,840 bytes (PROTOCOL.md, section 2.1), so the
//! sends that it has not answered yet are kept below that by [`WINDOW_BYTES`]: what is never in flight cannot overrun it.
//!
//! Questions are short and not held back: they leave in their lane's order as long as that moves, and at once when it
//! does not. They are gone with the connection, as nobody could take their answers for what they are on the next one.
//!
//! Used by `plugins` and `cli` (lanes), by `asks`, and by `link` (take, answered, lost).

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::Notify;

use super::commands::Commands;

/// The most that unanswered sends may take on the wire, in bytes. The rest up to 103,840 is left for questions.
pub const WINDOW_BYTES: usize = 96 * 1024;

/// What a frame adds to a short command: two bytes of header, two of length, four of mask.
const FRAME_OVERHEAD_BYTES: usize = 8;

/// What a lane may send before it is the next one's turn.
const TURN_BYTES: usize = 16 * 1024;

/// Sends that have left may stay at the front of a lane's buffer until they are so many bytes.
const COMPACT_BYTES: usize = 64 * 1024;

/// All lanes, and the sends that wait for their answer.
#[derive(Debug, Default)]
pub struct Outbox {
    state: Mutex<State>,
    /// Wakes the writer: something came, or the window opened.
    may_take: Notify,
}

/// One sender's way out. What waits in it leaves even after it is dropped.
#[derive(Debug)]
pub struct Lane {
    outbox: Arc<Outbox>,
    id: u64,
    bound_bytes: usize,
    /// Wakes the sender when something has left.
    moved: Arc<Notify>,
}

#[derive(Debug, Default)]
struct State {
    lanes: HashMap<u64, Waiting>,
    next_id: u64,
    /// The lanes in which something waits, in the order of their turns.
    turns: VecDeque<u64>,
    /// Questions, in the order in which they were asked, which is that of their answers.
    questions: VecDeque<Question>,
    /// The link's own questions, which go before everything else.
    urgent: Vec<String>,
    unanswered: Unanswered,
}

/// What waits in one lane.
#[derive(Debug, Default)]
struct Waiting {
    name: Arc<str>,
    sends: Commands,
    /// Sends at the front that have left already.
    taken: usize,
    taken_bytes: usize,
    /// All sends that were ever put in, and that ever left.
    put_in: u64,
    left: u64,
    moved: Arc<Notify>,
    is_dropped: bool,
}

#[derive(Debug)]
struct Question {
    text: String,
    lane: u64,
    /// The sends of its lane that were put in before it.
    behind: u64,
}

/// Sends without an answer.
#[derive(Debug, Default)]
struct Unanswered {
    /// Oldest first.
    sends: VecDeque<UnderWay>,
    bytes: usize,
    /// When an answer last came, or the first of them left.
    progress: Option<Instant>,
}

#[derive(Debug)]
struct UnderWay {
    /// What it takes on the wire.
    bytes: usize,
    lane: u64,
}

impl Outbox {
    /// A lane for the sender called `name`, in which about `bound_bytes` may wait.
    #[must_use]
    pub fn lane(self: &Arc<Self>, name: &str, bound_bytes: usize) -> Lane {
        let mut state = self.lock();
        let id = state.next_id;
        state.next_id += 1;
        let moved = Arc::new(Notify::new());
        state.lanes.insert(id, Waiting { name: name.into(), moved: Arc::clone(&moved), ..Waiting::default() });
        Lane { outbox: Arc::clone(self), id, bound_bytes, moved }
    }

    /// Puts a question of the link's own before everything that waits.
    pub(super) fn ask_first(&self, question: String) {
        self.lock().urgent.push(question);
        self.may_take.notify_one();
    }

    /// Waits until at least one command may leave and moves into `out` as many as the window lets through.
    pub(super) async fn take(&self, out: &mut Commands) {
        loop {
            let may_take = self.may_take.notified();
            self.lock().take(out);
            if !out.is_empty() {
                return;
            }
            may_take.await;
        }
    }

    /// Notes that the server answered the `count` oldest sends.
    pub(super) fn answered(&self, count: usize) {
        self.lock().unanswered.answered(count);
        self.may_take.notify_one();
    }

    /// Who sent the send that is answered after `earlier` others; nobody, if the sender is gone.
    pub(super) fn sender(&self, earlier: usize) -> Option<Arc<str>> {
        let state = self.lock();
        let send = state.unanswered.sends.get(earlier)?;
        state.lanes.get(&send.lane).map(|waiting| Arc::clone(&waiting.name))
    }

    /// How long the oldest send has been without any sign that the server goes on answering; none if all are answered.
    pub(super) fn stalled_for(&self) -> Option<Duration> {
        let state = self.lock();
        if state.unanswered.sends.is_empty() { None } else { state.unanswered.progress.map(|since| since.elapsed()) }
    }

    /// Forgets what belongs to a connection that is gone: the questions, and the sends under way, whose number it gives.
    pub(super) fn connection_lost(&self) -> usize {
        let mut state = self.lock();
        state.questions.clear();
        state.urgent.clear();
        std::mem::take(&mut state.unanswered).sends.len()
    }

    /// Whether no send waits and none is under way.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        let state = self.lock();
        state.turns.is_empty() && state.unanswered.sends.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lane {
    /// Moves all of `commands` to the end of the lane. The bound is kept by those who append: see [`Self::has_room`].
    pub fn append(&self, commands: &mut Commands) {
        if commands.is_empty() {
            return;
        }
        let mut guard = self.outbox.lock();
        let state = &mut *guard;
        if let Some(waiting) = state.lanes.get_mut(&self.id) {
            if waiting.sends.is_empty() {
                state.turns.push_back(self.id);
            }
            waiting.put_in += commands.len() as u64;
            waiting.sends.append(commands);
        }
        drop(guard);
        self.outbox.may_take.notify_one();
    }

    /// Asks, after the sends that are in the lane already if these can leave.
    pub(super) fn ask(&self, questions: impl IntoIterator<Item = String>) {
        let mut guard = self.outbox.lock();
        let state = &mut *guard;
        let behind = state.lanes.get(&self.id).map_or(0, |waiting| waiting.put_in);
        state.questions.extend(questions.into_iter().map(|text| Question { text, lane: self.id, behind }));
        drop(guard);
        self.outbox.may_take.notify_one();
    }

    /// Whether less than the bound is waiting.
    #[must_use]
    pub fn has_room(&self) -> bool {
        let state = self.outbox.lock();
        state.lanes.get(&self.id).is_none_or(|waiting| waiting.sends.bytes() - waiting.taken_bytes < self.bound_bytes)
    }

    /// Waits until there is room.
    pub async fn room(&self) {
        while !self.has_room() {
            self.moved.notified().await;
        }
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        let mut state = self.outbox.lock();
        let is_empty = state.lanes.get_mut(&self.id).is_none_or(|waiting| {
            waiting.is_dropped = true;
            waiting.sends.is_empty()
        });
        if is_empty {
            state.lanes.remove(&self.id);
        }
    }
}

impl State {
    fn take(&mut self, out: &mut Commands) {
        for question in self.urgent.drain(..) {
            out.push(question.as_bytes());
        }
        let mut is_blocked = false;
        while !is_blocked && let Some(id) = self.turns.pop_front() {
            let Some(waiting) = self.lanes.get_mut(&id) else { continue };
            is_blocked = waiting.take_turn(id, &mut self.unanswered, out);
            waiting.moved.notify_one();
            if waiting.sends.is_empty() {
                if waiting.is_dropped {
                    self.lanes.remove(&id);
                }
            } else if is_blocked {
                // Its turn was cut short, so it comes first when the window opens.
                self.turns.push_front(id);
            } else {
                self.turns.push_back(id);
            }
            self.ask_what_is_due(out);
        }
        // Either nothing waits any more, so that all are due, or nothing moves, and they need not wait for that.
        for question in self.questions.drain(..) {
            out.push(question.text.as_bytes());
        }
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
}

impl Waiting {
    /// Moves sends out until there are none, the turn is over, or the window is full, which it says.
    fn take_turn(&mut self, lane: u64, unanswered: &mut Unanswered, out: &mut Commands) -> bool {
        let mut turn_bytes = 0;
        let mut is_blocked = false;
        while turn_bytes < TURN_BYTES
            && let Some(command) = self.sends.get(self.taken)
        {
            let size = command.len() + FRAME_OVERHEAD_BYTES;
            if !unanswered.has_room(size) {
                is_blocked = true;
                break;
            }
            unanswered.push(UnderWay { bytes: size, lane });
            out.push(command);
            turn_bytes += size;
            self.taken += 1;
            self.taken_bytes += command.len();
            self.left += 1;
        }
        if self.taken == self.sends.len() || self.taken_bytes >= COMPACT_BYTES.max(self.sends.bytes() / 2) {
            self.sends.drop_first(self.taken);
            (self.taken, self.taken_bytes) = (0, 0);
        }
        is_blocked
    }
}

impl Unanswered {
    /// Whether another send may leave. One may always be under way, however large.
    fn has_room(&self, size: usize) -> bool {
        self.bytes == 0 || self.bytes + size <= WINDOW_BYTES
    }

    fn push(&mut self, send: UnderWay) {
        if self.sends.is_empty() {
            self.progress = Some(Instant::now());
        }
        self.bytes += send.bytes;
        self.sends.push_back(send);
    }

    fn answered(&mut self, count: usize) {
        for _ in 0..count {
            // An answer to nothing can be forged by whoever may write to any pipe (PROTOCOL.md, hazard 40).
            let Some(send) = self.sends.pop_front() else { break };
            self.bytes -= send.bytes;
        }
        self.progress = Some(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use super::*;

    fn lane_with(outbox: &Arc<Outbox>, sends: usize, message: &str) -> Lane {
        let lane = outbox.lane("test", 1024);
        append(&lane, sends, message);
        lane
    }

    fn append(lane: &Lane, sends: usize, message: &str) {
        let mut commands = Commands::default();
        for _ in 0..sends {
            commands.send("web_a", "e", message).unwrap();
        }
        lane.append(&mut commands);
    }

    /// What may leave now: the last words of each command.
    fn take(outbox: &Outbox) -> Vec<String> {
        let mut out = Commands::default();
        outbox.lock().take(&mut out);
        let texts = (0..out.len()).map(|index| String::from_utf8(out.get(index).unwrap().to_vec()).unwrap());
        texts.map(|text| text.trim_end().rsplit('\n').next().unwrap().to_owned()).collect()
    }

    fn large() -> String {
        "x".repeat(40_000)
    }

    #[test]
    fn no_more_leaves_than_a_server_can_stand() {
        let outbox = Arc::default();
        let _lane = lane_with(&outbox, 5, &large());
        assert_eq!(take(&outbox).len(), 2, "a third would pass the window");
        assert!(take(&outbox).is_empty());
        outbox.answered(1);
        assert_eq!(take(&outbox).len(), 1);
    }

    #[test]
    fn a_send_larger_than_what_is_left_of_the_window_goes_alone() {
        let outbox = Arc::default();
        let _lane = lane_with(&outbox, 2, &"x".repeat(60_000));
        assert_eq!(take(&outbox).len(), 1);
        outbox.answered(1);
        assert_eq!(take(&outbox).len(), 1);
    }

    #[test]
    fn a_flood_in_one_lane_holds_up_no_other() {
        let outbox = Arc::default();
        let _flood = lane_with(&outbox, 100_000, "flood");
        let calm = lane_with(&outbox, 1, "calm");
        assert!(calm.has_room());
        assert!(take(&outbox).contains(&"calm".to_owned()));
    }

    #[test]
    fn a_question_comes_after_its_lane_s_earlier_sends_unless_these_cannot_leave() {
        let outbox = Arc::default();
        let lane = lane_with(&outbox, 1, "before");
        lane.ask(["question".to_owned()]);
        append(&lane, 1, "after");
        assert_eq!(take(&outbox), ["before", "after", "question"], "one turn takes all sends that are there");

        append(&lane, 3, &large());
        lane.ask(["question".to_owned()]);
        assert_eq!(take(&outbox).last().unwrap(), "question", "the window is full and the question leaves");
    }

    #[test]
    fn questions_of_all_lanes_keep_their_order() {
        let outbox = Arc::default();
        let (one, two) = (lane_with(&outbox, 2_000, "x"), lane_with(&outbox, 1, "y"));
        one.ask(["first".to_owned()]);
        two.ask(["second".to_owned()]);
        let questions: Vec<_> = take(&outbox).into_iter().filter(|text| !["x", "y"].contains(&text.as_str())).collect();
        assert_eq!(questions, ["first", "second"]);
    }

    #[test]
    fn the_link_s_own_question_goes_before_everything_that_waits() {
        let outbox = Arc::default();
        let _lane = lane_with(&outbox, 1, "send");
        outbox.ask_first("probe".to_owned());
        assert_eq!(take(&outbox), ["probe", "send"]);
    }

    #[test]
    fn a_lost_connection_opens_the_window_says_what_is_unknown_and_takes_the_questions_along() {
        let outbox = Arc::default();
        let lane = lane_with(&outbox, 4, &large());
        take(&outbox);
        lane.ask(["question".to_owned()]);
        assert_eq!(outbox.connection_lost(), 2);
        assert_eq!(take(&outbox).len(), 2, "what had not left goes over the next connection");
    }

    #[test]
    fn the_sender_of_an_answered_send_is_known() {
        let outbox: Arc<Outbox> = Arc::default();
        let lanes = ["one", "two"].map(|name| outbox.lane(name, 1024));
        for lane in &lanes {
            append(lane, 1, "x");
        }
        take(&outbox);
        assert_eq!(outbox.sender(1).as_deref(), Some("two"));
        outbox.answered(1);
        assert_eq!(outbox.sender(0).as_deref(), Some("two"));
        assert_eq!(outbox.sender(1), None);
    }

    #[test]
    fn an_answer_to_nothing_is_ignored() {
        let outbox = Outbox::default();
        outbox.answered(3);
        assert!(outbox.is_idle());
    }

    #[test]
    fn what_waits_in_a_lane_leaves_after_the_lane_is_gone() {
        let outbox = Arc::default();
        drop(lane_with(&outbox, 1, "last words"));
        assert!(!outbox.is_idle());
        assert_eq!(take(&outbox), ["last words"]);
        assert!(outbox.lock().lanes.is_empty());
    }

    #[tokio::test]
    async fn a_sender_waits_for_room_until_something_has_left() {
        let outbox = Arc::default();
        let lane = lane_with(&outbox, 1, &"x".repeat(2000));
        let mut waiting = Box::pin(lane.room());
        assert!(futures_util::FutureExt::now_or_never(&mut waiting).is_none());
        assert_eq!(take(&outbox).len(), 1);
        waiting.await;
    }

    #[test]
    fn many_small_sends_keep_their_order_through_compaction() {
        let outbox: Arc<Outbox> = Arc::default();
        let lane = outbox.lane("test", usize::MAX);
        let mut commands = Commands::default();
        let mut seen = 0;
        for number in 0..20_000 {
            commands.send("web_a", "e", &number.to_string()).unwrap();
            if number % 700 == 0 {
                lane.append(&mut commands);
                let taken = take(&outbox);
                outbox.answered(taken.len() / 2);
                for text in taken {
                    assert_eq!(text, seen.to_string());
                    seen += 1;
                }
            }
        }
        assert!(seen > 5_000);
    }
}
