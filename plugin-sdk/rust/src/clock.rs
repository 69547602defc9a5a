//! Clocks. On this target the standard library has none: `std::time::Instant::now()` panics in a plugin.

use std::time::{Duration, SystemTime};

use crate::bindings::wasi::clocks::{monotonic_clock, wall_clock};

/// The date and time, as the operator's machine has it.
#[must_use]
pub fn now() -> SystemTime {
    let now = wall_clock::now();
    SystemTime::UNIX_EPOCH + Duration::new(now.seconds, now.nanoseconds)
}

/// Time that only goes forward, for measuring: subtract an earlier value from a later one.
#[must_use]
pub fn monotonic() -> Duration {
    Duration::from_nanos(monotonic_clock::now())
}
