//! What one call of the plugin costs by itself: with nothing but the engine around it, and with ours.

use std::{error::Error, path::Path, sync::Arc, time::Instant};

use cometbot::{
    comet::{
        link::{Port, timing::Timing},
        outbox::Bounds,
    },
    config::{NewGrants, PluginTerms},
    metrics::Metrics,
    plugins::{
        api::{Event, Wants},
        package::Package,
        sandbox::{Room, Sandbox},
        slot::Starter,
    },
};
use wasmtime::{
    Config, Engine, Store, StoreContextMut,
    component::{Component, Linker, WasmStr},
};
use wit_component::ComponentEncoder;

use super::{Spread, nanoseconds_each};

const CALLS: u32 = 200_000;
const ROUNDS: usize = 9;

/// Measures both in turn and prints them.
pub(crate) fn run(plugin: &Path) -> Result<(), Box<dyn Error>> {
    let bytes = std::fs::read(plugin)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (mut raw, mut ours, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let alone = engine_alone(&bytes).await?;
            let with_us = with_cometbot(&bytes).await?;
            raw.push(alone);
            ours.push(with_us);
            ratios.push(with_us / alone);
        }
        println!("one call, nanoseconds:");
        println!("  wasmtime alone  {}", Spread::of(raw));
        println!("  in cometbot     {}", Spread::of(ours));
        println!("  ratio           {}", Spread::of(ratios));
        Ok(())
    })
}

fn event() -> Arc<Event> {
    Arc::new(Event {
        pipe: "web_bench".into(),
        name: "msg".into(),
        data: "0123456789".repeat(6) + "abcd",
        user_id: Some(0),
        time: Some(1_795_478_008),
        history: false,
    })
}

async fn engine_alone(bytes: &[u8]) -> Result<f64, Box<dyn Error>> {
    let mut config = Config::new();
    config.concurrency_support(false).epoch_interruption(true);
    let engine = Engine::new(&config)?;
    let component = ComponentEncoder::default().module(bytes)?.encode()?;
    let component = Component::new(&engine, &component)?;
    let mut linker = Linker::<u64>::new(&engine);
    linker.define_unknown_imports_as_traps(&component)?;
    linker.allow_shadowing(true);
    linker.instance("cometbot:plugin/comet@1.1.0")?.func_wrap(
        "send",
        |mut store: StoreContextMut<'_, u64>, (_, _, message): (WasmStr, WasmStr, WasmStr)| {
            let bytes = message.to_str(&store)?.len() as u64;
            *store.data_mut() += bytes;
            Ok((Ok::<(), RawError>(()),))
        },
    )?;
    let mut store = Store::new(&engine, 0);
    store.set_epoch_deadline(u64::MAX / 2);
    let instance = linker.instantiate_async(&mut store, &component).await?;
    // The plugin says what it wants before it takes events.
    let setup = instance.get_typed_func::<(), (Result<Wants, String>,)>(&mut store, "setup")?;
    setup.call_async(&mut store, ()).await?.0?;
    let handle = instance.get_typed_func::<(Arc<Event>,), (Result<(), String>,)>(&mut store, "handle")?;
    let event = event();
    let start = Instant::now();
    for _ in 0..CALLS {
        handle.call_async(&mut store, (Arc::clone(&event),)).await?.0?;
    }
    Ok(nanoseconds_each(start.elapsed(), CALLS))
}

/// `variant error` of the contract, which is never made here.
#[derive(wasmtime::component::ComponentType, wasmtime::component::Lower)]
#[component(variant)]
#[allow(dead_code, reason = "only its type counts")]
enum RawError {
    #[component(name = "invalid")]
    Invalid(String),
    #[component(name = "denied")]
    Denied(String),
    #[component(name = "unavailable")]
    Unavailable(String),
    #[component(name = "timed-out")]
    TimedOut,
}

async fn with_cometbot(bytes: &[u8]) -> Result<f64, Box<dyn Error>> {
    let terms = PluginTerms { queue_events: 1, new_grants: NewGrants::Grant, ..PluginTerms::default() };
    let sandbox = Arc::new(Sandbox::new(Room::new(4, terms.memory_bytes))?);
    let port = Port::new(Arc::default(), Timing::default().answer);
    let bounds = Bounds { bytes: usize::MAX, sends: usize::MAX };
    let tally = Metrics::new().plugin("bench");
    let package = Package::load(&sandbox, bytes)?;
    let mut version = Starter::new(sandbox, "bench", terms, &port, bounds, tally).start(package).await?;
    let event = event();
    let start = Instant::now();
    for _ in 0..CALLS {
        version.handle(Arc::clone(&event)).await?;
    }
    Ok(nanoseconds_each(start.elapsed(), CALLS))
}
