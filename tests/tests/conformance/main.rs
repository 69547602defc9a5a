//! Conformance: one plugin, written in every language there is a kit for, does the same in all of them.
//!
//! What it does is told in `tests/conformance/README.md`, where its sources are. Each is built as an author would build
//! it, by `cometbot new` and `cometbot build` ([`workshop`]); then it runs in the real binary on a real connection
//! ([`live`]), where another build takes its place ([`reloads`]), is started in ways that must fail ([`starts`]), and gets
//! events that no server sends as they are ([`played`]). A language whose tools are not there fails, with the command that
//! installs them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "tests: a panic is how they fail"
)]

use std::time::Duration;

use cometbot::kit::language::Language;

mod live;
mod played;
mod reloads;
#[path = "../scenarios/scrape.rs"]
#[allow(dead_code, reason = "the scenarios use all of it")]
mod scrape;
mod starts;
mod workshop;

/// Large runtimes take their time to compile, the more so on a busy machine.
const PATIENCE: Duration = Duration::from_secs(180);

/// The whole suite for one language.
async fn conforms(language: Language) {
    let plugin = workshop::build(language);
    starts::as_it_should_or_with_a_reason(&plugin).await;
    played::every_field_and_every_payload_arrives(&plugin).await;
    played::what_the_host_refuses_is_an_error_that_can_be_told_apart(&plugin).await;
    live::answers(&plugin).await;
    live::failures(&plugin, language).await;
    live::a_heap_that_stays_flat(&plugin).await;
    reloads::carry_its_memory(&plugin).await;
}

macro_rules! languages {
    ($($name:ident: $language:ident,)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            conforms(Language::$language).await;
        }
    )*};
}

languages! {
    rust: Rust,
    c: C,
    cpp: Cpp,
    zig: Zig,
    assemblyscript: AssemblyScript,
    javascript: JavaScript,
    typescript: TypeScript,
    python: Python,
    go: Go,
    wat: Wat,
}

/// `TinyGo` is in no package that the tests could install, so it is tested where it is, and otherwise its absence is
/// told as it should be.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tinygo() {
    if which("tinygo") {
        conforms(Language::TinyGo).await;
    } else {
        let words = workshop::try_to_build(Language::TinyGo).unwrap_err();
        assert!(words.contains("there is no tinygo; install TinyGo"), "{words}");
    }
}

fn which(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}
