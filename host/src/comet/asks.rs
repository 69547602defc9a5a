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

use tokio::sync::oneshot;

use super::{
    name::{Marker, PipeName},
    outbox::{Lane, Outbox},
    wire::{
        command::{self, Refusal},
        message::{Event, LogRow, Seen},
    },
};

/// How long an answer may take. The server answers in less than a millisecond; a slow log takes longer.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// The pipe whose count ends the log of a pipe that cannot be counted itself; it need not exist.
const FENCE_PIPE: &str = "web_fence";

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// Nothing came back in time.
    #[error("the server did not answer within {} seconds", ANSWER_TIMEOUT.as_secs())]
    TimedOut,
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
    open: Mutex<Open>,
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

impl Asks {
    /// For questions that leave by lanes of `outbox`.
    #[must_use]
    pub fn new(outbox: Arc<Outbox>) -> Self {
        Self { outbox, open: Mutex::default() }
    }

    /// The rows in a pipe's log, oldest first: at most 99, and none for a pipe without a log.
    ///
    /// # Errors
    /// An [`AskError`] if no answer can come or none came in time.
    pub async fn log(&self, lane: &Lane, pipe: &PipeName) -> Result<Vec<Event<'static>>, AskError> {
        let marker = Marker::random();
        let fence = match command::pipe_count(pipe, &marker) {
            Ok(fence) => fence,
            Err(_) => command::pipe_count(&PipeName::new(FENCE_PIPE).map_err(Refusal::from)?, &marker)?,
        };
        let commands = [command::pipe_log(pipe, &marker), fence];
        let (reply, answer) = oneshot::channel();
        let log = OpenLog { pipe: pipe.clone(), marker, rows: Vec::new(), reply };
        self.ask(|open| open.logs.push_back(log), || lane.ask(commands))?;
        wait(answer).await
    }

    /// The number of connections that subscribe to a pipe, our own included.
    ///
    /// # Errors
    /// An [`AskError`]; a pipe that is neither `web_…` nor `track_…` cannot be counted.
    pub async fn count(&self, lane: &Lane, pipe: &PipeName) -> Result<u64, AskError> {
        let marker = Marker::random();
        let command = command::pipe_count(pipe, &marker)?;
        let (reply, answer) = oneshot::channel();
        self.ask(|open| open.counts.push_back(OpenCount { marker, reply }), || lane.ask([command]))?;
        wait(answer).await
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
        self.ask(|open| open.counts.push_back(OpenCount { marker, reply }), || self.outbox.ask_first(command))?;
        wait(answer).await.map(|_| ())
    }

    /// When a user was last seen.
    ///
    /// # Errors
    /// An [`AskError`] if no answer can come or none came in time.
    pub async fn user_status(&self, lane: &Lane, user_id: u64) -> Result<Seen, AskError> {
        let (reply, answer) = oneshot::channel();
        let question = command::user_status(user_id)?;
        self.ask(|open| open.statuses.push_back(OpenStatus { user_id, reply }), || lane.ask([question]))?;
        wait(answer).await
    }

    /// Opens a question and sends its commands as one, so that the two orders are the same.
    fn ask(&self, open: impl FnOnce(&mut Open), send: impl FnOnce()) -> Result<(), AskError> {
        let mut state = self.lock();
        if !state.is_live {
            return Err(AskError::NotConnected);
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
        log.rows.push(row.event.clone().into_owned());
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

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn wait<T>(answer: oneshot::Receiver<T>) -> Result<T, AskError> {
    match tokio::time::timeout(ANSWER_TIMEOUT, answer).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(_)) => Err(AskError::NotConnected),
        Err(_) => Err(AskError::TimedOut),
    }
}
