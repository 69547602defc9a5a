//! Numbered events at a steady rate, and a book of what came back.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    task::JoinHandle,
    time::{Instant, MissedTickBehavior, interval},
};

use crate::{Client, Comet, PATIENCE};

/// How often events are sent.
const TICK: Duration = Duration::from_millis(4);

/// So many events may be without an answer: beyond that the sender waits, so that a busy machine makes the load slower
/// and nothing overflows.
const UNDER_WAY: u64 = 4_000;

/// Somebody who sends events to plugins that answer each of them once, in the same pipe and with the same data.
pub struct Load {
    stop: Arc<AtomicBool>,
    task: JoinHandle<Book>,
}

/// What was sent and what came back.
#[derive(Debug)]
pub struct Book {
    /// How many events were sent, in all pipes together.
    pub sent: u64,
    /// How long it took until each was answered.
    pub took: Duration,
    /// By pipe: the answers in the order in which they came, their event and their number.
    pub answers: BTreeMap<String, Vec<(String, u64)>>,
}

impl Load {
    /// Sends `rate` events a second, spread over `pipes` and numbered in each from 0, until it is told to stop.
    pub async fn start<const N: usize>(comet: &Comet, pipes: [&'static str; N], rate: u64) -> Self {
        let client = Client::join(comet, pipes).await;
        let stop = Arc::new(AtomicBool::new(false));
        let task = tokio::spawn(run(client, pipes.to_vec(), rate, Arc::clone(&stop)));
        Self { stop, task }
    }

    /// Sends a few more events, so that there are some after whatever has happened, waits until everything is answered, and
    /// gives the book.
    pub async fn finish(self) -> Book {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.unwrap()
    }
}

async fn run(mut client: Client, pipes: Vec<&'static str>, rate: u64, stop: Arc<AtomicBool>) -> Book {
    let started = Instant::now();
    let mut tick = interval(TICK);
    // A tick that came late is made good, so that the rate is what it should be.
    tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let share = rate * u64::try_from(TICK.as_millis()).unwrap() / 1_000 / u64::try_from(pipes.len()).unwrap();
    let mut book = Book { sent: 0, took: Duration::ZERO, answers: BTreeMap::new() };
    let (mut next, mut answered) = (0, 0);
    let mut has_sent_the_last = false;
    let mut heard_last = Instant::now();
    loop {
        for heard in client.rest() {
            heard_last = Instant::now();
            answered += 1;
            let number = heard.data.parse().unwrap_or_else(|_| panic!("an answer without a number: {heard:?}"));
            book.answers.entry(heard.pipe).or_default().push((heard.event, number));
        }
        if has_sent_the_last && answered >= book.sent {
            book.took = started.elapsed();
            return book;
        }
        assert!(
            answered == book.sent || heard_last.elapsed() < PATIENCE,
            "{} of {} events were not answered within {} s",
            book.sent - answered,
            book.sent,
            PATIENCE.as_secs()
        );
        if !has_sent_the_last && book.sent - answered < UNDER_WAY {
            has_sent_the_last = stop.load(Ordering::Relaxed);
            let numbers: Vec<String> = (next..next + share).map(|number| number.to_string()).collect();
            for pipe in &pipes {
                client.send_all(pipe, "msg", numbers.iter().map(String::as_str));
                book.sent += share;
            }
            next += share;
        }
        tick.tick().await;
    }
}

impl Book {
    /// Checks that each event was answered once and in order, whoever answered it.
    pub fn nothing_is_lost_doubled_or_reordered(&self) {
        let mut answered = 0;
        for (pipe, answers) in &self.answers {
            for (expected, (event, number)) in (0..).zip(answers) {
                assert_eq!(*number, expected, "in {pipe} the answer of {event} is not the next one");
            }
            answered += u64::try_from(answers.len()).unwrap();
        }
        assert_eq!(answered, self.sent);
    }

    /// How often, at most, in any pipe an answer is from another version than the one before it.
    #[must_use]
    pub fn changes(&self) -> usize {
        let changes = |answers: &Vec<(String, u64)>| answers.windows(2).filter(|pair| pair[0].0 != pair[1].0).count();
        self.answers.values().map(changes).max().unwrap_or_default()
    }

    /// Answered events a second.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "a figure for people")]
    pub fn rate(&self) -> f64 {
        self.sent as f64 / self.took.as_secs_f64()
    }
}
