//! What an instance can reach and use, asked from inside: plugins made on the spot, called in this process.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "tests: a panic is how they fail"
)]

mod budgets;
mod guest;
mod surface;
