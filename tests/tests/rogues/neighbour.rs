//! The plugin that does nothing wrong, and somebody who talks to it all the time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use cometbot_tests::{Client, Comet, Heard, Plugin, within};
use tokio::{
    task::JoinHandle,
    time::{Instant, MissedTickBehavior, interval},
};

/// Its pipe, in which the rogues have no business.
const PIPE: &str = "web_neighbour";
/// How often somebody says something to it.
const PAUSE: Duration = Duration::from_millis(10);
/// Of all answers but one in a hundred none may take longer: what people do not notice, on a machine that has other
/// tests to do.
const P99: Duration = Duration::from_millis(250);
/// None may take longer.
const MOST: Duration = Duration::from_secs(2);
/// With fewer answers the one in a hundred is none.
const FEWEST: usize = 100;

/// How long answers took that took too long.
#[derive(Debug)]
#[allow(dead_code, reason = "for whoever reads why a test failed")]
pub struct Slow {
    answers: usize,
    p99: Duration,
    most: Duration,
}

/// The plugin's text: it answers everything that it hears.
pub fn text() -> String {
    Plugin::answering(PIPE, "echo").text()
}

/// Somebody who talks to the neighbour.
pub struct Talk {
    is_over: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
    task: JoinHandle<Vec<Duration>>,
}

impl Talk {
    /// Begins to talk, and goes on until [`Talk::end`].
    pub async fn begin(comet: &Comet) -> Self {
        let client = Client::join(comet, [PIPE]).await;
        let (is_over, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let task = tokio::spawn(talk(client, Arc::clone(&is_over), Arc::clone(&answered)));
        let begun = Self { is_over, answered, task };
        begun.goes_on().await;
        begun
    }

    /// Waits until what has been said from now on is being answered.
    pub async fn goes_on(&self) {
        let aim = self.answered.load(Ordering::Relaxed) + 10;
        let answers = async {
            while self.answered.load(Ordering::Relaxed) < aim {
                tokio::time::sleep(PAUSE).await;
            }
        };
        within("the neighbour's answers", answers).await;
    }

    /// Checks that everything was answered, once and in order.
    ///
    /// # Errors
    /// If it was not answered soon.
    pub async fn end(self) -> Result<(), Slow> {
        let aim = FEWEST.saturating_sub(self.answered.load(Ordering::Relaxed));
        for _ in 0..aim.div_ceil(10) {
            self.goes_on().await;
        }
        self.is_over.store(true, Ordering::Relaxed);
        let mut times = self.task.await.unwrap();
        times.sort_unstable();
        let (p99, most) = (times[times.len() * 99 / 100], times[times.len() - 1]);
        if p99 < P99 && most < MOST { Ok(()) } else { Err(Slow { answers: times.len(), p99, most }) }
    }
}

/// Says a number now and then, and gives how long each answer took.
async fn talk(mut client: Client, is_over: Arc<AtomicBool>, answered: Arc<AtomicUsize>) -> Vec<Duration> {
    let mut tick = interval(PAUSE);
    // What was late is made good: a bot that hangs does not make the question wait that would show it.
    tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (mut said, mut times): (Vec<Instant>, Vec<Duration>) = (Vec::new(), Vec::new());
    loop {
        let ends = is_over.load(Ordering::Relaxed);
        if ends && times.len() == said.len() {
            return times;
        }
        tokio::select! {
            _ = tick.tick(), if !ends => {
                client.send(PIPE, "msg", &said.len().to_string());
                said.push(Instant::now());
            }
            Heard { event, data, .. } = client.next(), if times.len() < said.len() => {
                assert_eq!((event.as_str(), data), ("echo", times.len().to_string()), "the neighbour's next answer");
                times.push(said[times.len()].elapsed());
                answered.store(times.len(), Ordering::Relaxed);
            }
        }
    }
}
