//! What a plugin costs in each language: the conformance plugins as `make test` has built them, loaded and called in this
//! process. Prints the table of docs/src/languages.md.
#![allow(clippy::print_stdout, reason = "the table is what it is for")]

use std::{error::Error, fs, path::Path, sync::Arc, time::Instant};

use cometbot::{
    comet::{
        link::{Port, timing::Timing},
        outbox::Bounds,
    },
    config::{NewGrants, PluginTerms},
    kit::language::Language,
    metrics::Metrics,
    plugins::{
        api::Event,
        package::{Compiled, Compiler, Package},
        sandbox::{Room, Sandbox},
        slot::Starter,
    },
};

/// Events before the first measurement, and in each.
const WARM_UP: u32 = 20_000;
const EVENTS: u32 = 20_000;
/// Measurements of a language; the median is shown.
const ROUNDS: usize = 7;

fn main() -> Result<(), Box<dyn Error>> {
    println!("| language | file | load | load again | start | an event | memory after 160,000 events |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: |");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    for language in Language::ALL {
        let built = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../target/conformance")
            .join(language.name())
            .join("conformance.wasm");
        match fs::read(built) {
            Ok(bytes) => println!("{}", runtime.block_on(row(language, &bytes))?),
            Err(_) => println!("| {language} | not built here | | | | | |"),
        }
    }
    Ok(())
}

async fn row(language: Language, bytes: &[u8]) -> Result<String, Box<dyn Error>> {
    let terms = PluginTerms {
        time_per_event: std::time::Duration::from_secs(5),
        queue_events: 1,
        new_grants: NewGrants::Grant,
        ..PluginTerms::default()
    };
    let sandbox = Arc::new(Sandbox::new(Room::new(4, terms.memory_bytes))?);
    let port = Port::new(Arc::default(), Timing::default().answer);
    let bounds = Bounds { bytes: usize::MAX, sends: usize::MAX };
    let tally = Metrics::new().plugin(language.name());
    let start = Instant::now();
    let package = Package::load(&sandbox, bytes)?;
    let load = start.elapsed();
    // As after a restart: what was compiled is on disk.
    let kept = tempfile::tempdir()?;
    let kept = Compiled::open(kept.path().join("compiled"))?;
    Package::load_with(&sandbox, &Compiler::Here, Some(&kept), bytes)?;
    let start = Instant::now();
    Package::load_with(&sandbox, &Compiler::Here, Some(&kept), bytes)?;
    let load_again = start.elapsed();
    let starter = Starter::new(sandbox, language.name(), terms, &port, bounds, tally.clone());
    let start = Instant::now();
    let mut version = starter.start(package).await?;
    let started = start.elapsed();
    let event = Arc::new(Event {
        pipe: "web_in".into(),
        name: "echo".into(),
        data: "0123456789".repeat(6) + "abcd",
        user_id: Some(0),
        time: Some(1_795_478_008),
        history: false,
    });
    for _ in 0..WARM_UP {
        version.handle(Arc::clone(&event)).await?;
    }
    let mut rounds = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for _ in 0..EVENTS {
            version.handle(Arc::clone(&event)).await?;
        }
        rounds.push(start.elapsed() / EVENTS);
    }
    rounds.sort();
    let an_event = rounds.get(ROUNDS / 2).copied().unwrap_or_default();
    Ok(format!(
        "| {language} | {} KB | {:.0} ms | {:.1} ms | {:.2} ms | {:.2} µs | {:.1} MiB |",
        bytes.len().div_ceil(1000),
        load.as_secs_f64() * 1e3,
        load_again.as_secs_f64() * 1e3,
        started.as_secs_f64() * 1e3,
        an_event.as_secs_f64() * 1e6,
        tally.memory_bytes() as f64 / f64::from(1 << 20),
    ))
}
