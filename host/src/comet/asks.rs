//! Questions to the server and their answers: a pipe's log, a pipe's subscribers, a user's presence.
//!
//! The server answers the commands of one connection in order, but it marks neither the rows of a log nor their end. So
//! a log is asked for with a *fence* behind it, a count with a marker, whose answer ends the rows (PROTOCOL.md, section
//! 7). Any number of questions may be open at once. A question that gets no answer is an error to the one who asked; the
//! link is not touched.
//!
//! `api` and `cli` ask; `link` hands in what arrives.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::{oneshot, watch};

use super::{
    name::{Marker, PipeName},
    outbox::{Lane, Outbox},
    wire::{
        command::{self, Refusal},
        message::{Event, LogRow, Seen},
    },
};

/// Questions that may be open at once. A server that answers none of them is given no more.
const OPEN_MAX: usize = 4096;

/// Rows of one log that are taken. A server gives 99 (PROTOCOL.md, section 7).
const ROWS_MAX: usize = 1024;

/// The pipe whose count ends the log of a pipe that cannot be counted itself; it need not exist.
const FENCE_PIPE: &str = "web_fence";

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// Nothing came back in time.
    #[error("the server did not answer within {} seconds", .0.as_secs())]
    TimedOut(Duration),
    /// The server owes too many answers.
    #[error("the server owes answers to {OPEN_MAX} questions: no more are asked until it has given some")]
    TooManyOpen,
    /// There is no connection, or it broke before the answer came.
    #[error("there is no connection to the comet server at the moment")]
    NotConnected,
    /// The server could not take the question.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// Asks over one link.
#[derive(Debug)]
pub struct Asks {
    outbox: Arc<Outbox>,
    /// The link that it asks over.
    exit: usize,
    /// How long an answer may take.
    timeout: Duration,
    open: Mutex<Open>,
    /// How many wait for an answer.
    waiting: watch::Sender<usize>,
}

/// Questions without an answer, in the order in which they were asked, which is the order of the answers.
///
/// A question that timed out stays, since its answer may still come and must not be taken for another's.
#[derive(Debug, Default)]
struct Open {
    is_live: bool,
    logs: VecDeque<OpenLog>,
    counts: VecDeque<OpenCount>,
    statuses: VecDeque<OpenStatus>,
}

#[derive(Debug)]
struct OpenLog {
    pipe: PipeName,
    marker: Marker,
    rows: Vec<Event<'static>>,
    reply: oneshot::Sender<Vec<Event<'static>>>,
}

#[derive(Debug)]
struct OpenCount {
    marker: Marker,
    reply: oneshot::Sender<u64>,
}

#[derive(Debug)]
struct OpenStatus {
    user_id: u64,
    reply: oneshot::Sender<Seen>,
}

/// One who waits for an answer, until it is dropped.
struct Waits<'a>(&'a watch::Sender<usize>);

impl<'a> Waits<'a> {
    fn one_more(waiting: &'a watch::Sender<usize>) -> Self {
        waiting.send_modify(|waiting| *waiting += 1);
        Self(waiting)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|waiting| *waiting = waiting.saturating_sub(1));
    }
}

impl Asks {
    /// For questions that leave by `exit` and are answered within `timeout`.
    #[must_use]
    pub fn new(outbox: Arc<Outbox>, exit: usize, timeout: Duration) -> Self {
        Self { outbox, exit, timeout, open: Mutex::default(), waiting: watch::Sender::new(0) }
    }

    /// How long an answer may take. The server answers in less than a millisecond; a slow log takes longer.
    #[must_use]
    pub const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The rows in a pipe's log, oldest first: at most 99, and none for a pipe without a log.
    ///
    /// # Errors
    /// An [`AskError`] if no answer can come or none came in time.
    pub async fn log(&self, lane: &Lane, pipe: &PipeName) -> Result<Vec<Event<'static>>, AskError> {
        self.log_by(pipe, |commands| lane.ask(self.exit, commands)).await
    }

    /// The same before everything that waits to be sent.
    ///
    /// # Errors
    /// An [`AskError`].
    pub(super) async fn log_first(&self, pipe: &PipeName) -> Result<Vec<Event<'static>>, AskError> {
        self.log_by(pipe, |commands| self.outbox.say_first(self.exit, commands)).await
    }

    async fn log_by(&self, pipe: &PipeName, send: impl FnOnce([String; 2])) -> Result<Vec<Event<'static>>, AskError> {
        let marker = Marker::random();
        let fence = match command::pipe_count(pipe, &marker) {
            Ok(fence) => fence,
            Err(_) => command::pipe_count(&PipeName::new(FENCE_PIPE).map_err(Refusal::from)?, &marker)?,
        };
        let commands = [command::pipe_log(pipe, &marker), fence];
        let (reply, answer) = oneshot::channel();
        let log = OpenLog { pipe: pipe.clone(), marker, rows: Vec::new(), reply };
        self.ask(|open| open.logs.push_back(log), || send(commands))?;
        self.wait(answer).await
    }

    /// The number of connections that subscribe to a pipe, our own included.
    ///
    /// # Errors
    /// An [`AskError`]; a pipe that is neither `web_…` nor `track_…` cannot be counted.
    pub async fn count(&self, lane: &Lane, pipe: &PipeName) -> Result<u64, AskError> {
        let marker = Marker::random();
        let command = command::pipe_count(pipe, &marker)?;
        let (reply, answer) = oneshot::channel();
        self.ask(|open| open.counts.push_back(OpenCount { marker, reply }), || lane.ask(self.exit, [command]))?;
        self.wait(answer).await
    }

    /// The same before everything that waits to be sent: the answer says that the server is there, and that it has read
    /// what was sent before.
    ///
    /// # Errors
    /// An [`AskError`].
    pub(super) async fn probe(&self, pipe: &PipeName) -> Result<(), AskError> {
        let marker = Marker::random();
        let command = command::pipe_count(pipe, &marker)?;
        let (reply, answer) = oneshot::channel();
        self.ask(
            |open| open.counts.push_back(OpenCount { marker, reply }),
            || {
                self.outbox.say_first(self.exit, [command]);
            },
        )?;
        self.wait(answer).await.map(|_| ())
    }

    /// When a user was last seen.
    ///
    /// # Errors
    /// An [`AskError`] if no answer can come or none came in time.
    pub async fn user_status(&self, lane: &Lane, user_id: u64) -> Result<Seen, AskError> {
        let (reply, answer) = oneshot::channel();
        let question = command::user_status(user_id)?;
        self.ask(|open| open.statuses.push_back(OpenStatus { user_id, reply }), || lane.ask(self.exit, [question]))?;
        self.wait(answer).await
    }

    /// Opens a question and sends its commands as one, so that the two orders are the same.
    fn ask(&self, open: impl FnOnce(&mut Open), send: impl FnOnce()) -> Result<(), AskError> {
        let mut state = self.lock();
        if !state.is_live {
            return Err(AskError::NotConnected);
        }
        if state.logs.len() + state.counts.len() + state.statuses.len() >= OPEN_MAX {
            return Err(AskError::TooManyOpen);
        }
        open(&mut state);
        send();
        Ok(())
    }

    /// From now on questions can be asked.
    pub(super) fn connected(&self) {
        self.lock().is_live = true;
    }

    /// Whoever waits is told that no answer will come.
    pub(super) fn connection_lost(&self) {
        *self.lock() = Open::default();
    }

    /// Takes a row of a log. It belongs to the first log of its pipe that is open, or to the one whose marker it bears
    /// (old servers); says whether anyone had asked.
    pub(super) fn row(&self, row: &LogRow<'_>) -> bool {
        let mut open = self.lock();
        let marker = row.marker.as_deref().and_then(Marker::read);
        let asked = |log: &&mut OpenLog| match marker {
            Some(marker) => log.marker == marker,
            None => log.pipe.as_str() == row.event.pipe,
        };
        let Some(log) = open.logs.iter_mut().find(asked) else { return false };
        if log.rows.len() < ROWS_MAX {
            log.rows.push(row.event.clone().into_owned());
        }
        true
    }

    /// Takes an answer to `pipe_count`: a count, or the fence of a log. Says whether anyone had asked.
    pub(super) fn counted(&self, marker: &str, count: u64) -> bool {
        let Some(marker) = Marker::read(marker) else { return false };
        let mut open = self.lock();
        if let Some(at) = open.logs.iter().position(|log| log.marker == marker) {
            if let Some(log) = open.logs.remove(at) {
                // Whoever asked may have given up.
                let _ = log.reply.send(log.rows);
            }
            return true;
        }
        let Some(at) = open.counts.iter().position(|count| count.marker == marker) else { return false };
        if let Some(question) = open.counts.remove(at) {
            let _ = question.reply.send(count);
        }
        true
    }

    /// Takes an answer to `user_status`, which names the user and has no marker. Says whether anyone had asked.
    pub(super) fn user_seen(&self, user_id: u64, seen: Seen) -> bool {
        let mut open = self.lock();
        let Some(at) = open.statuses.iter().position(|question| question.user_id == user_id) else {
            return false;
        };
        if let Some(question) = open.statuses.remove(at) {
            let _ = question.reply.send(seen);
        }
        true
    }

    /// Waits until somebody waits for an answer.
    pub(super) async fn is_waited_for(&self) {
        // It ends with an error only if the sender is gone, which is here.
        let _ = self.waiting.subscribe().wait_for(|waiting| *waiting > 0).await;
    }

    async fn wait<T>(&self, answer: oneshot::Receiver<T>) -> Result<T, AskError> {
        let _waits = Waits::one_more(&self.waiting);
        match tokio::time::timeout(self.timeout, answer).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) => Err(AskError::NotConnected),
            Err(_) => Err(AskError::TimedOut(self.timeout)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
