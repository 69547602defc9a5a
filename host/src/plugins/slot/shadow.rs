//! A candidate beside the version that runs: it gets the same events, nothing that it sends leaves, and what it would
//! have sent is compared with what the running version sent.
//!
//! It has a task of its own and a short queue, so that it holds up nobody: what it is too slow for is not compared, and
//! counted. Its questions for logs and counts are real ones, as they change nothing.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use tokio::{sync::mpsc, task::JoinHandle};

use super::{Failure, Version};
use crate::{
    comet::commands::Commands,
    plugins::api::Event,
    report::{Throttle, brief},
};

/// Events that may wait for a candidate.
const FEED_EVENTS: usize = 1024;
/// Lines about differences.
const LINES_PER_SECOND: u32 = 1;

/// What the running version made of an event.
pub(super) struct Seen {
    pub(super) event: Arc<Event>,
    /// What it sent, or why it failed.
    pub(super) outcome: Result<Commands, String>,
}

/// How a candidate has done so far.
#[derive(Debug, Default)]
pub struct Comparison {
    compared: AtomicU64,
    different: AtomicU64,
    failed: AtomicU64,
    missed: AtomicU64,
    last: Mutex<Option<String>>,
}

impl Comparison {
    /// Events that both versions have handled.
    #[must_use]
    pub fn compared(&self) -> u64 {
        self.compared.load(Ordering::Acquire)
    }

    /// Those of them in which the candidate did otherwise.
    #[must_use]
    pub fn different(&self) -> u64 {
        self.different.load(Ordering::Relaxed)
    }

    /// Those of these on which the candidate failed and the running version did not.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// Events that the candidate was too slow for.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }

    /// The newest difference, in words.
    #[must_use]
    pub fn last_difference(&self) -> Option<String> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn differs(&self, words: String) {
        self.different.fetch_add(1, Ordering::Relaxed);
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(words);
    }
}

/// A candidate that runs. Dropping it ends it.
pub(super) struct Shadow {
    feed: mpsc::Sender<Seen>,
    comparison: Arc<Comparison>,
    task: JoinHandle<()>,
}

impl Shadow {
    /// Lets a candidate run beside the version called `running`.
    pub(super) fn start(plugin: &str, running: Arc<str>, candidate: Version) -> Self {
        let (feed, seen) = mpsc::channel(FEED_EVENTS);
        let comparison = Arc::new(Comparison::default());
        let task = follow(plugin.to_owned(), running, candidate, seen, Arc::clone(&comparison));
        Self { feed, comparison, task: tokio::spawn(task) }
    }

    pub(super) const fn comparison(&self) -> &Arc<Comparison> {
        &self.comparison
    }

    /// Shows it an event, and what the running version made of it.
    pub(super) fn show(&self, seen: Seen) {
        if self.feed.try_send(seen).is_err() {
            self.comparison.missed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Shadow {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn follow(
    plugin: String,
    running: Arc<str>,
    mut candidate: Version,
    mut seen: mpsc::Receiver<Seen>,
    comparison: Arc<Comparison>,
) {
    let mut lines = Throttle::lines_per_second(LINES_PER_SECOND);
    while let Some(Seen { event, outcome }) = seen.recv().await {
        // Not heard by the candidate: as if it had sent nothing.
        let theirs = if candidate.grants.hears(&event.pipe, &event.name) {
            let pace = Arc::clone(candidate.starter.pace());
            let mut outcome = Ok(Commands::default());
            pace.stretch(async {
                outcome = candidate.rehearse(Arc::clone(&event)).await;
                1
            })
            .await;
            outcome
        } else {
            Ok(Commands::default())
        };
        if let (Ok(_), Err(_)) = (&outcome, &theirs) {
            comparison.failed.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(words) = difference(&outcome, &theirs) {
            let words = brief(&candidate.starter.secrets().hide(&words));
            let words = format!("on {} {:?} {words}", event.pipe, &*event.name);
            if let Some(times) = lines.pass() {
                tracing::warn!(
                    plugin,
                    version = &*running,
                    candidate = &*candidate.label,
                    times,
                    "the candidate does otherwise: {words}"
                );
            }
            comparison.differs(words);
        }
        // Last, so that whoever sees an event counted sees all that is known of it.
        comparison.compared.fetch_add(1, Ordering::Release);
        tokio::task::consume_budget().await;
    }
}

/// Where a candidate did otherwise, in words.
fn difference(ours: &Result<Commands, String>, theirs: &Result<Commands, Failure>) -> Option<String> {
    let shown = |commands: &Commands| {
        let sends: Vec<String> = commands.shown().collect();
        if sends.is_empty() { "nothing".to_owned() } else { sends.join(", ") }
    };
    match (ours, theirs) {
        (Ok(ours), Ok(theirs)) if ours == theirs => None,
        (Ok(ours), Ok(theirs)) => {
            Some(format!("the running version sends {}; the candidate {}", shown(ours), shown(theirs)))
        }
        (Ok(ours), Err(failure)) => {
            Some(format!("the running version sends {}; the candidate fails: {failure}", shown(ours)))
        }
        (Err(why), Ok(theirs)) => {
            Some(format!("the running version fails: {why}; the candidate sends {}", shown(theirs)))
        }
        // In which words each fails is nobody's business.
        (Err(_), Err(_)) => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn sends(message: &str) -> Commands {
        let mut commands = Commands::default();
        commands.send("web_a", "e", message).unwrap();
        commands
    }

    #[test]
    fn only_what_differs_is_told_with_both_sides() {
        let failure = || Err(Failure::Returned("no".into()));
        assert_eq!(difference(&Ok(sends("x")), &Ok(sends("x"))), None);
        assert_eq!(difference(&Err("no".into()), &failure()), None);
        let words = difference(&Ok(sends("x")), &Ok(Commands::default())).unwrap();
        assert_eq!(words, "the running version sends web_a e: \"x\"; the candidate nothing");
        let words = difference(&Ok(sends("x")), &failure()).unwrap();
        assert!(words.ends_with("the candidate fails: it returned an error: no"), "{words}");
        let words = difference(&Err("no".into()), &Ok(sends("y"))).unwrap();
        assert!(words.contains("the running version fails: no"), "{words}");
    }
}
