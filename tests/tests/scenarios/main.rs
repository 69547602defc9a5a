//! Scenarios: the real binary, on real sockets and files, as users and operators meet it. One file a scenario.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "tests: a panic is how they fail"
)]

mod echo_answers;
