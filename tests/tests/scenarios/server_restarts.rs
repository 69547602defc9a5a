//! The server is restarted again and again under a steady stream of events. In a pipe with a log nothing is lost and
//! nothing comes twice; in one without, the bot says of everything that is lost when that was.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use cometbot::local::Control;
use cometbot_tests::{Client, Comet, Line, Process};
use tokio::{
    sync::{Mutex, watch},
    time::{MissedTickBehavior, interval},
};

use crate::scribe::{gaps, home, notes, reopen, said_long_ago, scribe, settled, settled_bot, shut};

/// How often the server is restarted.
const RESTARTS: usize = 50;
/// What the log holds: with more, nobody can say whether an answer is all of it (PROTOCOL.md, section 7).
const LOG_ROWS: i64 = 98;
/// How often an event is published: so seldom that the log reaches back much further than the longest absence.
const PACE: Duration = Duration::from_millis(100);
/// The pipe with a log, and the one without.
const PIPES: [&str; 2] = ["web_log", "web_plain"];

/// Numbers that are said one after the other, by whomever, each in both pipes.
#[derive(Default)]
struct Numbers {
    /// When each was said, Unix seconds. Whoever holds it says the next one.
    said: Mutex<Vec<u64>>,
}

impl Numbers {
    async fn publish(&self, control: &Control) {
        let mut said = self.said.lock().await;
        for pipe in PIPES {
            control.publish(pipe, "published", &said.len().to_string()).unwrap();
        }
        said.push(now());
    }

    async fn send(&self, client: &mut Client) {
        let mut said = self.said.lock().await;
        let number = said.len().to_string();
        for pipe in PIPES {
            client.send_and_wait(pipe, "sent", &number).await;
        }
        said.push(now());
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// A stretch of time of which the bot says that something may be missing.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Told {
    pipe: String,
    since: u64,
    until: u64,
}

fn told_in_the_log(bot: &Process) -> Vec<Told> {
    let seconds = |line: &Line, field| line.field(field).parse().unwrap();
    let told =
        |line: &Line| Told { pipe: line.field("pipe"), since: seconds(line, "since"), until: seconds(line, "until") };
    gaps(bot).iter().map(told).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_restarts_under_a_stream_lose_nothing_that_is_in_a_log_and_nothing_untold() {
    let comet = Comet::start().await;
    comet.control.set_log_length("web_log", LOG_ROWS);
    said_long_ago(&comet, "web_log", 1);
    let scribe = scribe(["web_log", "web_plain", "host:gap"]);
    let bot = settled_bot(&comet, &home(&comet.url(), &scribe)).await;
    let numbers = Arc::new(Numbers::default());
    let (stop, stopped) = watch::channel(false);
    let (published, mut more) = watch::channel(());
    let stream = tokio::spawn({
        let (numbers, control) = (Arc::clone(&numbers), comet.control.clone());
        async move {
            let mut pace = interval(PACE);
            pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
            while !*stopped.borrow() {
                pace.tick().await;
                numbers.publish(&control).await;
                published.send_replace(());
            }
        }
    });
    for _ in 0..RESTARTS {
        shut(&comet);
        more.mark_unchanged();
        more.changed().await.unwrap();
        reopen(&comet).await;
        let mut client = Client::join(&comet, []).await;
        numbers.send(&mut client).await;
        numbers.send(&mut client).await;
    }
    settled(&comet, &bot).await;
    stop.send_replace(true);
    stream.await.unwrap();
    let last = numbers.said.lock().await.len();
    numbers.publish(&comet.control).await;
    let last = last.to_string();
    bot.wait_for_all("the last number", 2, |line| line.message() == last && !line.field("context").is_empty()).await;

    let said = numbers.said.lock().await.clone();
    let notes = notes(&bot);
    let mut heard: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for note in notes.iter().filter(|note| note.pipe != "host:gap") {
        heard.entry(&note.pipe).or_default().push(note.data.parse().unwrap());
    }
    let told = told_in_the_log(&bot);

    let logged = &heard["web_log"];
    assert!(logged.iter().copied().eq(0..said.len()), "{:?}", first_fault(logged));
    assert_eq!(told.iter().filter(|gap| gap.pipe == "web_log").collect::<Vec<_>>(), Vec::<&Told>::new());
    let recovered = notes.iter().filter(|note| note.history).count();
    assert!(recovered >= RESTARTS, "something was said in each absence, and {recovered} came out of the log");
    assert!(notes.iter().all(|note| !note.history || note.pipe == "web_log"));

    let plain = &heard["web_plain"];
    assert!(plain.is_sorted_by(|one, next| one < next), "{:?}", first_fault(plain));
    let gaps: Vec<&Told> = told.iter().filter(|gap| gap.pipe == "web_plain").collect();
    let lost: Vec<usize> = (0..said.len()).filter(|number| !plain.contains(number)).collect();
    assert!(lost.len() >= RESTARTS, "something was said in each absence, and {} were lost", lost.len());
    for number in &lost {
        // The bot's idea of the server's time, in whole seconds, may be a second slow.
        let is_told = gaps.iter().any(|gap| (gap.since..=gap.until + 1).contains(&said[*number]));
        assert!(is_told, "number {number} of {} is in none of {gaps:#?}", said[*number]);
    }
    assert!(gaps.len() <= RESTARTS, "{} gaps", gaps.len());
    let mut in_events: Vec<Told> = notes.iter().filter(|note| note.pipe == "host:gap").map(told_in_an_event).collect();
    let mut in_the_log = told;
    in_events.sort();
    in_the_log.sort();
    assert_eq!(in_events, in_the_log);
}

fn told_in_an_event(note: &crate::scribe::Note) -> Told {
    let data: serde_json::Value = serde_json::from_str(&note.data).unwrap();
    let seconds = |field: &str| data[field].as_u64().unwrap();
    assert_eq!(data["pipe"], note.name);
    Told { pipe: note.name.clone(), since: seconds("since"), until: seconds("until") }
}

/// The first two numbers that do not follow each other.
fn first_fault(numbers: &[usize]) -> Option<(usize, usize)> {
    numbers.windows(2).find(|pair| pair[1] != pair[0] + 1).map(|pair| (pair[0], pair[1]))
}
