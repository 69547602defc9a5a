//! A fleet and a comet server, and between them a wire on which everything goes wrong that can, drawn by chance.
//!
//! What is promised is checked at the end of each case: of what others said, everything was heard once and in order, but
//! for what a reported gap tells of; of what the fleet sent, everything arrived, or nothing twice, as it was configured.
//!
//! - `case`: what is drawn. `life`: a case is lived through; `world`: what outlives it. `said`: what is said. `ears`: who
//!   hears what the fleet hears. `verdict`: the checks.
//!
//! `PROPTEST_CASES` is how many cases there are, `PROPTEST_RNG_SEED` draws the same ones again; a case that fails is made
//! as short as possible first. What is drawn is what is done and in which order; how fast it is done is up to the machine.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "tests: a panic is how they fail"
)]

mod case;
mod ears;
mod life;
mod said;
mod verdict;
mod world;

use std::cell::RefCell;

use proptest::test_runner::{Config, RngSeed, TestRunner};

use world::World;

/// Of each run, unless `PROPTEST_CASES` says otherwise.
const CASES: u32 = 32;
/// How much longer a case that fails may take to be made short.
const SHRINKING_MS: u32 = 120_000;

#[test]
fn whatever_happens_on_the_wire_the_promises_are_kept() {
    let mut config = Config { failure_persistence: None, max_shrink_time: SHRINKING_MS, ..Config::default() };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = CASES;
    }
    if config.rng_seed == RngSeed::Random {
        config.rng_seed = RngSeed::Fixed(rand::random());
    }
    say(&format!("{} cases; PROPTEST_RNG_SEED={} draws them again", config.cases, config.rng_seed));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let world = RefCell::new(runtime.block_on(World::new()));
    let outcome = TestRunner::new(config).run(&case::case(), |case| {
        let mut world = world.borrow_mut();
        let life = runtime.block_on(life::live(&case, &mut world));
        verdict::on(&case, &life)?;
        world.seen.add(&life);
        Ok(())
    });
    say(&world.borrow().seen.to_string());
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

#[allow(clippy::print_stderr, reason = "whoever runs it wants to know what was drawn")]
fn say(text: &str) {
    eprintln!("{text}");
}
