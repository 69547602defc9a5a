//! The embedded comet server on raw bytes, against what was captured from the real one. "Hazard" is the number of a line
//! of the checklist in PROTOCOL.md, section 12.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "tests"
)]

mod connect;
mod control;
mod forgiving;
mod frames;
mod harness;
mod load;
mod logs;
mod messages;
mod old;
mod personal;
mod queries;
mod sizes;
mod subscriptions;
mod tracking;
