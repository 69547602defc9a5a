//! Where commands wait for the link to take them, and how many may be under way.
//!
//! Plugins append whole batches; the link's writer takes as much as the server can stand. A 4.09 server closes a
//! connection when an unfinished frame and its next read together reach 103,840 bytes (PROTOCOL.md, section 2.1), so the
//! sends that it has not answered yet are kept below that by [`WINDOW_BYTES`]: what is never in flight cannot overrun it.
//!
//! Used by `plugins` (append, wait for room) and by `link` (take, answered, lost).

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::Notify;

use super::commands::Commands;

/// The most that unanswered sends may take on the wire, in bytes. The rest up to 103,840 is left for questions, which
/// are short and not counted.
pub const WINDOW_BYTES: usize = 96 * 1024;

/// What a frame adds to a short command: two bytes of header, two of length, four of mask.
const FRAME_OVERHEAD_BYTES: usize = 8;

/// How many commands that have left may stay at the front of the buffer before it is compacted.
const COMPACT_AFTER: usize = 4096;

/// Commands that wait, and sends that wait for their answer.
#[derive(Debug)]
pub struct Outbox {
    state: Mutex<State>,
    /// Wakes the writer: something came, or the window opened.
    may_take: Notify,
    /// Wakes those who wait for room.
    room: Notify,
    bound_bytes: usize,
}

#[derive(Debug)]
struct State {
    waiting: Commands,
    /// Commands at the front of `waiting` that have been taken already.
    taken: usize,
    taken_bytes: usize,
    /// The wire sizes of sends without an answer, oldest first.
    unanswered: VecDeque<usize>,
    unanswered_bytes: usize,
    /// When an answer last came, or the first unanswered send left.
    progress: Instant,
}

impl State {
    fn waiting_bytes(&self) -> usize {
        self.waiting.bytes() - self.taken_bytes
    }
}

impl Outbox {
    /// An empty outbox in which about `bound_bytes` may wait.
    #[must_use]
    pub fn new(bound_bytes: usize) -> Self {
        let state = State {
            waiting: Commands::default(),
            taken: 0,
            taken_bytes: 0,
            unanswered: VecDeque::new(),
            unanswered_bytes: 0,
            progress: Instant::now(),
        };
        Self { state: Mutex::new(state), may_take: Notify::new(), room: Notify::new(), bound_bytes }
    }

    /// Moves all of `commands` to the end. The bound is kept by those who append: see [`Self::has_room`].
    pub fn append(&self, commands: &mut Commands) {
        if !commands.is_empty() {
            self.lock().waiting.append(commands);
            self.may_take.notify_one();
        }
    }

    /// Whether less than the bound is waiting.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.lock().waiting_bytes() < self.bound_bytes
    }

    /// Waits until there is room.
    pub async fn room(&self) {
        loop {
            let room = self.room.notified();
            if self.has_room() {
                return;
            }
            room.await;
        }
    }

    /// Waits until at least one command may leave and moves into `out` as many as the window lets through.
    pub(super) async fn take(&self, out: &mut Commands) {
        loop {
            let may_take = self.may_take.notified();
            self.take_now(out);
            if !out.is_empty() {
                self.room.notify_waiters();
                return;
            }
            may_take.await;
        }
    }

    fn take_now(&self, out: &mut Commands) {
        let mut guard = self.lock();
        let state = &mut *guard;
        let mut count = 0;
        for (command, is_send) in state.waiting.iter_from(state.taken) {
            let size = command.len() + FRAME_OVERHEAD_BYTES;
            if is_send {
                if state.unanswered_bytes > 0 && state.unanswered_bytes + size > WINDOW_BYTES {
                    break;
                }
                if state.unanswered.is_empty() {
                    state.progress = Instant::now();
                }
                state.unanswered.push_back(size);
                state.unanswered_bytes += size;
            }
            out.copy(command, is_send);
            count += 1;
            state.taken_bytes += command.len();
        }
        state.taken += count;
        if state.taken == state.waiting.len() {
            state.waiting.clear();
            (state.taken, state.taken_bytes) = (0, 0);
        } else if state.taken >= COMPACT_AFTER {
            state.waiting.drop_first(state.taken);
            (state.taken, state.taken_bytes) = (0, 0);
        }
    }

    /// Notes that the server answered the `count` oldest sends.
    pub(super) fn answered(&self, count: usize) {
        let mut state = self.lock();
        for _ in 0..count {
            // An answer to nothing can be forged by whoever may write to any pipe (PROTOCOL.md, hazard 40).
            let Some(size) = state.unanswered.pop_front() else { break };
            state.unanswered_bytes -= size;
        }
        state.progress = Instant::now();
        drop(state);
        self.may_take.notify_one();
    }

    /// How long the oldest send has been without any sign that the server goes on answering; none if all are answered.
    pub(super) fn stalled_for(&self) -> Option<Duration> {
        let state = self.lock();
        (!state.unanswered.is_empty()).then(|| state.progress.elapsed())
    }

    /// Forgets the sends that are under way, because their connection is gone, and gives their number.
    pub(super) fn connection_lost(&self) -> usize {
        let mut state = self.lock();
        let lost = state.unanswered.len();
        state.unanswered.clear();
        state.unanswered_bytes = 0;
        lost
    }

    /// Whether nothing waits and nothing is under way.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        let state = self.lock();
        state.waiting.is_empty() && state.unanswered.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn with_sends(count: usize, message_bytes: usize) -> Outbox {
        let outbox = Outbox::new(1024);
        let mut commands = Commands::default();
        for _ in 0..count {
            commands.send("web_a", "e", &"x".repeat(message_bytes)).unwrap();
        }
        outbox.append(&mut commands);
        outbox
    }

    fn take(outbox: &Outbox) -> Commands {
        let mut out = Commands::default();
        outbox.take_now(&mut out);
        out
    }

    #[test]
    fn no_more_leaves_than_a_server_can_stand() {
        let outbox = with_sends(5, 40_000);
        assert_eq!(take(&outbox).len(), 2, "a third would pass the window");
        assert!(take(&outbox).is_empty());
        outbox.answered(1);
        assert_eq!(take(&outbox).len(), 1);
    }

    #[test]
    fn a_send_larger_than_what_is_left_of_the_window_goes_alone() {
        let outbox = with_sends(2, 60_000);
        assert_eq!(take(&outbox).len(), 1);
        outbox.answered(1);
        assert_eq!(take(&outbox).len(), 1);
    }

    #[test]
    fn questions_are_not_held_back_by_unanswered_sends() {
        let outbox = with_sends(2, 40_000);
        take(&outbox);
        let mut question = Commands::default();
        question.push("pipe_count\nweb_a\n0123456789\n");
        outbox.append(&mut question);
        assert_eq!(take(&outbox).len(), 1);
    }

    #[test]
    fn a_lost_connection_opens_the_window_and_says_what_is_unknown() {
        let outbox = with_sends(4, 40_000);
        take(&outbox);
        assert_eq!(outbox.connection_lost(), 2);
        assert_eq!(take(&outbox).len(), 2, "what had not left goes over the next connection");
    }

    #[test]
    fn an_answer_to_nothing_is_ignored() {
        let outbox = with_sends(0, 0);
        outbox.answered(3);
        assert!(outbox.is_idle());
    }

    #[tokio::test]
    async fn room_is_made_by_taking() {
        let outbox = std::sync::Arc::new(with_sends(1, 2000));
        assert!(!outbox.has_room());
        let waiting = tokio::spawn({
            let outbox = std::sync::Arc::clone(&outbox);
            async move { outbox.room().await }
        });
        let mut out = Commands::default();
        outbox.take(&mut out).await;
        waiting.await.unwrap();
    }

    #[test]
    fn many_small_sends_keep_their_order_through_compaction() {
        let outbox = Outbox::new(1 << 30);
        let mut commands = Commands::default();
        let mut seen = 0;
        for number in 0..20_000 {
            commands.send("web_a", "e", &format!("{number}")).unwrap();
            if number % 700 == 0 {
                outbox.append(&mut commands);
                let out = take(&outbox);
                outbox.answered(out.len());
                for (text, _) in out.iter_from(0) {
                    assert!(text.ends_with(format!("\n{seen}").as_bytes()));
                    seen += 1;
                }
            }
        }
        assert!(seen > 15_000);
    }
}
