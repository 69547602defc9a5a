//! The rogues' gallery: plugins that do all the harm they can, one misdeed each, beside one that does nothing wrong.
//!
//! The files are in `tests/rogues`; what is too large to be kept is made by `made`. Each test drops one of them into the
//! folder of a bot that runs, and then the [`Scene`](scene::Scene) checks what has to hold whatever a plugin does.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "tests: a panic is how they fail"
)]

mod gallery;
mod made;
mod mute;
mod neighbour;
mod scene;

mod asking;
mod at_a_reload;
mod flooding;
mod in_its_memory;
mod sending;
mod taking_memory;
mod taking_time;
mod trapping;
mod unloadable;
