//! How long does a reload take, and how much of it do events notice? The release build of the bot, as a process, under
//! 10,000 events a second.
//!
//! - From the moment at which a new file is in its place until the first event was answered by the new version: of a file
//!   that was never seen before, which is compiled, and of one that was.
//! - For how long no event was handled at the switch, by the bot's own clock, and how much later than usual an event was
//!   answered around it, by the sender's.
//! - The same with a plugin that carries a megabyte over.
//!
//! `make bench` runs it; see CONTRIBUTING.md.

#![allow(clippy::print_stdout, reason = "a measurement prints what it measured")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a measurement that fails has nothing to say"
)]

use std::{
    collections::BTreeMap,
    path::Path,
    time::{Duration, Instant},
};

use cometbot_tests::{Client, Comet, Home, Plugin};
use tokio::time::{MissedTickBehavior, interval};

/// Reloads of each kind.
const RELOADS: usize = 200;
/// Events a second.
const RATE: u64 = 10_000;
const TICK: Duration = Duration::from_millis(1);
/// Events pass undisturbed for so long between two reloads.
const REST: Duration = Duration::from_millis(60);
/// What is carried over: one mebibyte.
const STATE_BYTES: usize = 1 << 20;

#[tokio::main(worker_threads = 2)]
async fn main() {
    let rust = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/bench-echo.wasm");
    let rust = std::fs::read(&rust).unwrap_or_else(|_| panic!("{} is missing: run `make bench`", rust.display()));
    let sizes = (word("v0").binary().len(), rust.len());
    println!("{RELOADS} reloads of each kind under {RATE} events a second; times in milliseconds");
    println!(
        "| what | file | from the file to the first event: median | p99 | pause at the switch: median | p99 | latest event: median | p99 |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    let small = |number: usize| word(&format!("v{number}")).binary();
    measure("text, compiled each time", sizes.0, small).await;
    measure("text, two versions in turn", sizes.0, |number| small(number % 2)).await;
    measure("Rust, compiled each time", sizes.1, |number| tagged(&rust, number)).await;
    measure("Rust, two versions in turn", sizes.1, |number| tagged(&rust, number % 2)).await;
    measure("two versions in turn, 1 MiB of state", sizes.0, |number| stateful(&format!("v{}", number % 2))).await;
}

/// A plugin of one pipe that answers each event with the event `word`.
fn word(word: &str) -> Plugin {
    Plugin::new().hears("web_bench", []).sends("web_*").handle(&format!(
        r#"(call $send (local.get $pipe) (local.get $pipe_bytes) "{word}" (local.get $data) (local.get $data_bytes))"#
    ))
}

fn stateful(text: &str) -> Vec<u8> {
    let save = format!(
        "(call $allocate (i32.const 0) (i32.const 0) (i32.const 8) (i32.const {STATE_BYTES})) (i32.const {STATE_BYTES})"
    );
    word(text).state(&save, "").binary()
}

/// The same module as another version: with a custom section of its own.
fn tagged(module: &[u8], number: usize) -> Vec<u8> {
    let tag = format!("version {number:06}");
    let mut tagged = module.to_vec();
    let name = b"tag";
    tagged.push(0);
    tagged.push(u8::try_from(1 + name.len() + tag.len()).unwrap());
    tagged.push(u8::try_from(name.len()).unwrap());
    tagged.extend(name);
    tagged.extend(tag.as_bytes());
    tagged
}

/// When an event was sent and answered.
#[derive(Clone, Copy)]
struct Trip {
    sent: Instant,
    answered: Instant,
}

async fn measure(what: &str, bytes: usize, version: impl Fn(usize) -> Vec<u8>) {
    let comet = Comet::start().await;
    let home = Home::at(&comet).set("defaults", "memory-mib = 32").plugin("word.wasm", version(0));
    let mut bot = home.live().await;
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let talk = tokio::spawn(talk(Client::join(&comet, ["web_bench"]).await, stopped));
    let (mut put, mut pauses) = (Vec::new(), Vec::new());
    for number in 1..=RELOADS {
        tokio::time::sleep(REST).await;
        bot.forget();
        let bytes = version(number);
        home.rename_plugin("word.wasm", bytes);
        let at = Instant::now();
        let line = bot.replaced("word").await;
        put.push((at, Instant::now()));
        pauses.push(Duration::from_micros(line.field("pause_us").parse().unwrap()));
    }
    tokio::time::sleep(REST).await;
    stop.send(()).unwrap();
    let trips = talk.await.unwrap();
    // The first event that was answered after the line was written was handled by the new version.
    let mut to_live = Vec::new();
    let mut latest = Vec::new();
    for (at, replaced) in put {
        let first = trips.iter().find(|trip| trip.sent >= replaced).map_or(replaced, |trip| trip.answered);
        to_live.push(first - at);
        let around = trips.iter().filter(|trip| trip.answered > at && trip.sent < replaced);
        latest.push(around.map(|trip| trip.answered - trip.sent).max().unwrap_or_default());
    }
    println!(
        "| {what} | {} KB | {} | {} | {} |",
        bytes.div_ceil(1000),
        Spread(to_live),
        Spread(pauses),
        Spread(latest)
    );
    assert_eq!(bot.stop().await.code, Some(0));
}

/// Sends events and takes their answers until it is told to stop and all have come.
async fn talk(mut client: Client, mut stopped: tokio::sync::oneshot::Receiver<()>) -> Vec<Trip> {
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let share = RATE * u64::try_from(TICK.as_micros()).unwrap() / 1_000_000;
    let (mut sent, mut trips) = (BTreeMap::new(), Vec::new());
    let (mut next, mut is_stopping) = (0_u64, false);
    loop {
        for heard in client.rest() {
            let answered = Instant::now();
            let number: u64 = heard.data.parse().unwrap();
            let sent = sent.remove(&number).unwrap_or_else(|| panic!("event {number} was answered twice"));
            trips.push(Trip { sent, answered });
        }
        is_stopping = is_stopping || stopped.try_recv().is_ok();
        if is_stopping && sent.is_empty() {
            return trips;
        }
        if !is_stopping {
            let numbers: Vec<String> = (next..next + share).map(|number| number.to_string()).collect();
            let now = Instant::now();
            sent.extend((next..next + share).map(|number| (number, now)));
            client.send_all("web_bench", "msg", numbers.iter().map(String::as_str));
            next += share;
        }
        tick.tick().await;
    }
}

/// Median and 99th percentile, in milliseconds.
struct Spread(Vec<Duration>);

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut sorted = self.0.clone();
        sorted.sort();
        let at = |share: usize| sorted[(sorted.len() - 1) * share / 100].as_secs_f64() * 1e3;
        write!(f, "{:.3} | {:.3}", at(50), at(99))
    }
}
