//! A plugin in a sandbox of its own, outside of any bot. What it finds out it says in the words of an error.

use std::{path::Path, sync::Arc};

use cometbot::{
    comet::{
        link::{Port, timing::Timing},
        outbox::Bounds,
    },
    config::{Allowed, PluginTerms},
    metrics::{Metrics, PluginTally},
    plugins::{
        api::Event,
        package::Package,
        sandbox::{Room, Sandbox},
        slot::{StartError, Starter, Version},
    },
};
use cometbot_tests::Plugin;

/// The functions of WASI that a plugin here can call, whether it does or not.
const IMPORTS: &str = r#"
(import "wasi:cli/environment@0.2.0" "get-environment" (func $environment (param i32)))
(import "wasi:cli/environment@0.2.0" "get-arguments" (func $arguments (param i32)))
(import "wasi:cli/environment@0.2.0" "initial-cwd" (func $folder (param i32)))
(import "wasi:cli/exit@0.2.0" "exit" (func $exit (param i32)))
(import "wasi:cli/stdin@0.2.0" "get-stdin" (func $stdin (result i32)))
(import "wasi:cli/stdout@0.2.0" "get-stdout" (func $stdout (result i32)))
(import "wasi:cli/terminal-stdout@0.2.0" "get-terminal-stdout" (func $terminal (param i32)))
(import "wasi:filesystem/preopens@0.2.0" "get-directories" (func $folders (param i32)))
(import "wasi:sockets/instance-network@0.2.0" "instance-network" (func $network (result i32)))
(import "wasi:sockets/ip-name-lookup@0.2.0" "resolve-addresses" (func $resolve (param i32 i32 i32 i32)))
(import "wasi:sockets/tcp-create-socket@0.2.0" "create-tcp-socket" (func $tcp (param i32 i32)))
(import "wasi:sockets/udp-create-socket@0.2.0" "create-udp-socket" (func $udp (param i32 i32)))
(import "wasi:io/streams@0.2.12" "[method]input-stream.blocking-read" (func $read (param i32 i64 i32)))
(import "wasi:io/streams@0.2.12" "[method]output-stream.write" (func $write (param i32 i32 i32 i32)))
(import "wasi:io/streams@0.2.12" "[method]output-stream.write-zeroes" (func $write_zeroes (param i32 i64 i32)))
(import "wasi:io/poll@0.2.12" "poll" (func $poll (param i32 i32 i32)))
(import "wasi:io/poll@0.2.12" "[method]pollable.block" (func $block (param i32)))
(import "wasi:clocks/monotonic-clock@0.2.12" "now" (func $monotonic (result i64)))
(import "wasi:clocks/monotonic-clock@0.2.12" "resolution" (func $monotonic_grain (result i64)))
(import "wasi:clocks/monotonic-clock@0.2.12" "subscribe-duration" (func $after (param i64) (result i32)))
(import "wasi:clocks/wall-clock@0.2.12" "now" (func $wall (param i32)))
(import "wasi:clocks/wall-clock@0.2.12" "resolution" (func $wall_grain (param i32)))
(import "wasi:random/random@0.2.12" "get-random-bytes" (func $random_bytes (param i64 i32)))
(import "wasi:random/random@0.2.12" "get-random-u64" (func $random (result i64)))
(import "wasi:random/insecure@0.2.12" "get-insecure-random-u64" (func $insecure (result i64)))
(import "wasi:random/insecure-seed@0.2.12" "insecure-seed" (func $seed (param i32)))
"#;

/// A plugin that finds out something for each event, by `body`, and may tell it as a number with `$say`.
pub fn probe(body: &str) -> Plugin {
    Plugin::new()
        .import(IMPORTS)
        .hears("web_chat", [])
        .sends("web_chat")
        .function("(func $say (param i64) (result i32) (call $fail (call $decimal (local.get 0))))")
        .handle(body)
}

/// The plugin as a module with its type, which says more of WASI than a module without one can.
fn module(plugin: &Plugin) -> Vec<u8> {
    let mut module = wat::parse_str(plugin.text().replace("comet@1.0.0", "comet@1.1.0")).unwrap();
    let mut resolve = wit_parser::Resolve::default();
    let contract = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugin-sdk/wit");
    resolve.push_path(contract).unwrap();
    let probes = resolve.push_str("probes.wit", include_str!("probes.wit")).unwrap();
    let world = resolve.select_world(&[probes], Some("probe")).unwrap();
    wit_component::embed_component_metadata(&mut module, &resolve, world, wit_component::StringEncoding::UTF8).unwrap();
    module
}

/// An instance.
pub struct Guest {
    version: Version,
    pub tally: PluginTally,
}

impl Guest {
    /// Starts the plugin on these terms.
    pub async fn start(plugin: &Plugin, terms: PluginTerms) -> Self {
        let room = Room { is_metered: terms.fuel_per_event.is_some(), ..Room::new(1, terms.memory_bytes) };
        Self::try_start(plugin, terms, room).await.unwrap()
    }

    /// Starts it in a sandbox of this room, with all that it asks for.
    pub async fn try_start(plugin: &Plugin, terms: PluginTerms, room: Room) -> Result<Self, StartError> {
        let terms = PluginTerms { allowed: Allowed::everything(), ..terms };
        let sandbox = Arc::new(Sandbox::new(room).unwrap());
        let package = Package::load(&sandbox, &module(plugin)).unwrap();
        let port = Port::new(Arc::default(), Timing::default().answer);
        let tally = Metrics::new().plugin("guest");
        let bounds = Bounds { bytes: usize::MAX, sends: usize::MAX };
        let starter = Starter::new(sandbox, "guest", terms, &port, bounds, tally.clone());
        Ok(Self { version: starter.start(package).await?, tally })
    }

    /// Gives it an event; what it says, or why it failed.
    pub async fn ask(&mut self) -> String {
        let event = Event {
            pipe: "web_chat".into(),
            name: "msg".into(),
            data: "hello".to_owned(),
            user_id: None,
            time: None,
            history: false,
        };
        match self.version.handle(Arc::new(event)).await {
            Ok(()) => "ok".to_owned(),
            Err(failure) => {
                let words = failure.to_string();
                words.strip_prefix("it returned an error: ").unwrap_or(&words).to_owned()
            }
        }
    }

    /// The same for a number.
    pub async fn number(&mut self) -> u64 {
        let words = self.ask().await;
        words.parse().unwrap_or_else(|_| panic!("it says {words:?} instead of a number"))
    }
}

/// What a plugin with this body says.
pub async fn asked(body: &str, terms: PluginTerms) -> String {
    Guest::start(&probe(body), terms).await.ask().await
}
