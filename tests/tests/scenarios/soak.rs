//! The bot runs while one fault follows another: it recovers from each, misses nothing without a word, and takes no more
//! memory, files and threads for it.
//!
//! `COMETBOT_SOAK_SECONDS` is how long, `COMETBOT_SOAK_SEED` draws the same faults again. `make soak` takes ten minutes.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use cometbot::local::Control;
use cometbot_tests::{Client, Comet, End, Heard, Home, PATIENCE, Plugin, Process, Refusal, Way, Wire};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};
use tokio::{sync::watch, task::JoinSet};

/// How long it takes unless somebody says otherwise.
const SECONDS: u64 = 15;
/// Two connections full, and a little room.
const PIPES: usize = 40;
/// A log that is read whole.
const LOG_ROWS: i64 = 98;
/// How often something is said, and in how many pipes.
const SAID_EVERY: Duration = Duration::from_millis(10);
const SAID_IN: usize = 5;
/// How often what is said is long, and how long.
const LONG_ONE_IN: u32 = 50;
const LONG_BYTES: usize = 8 * 1024;
/// How long a fault lasts.
const FAULT_MS: std::ops::Range<u64> = 20..400;

/// Of the samples, the first part is for warming up; what comes then is compared with what comes last.
const PARTS: usize = 3;
/// Files that may be open beyond those of the first samples: sockets that are being opened or closed.
const MORE_FILES: usize = 6;
/// Threads likewise: some are made for a moment.
const MORE_THREADS: usize = 2;
/// How much more memory may be in use at the end. An allocator gives back late.
const MORE_KIB: u64 = 8 * 1024;

/// What was said and what was told.
#[derive(Default)]
struct Books {
    /// How much was said in each pipe, numbered from 0.
    said: BTreeMap<String, usize>,
    /// What the plugin told to have heard.
    told: BTreeMap<String, BTreeSet<usize>>,
    /// The pipes that the plugin told to have a gap.
    gaps: BTreeSet<String>,
}

impl Books {
    fn note(&mut self, heard: Heard) {
        if heard.event == "gap" {
            self.gaps.insert(heard.data);
            return;
        }
        let number = heard.data.split(' ').next().and_then(|number| number.parse().ok()).expect("a number was said");
        self.told.entry(heard.event).or_default().insert(number);
    }

    fn missing(&self) -> BTreeMap<&str, usize> {
        let told = |pipe: &str| self.told.get(pipe).map_or(0, BTreeSet::len);
        let missing = self.said.iter().map(|(pipe, said)| (pipe.as_str(), said - told(pipe)));
        missing.filter(|(_, missing)| *missing > 0).collect()
    }
}

/// Who says something all the time, and who notes what is told.
#[derive(Clone)]
struct World {
    control: Control,
    pipes: Vec<String>,
    books: Arc<Mutex<Books>>,
    told: watch::Sender<()>,
}

impl World {
    fn say(&self, pipe: &str, filler_bytes: usize) -> usize {
        let mut books = self.books.lock().unwrap();
        let said = books.said.entry(pipe.to_owned()).or_default();
        let number = *said;
        *said += 1;
        // Never so short that the server would damage the frame (PROTOCOL.md, section 2.3).
        let data = format!("{number} is what is said {}", "x".repeat(filler_bytes));
        self.control.publish(pipe, "e", &data).unwrap();
        number
    }

    async fn talk(self, mut rng: StdRng) {
        let mut tick = tokio::time::interval(SAID_EVERY);
        loop {
            tick.tick().await;
            for _ in 0..SAID_IN {
                let is_long = rng.random_ratio(1, LONG_ONE_IN);
                self.say(self.pipes.choose(&mut rng).unwrap(), if is_long { LONG_BYTES } else { 0 });
            }
        }
    }

    async fn listen(self, mut client: Client) {
        loop {
            let heard = client.next().await;
            self.books.lock().unwrap().note(heard);
            self.told.send_replace(());
        }
    }

    /// Says something in these pipes until it is told of each.
    async fn is_told_of(&self, pipes: &[String]) {
        let since = Instant::now();
        let mut told = self.told.subscribe();
        let first: BTreeMap<&str, usize> = pipes.iter().map(|pipe| (pipe.as_str(), self.say(pipe, 0))).collect();
        loop {
            let missing: Vec<&str> = {
                let books = self.books.lock().unwrap();
                let is_told = |pipe: &str, first: usize| {
                    books.told.get(pipe).and_then(BTreeSet::last).is_some_and(|last| *last >= first)
                };
                first.iter().filter(|(pipe, first)| !is_told(pipe, **first)).map(|(pipe, _)| *pipe).collect()
            };
            if missing.is_empty() {
                return;
            }
            assert!(since.elapsed() < PATIENCE, "the bot does not recover: nothing is told of {missing:?}");
            // What was said just before the connection broke once more is lost in pipes without a log.
            if tokio::time::timeout(Duration::from_millis(200), told.changed()).await.is_err() {
                missing.iter().for_each(|pipe| {
                    self.say(pipe, 0);
                });
            }
        }
    }
}

/// Makes a fault and takes it back.
async fn disturb(wire: &Wire, rng: &mut StdRng) {
    let way = *[Way::Up, Way::Down].choose(rng).unwrap();
    let end = *[End::Fin, End::Reset].choose(rng).unwrap();
    let fault = rng.random_range(0..12);
    match fault {
        0 => wire.cut(end),
        1 => wire.cut_after(way, rng.random_range(1..5_000), end),
        2 => wire.half_close(way),
        3 => wire.go_silent(),
        4 => wire.stall(way),
        5 => wire.hold(way),
        6 => wire.delay(way, Duration::from_millis(rng.random_range(1..100))),
        7 => wire.throttle(way, rng.random_range(10_000..100_000)),
        8 => wire.split(way),
        9 => wire.glue(way, 10_000, Duration::from_millis(20)),
        10 => wire.cut_after(way, rng.random_range(1..300), end),
        _ => {
            let refusals = [Refusal::NoListener, Refusal::Hangup, Refusal::Mute, Refusal::Http(502)];
            wire.refuse(refusals.choose(rng).unwrap().clone());
            wire.cut(end);
        }
    }
    // What happens meanwhile is up to the machine; the end of it is waited for.
    tokio::time::sleep(Duration::from_millis(rng.random_range(FAULT_MS))).await;
    wire.heal();
    // The bot finds that a connection is dead after some seconds; one in three it does find by itself.
    if matches!(fault, 2 | 3 | 11) && rng.random_ratio(2, 3) {
        wire.cut(end);
    }
}

#[derive(Debug, Clone, Copy)]
struct Sample {
    memory_kib: u64,
    files: usize,
    threads: usize,
}

impl Sample {
    fn of(bot: &Process) -> Self {
        Self { memory_kib: bot.resident_kib(), files: bot.open_files(), threads: bot.threads() }
    }
}

fn median(samples: &[Sample], of: impl Fn(&Sample) -> u64) -> u64 {
    let mut values: Vec<u64> = samples.iter().map(of).collect();
    values.sort_unstable();
    values[values.len() / 2]
}

fn most(samples: &[Sample], of: impl Fn(&Sample) -> usize) -> usize {
    samples.iter().map(of).max().unwrap()
}

fn takes_no_more(samples: &[Sample]) {
    assert!(samples.len() >= PARTS, "there were only {} faults", samples.len());
    let part = samples.len() / PARTS;
    let (then, last) = (&samples[..2 * part], &samples[2 * part..]);
    let memory = [&samples[part..2 * part], last].map(|samples| median(samples, |sample| sample.memory_kib));
    let files = [then, last].map(|samples| most(samples, |sample| sample.files));
    let threads = [then, last].map(|samples| most(samples, |sample| sample.threads));
    say(&format!("memory in KiB {memory:?}, files {files:?}, threads {threads:?}, first {:?}", samples[0]));
    assert!(memory[1] <= memory[0] + MORE_KIB, "memory grows, in KiB: {memory:?} {samples:?}");
    assert!(files[1] <= files[0] + MORE_FILES, "open files grow: {files:?} {samples:?}");
    assert!(threads[1] <= threads[0] + MORE_THREADS, "threads grow: {threads:?} {samples:?}");
}

fn number(variable: &str) -> Option<u64> {
    Some(std::env::var(variable).ok()?.parse().expect("a number is given"))
}

#[allow(clippy::print_stderr, reason = "whoever runs it for long wants to see figures")]
fn say(text: &str) {
    eprintln!("{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bot_that_is_disturbed_all_the_time_recovers_and_takes_no_more_for_it() {
    let seed = number("COMETBOT_SOAK_SEED").unwrap_or_else(rand::random);
    let time = Duration::from_secs(number("COMETBOT_SOAK_SECONDS").unwrap_or(SECONDS));
    say(&format!("COMETBOT_SOAK_SEED={seed} draws the same faults again"));
    let mut rng = StdRng::seed_from_u64(seed);

    let comet = Comet::start().await;
    let wire = Wire::to(&comet).await;
    let kinds = ["log", "talk"];
    let pipes: Vec<String> = (0..PIPES).map(|number| format!("web_{}{number:02}", kinds[number % 2])).collect();
    pipes.iter().step_by(2).for_each(|pipe| comet.control.set_log_length(pipe, LOG_ROWS));
    let hearing = pipes.iter().fold(Plugin::new().hears("host:gap", []), |plugin, pipe| plugin.hears(pipe, []));
    let plugin = hearing.sends("web_told").handle(
        r#"(if (call $is (local.get $pipe) (local.get $pipe_bytes) "host:gap")
            (then (call $send "web_told" "gap" (local.get $name) (local.get $name_bytes)))
            (else (call $send "web_told"
                (local.get $pipe) (local.get $pipe_bytes) (local.get $data) (local.get $data_bytes))))"#,
    );
    let home = Home::at_url(&wire.url())
        .set("server", "retry-min-ms = 10\nretry-max-seconds = 1\nheartbeat-seconds = 1\nanswer-seconds = 2")
        .plugin("telling.wat", plugin.text());
    let bot = home.live().await;
    assert_eq!(comet.control.connections(), 2);

    let world = World { control: comet.control.clone(), pipes, books: Arc::default(), told: watch::Sender::default() };
    let mut tasks = JoinSet::new();
    tasks.spawn(world.clone().listen(Client::join(&comet, ["web_told"]).await));
    let mut talk = JoinSet::new();
    talk.spawn(world.clone().talk(StdRng::seed_from_u64(seed)));

    let started = Instant::now();
    let mut samples = Vec::new();
    while started.elapsed() < time {
        disturb(&wire, &mut rng).await;
        world.is_told_of(&world.pipes).await;
        samples.push(Sample::of(&bot));
    }
    talk.shutdown().await;
    world.is_told_of(&world.pipes).await;
    tasks.shutdown().await;
    takes_no_more(&samples);

    let gaps: BTreeSet<String> = bot
        .lines(|line| line.says("messages of this pipe may be missing"))
        .iter()
        .map(|line| line.field("pipe"))
        .collect();
    let ended = bot.stop().await;
    assert_eq!(ended.code, Some(0));
    let bad: Vec<&str> =
        ended.err.lines().filter(|line| line.contains("\"level\":\"ERROR\"") || line.contains("panicked")).collect();
    assert_eq!(bad, [""; 0], "the bot made mistakes");
    let books = world.books.lock().unwrap();
    let missing = books.missing();
    say(&format!(
        "{} faults, {} connections; {} events said, {} missing in {} pipes",
        samples.len(),
        wire.counts().accepted,
        books.said.values().sum::<usize>(),
        missing.values().sum::<usize>(),
        missing.len(),
    ));
    for (pipe, count) in missing {
        assert!(gaps.contains(pipe), "{count} events of {pipe} are missing, and the log says nothing of it");
        assert!(books.gaps.contains(pipe), "{count} events of {pipe} are missing, and the plugin was not told");
    }
}
