//! Ten thousand reloads through the whole protocol: the bot takes no more memory, files or threads for them.

use cometbot::bot::{
    control::{Answer, Request},
    outcome::OutcomeKind,
};
use cometbot_tests::{Comet, Home, Load, Plugin, Process};

/// How many, unless COMETBOT_MANY_RELOADS says otherwise.
const RELOADS: usize = 10_000;
/// The pipes that are heard meanwhile, and how much is said in them a second.
const PIPES: [&str; 1] = ["web_a"];
const RATE: u64 = 1_000;
/// How often it is looked at what the bot takes.
const SAMPLES: usize = 20;
/// So much more memory, in KiB, is none: the allocator's own breathing.
const MORE_KIB: u64 = 8 * 1024;

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

async fn reload(home: &Home) -> OutcomeKind {
    let request = Request::Reload { plugin: Some("word".to_owned()), wait: true, without_state: false };
    match home.ask(&request).await {
        Answer::Outcomes { mut outcomes, .. } => outcomes.remove(0).kind,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_reloads_take_no_memory_no_files_and_no_threads() {
    let reloads = std::env::var("COMETBOT_MANY_RELOADS").map_or(RELOADS, |number| number.parse().expect("a number"));
    let comet = Comet::start().await;
    let versions = ["odd", "even"].map(|word| Plugin::counting(&PIPES, word).binary());
    // Without a probation an outcome is final at once.
    let home = Home::at(&comet)
        .set("defaults", "probation-events = 0")
        .set("log", "level = \"warn\"")
        .plugin("word.wasm", &versions[0]);
    let bot = home.start();
    comet.subscribed("web_a", 1).await;
    let load = Load::start(&comet, PIPES, RATE).await;
    let mut samples = Vec::new();
    for number in 1..=reloads {
        home.rename_plugin("word.wasm", &versions[number % 2]);
        match reload(&home).await {
            OutcomeKind::Swapped { state_bytes: Some(8), .. } => {}
            // The folder's watch has seen it first: as no version follows itself, this one has taken over all the same.
            OutcomeKind::Unchanged { .. } => {}
            other => panic!("{other:?}"),
        }
        if number % (reloads / SAMPLES).max(1) == 0 {
            samples.push(Sample::of(&bot));
        }
    }
    let book = load.finish().await;
    book.nothing_is_lost_doubled_or_reordered();
    // The first fifth is warming up.
    let (early, late) = (&samples[samples.len() / 5], &samples[samples.len() - 1]);
    let memory = samples.iter().map(|sample| sample.memory_kib).collect::<Vec<_>>();
    assert!(late.memory_kib <= early.memory_kib + MORE_KIB, "memory grows, in KiB: {memory:?}");
    assert!(late.files <= early.files + 2, "files: {} and then {}", early.files, late.files);
    assert!(late.threads <= early.threads + 2, "threads: {} and then {}", early.threads, late.threads);
}
