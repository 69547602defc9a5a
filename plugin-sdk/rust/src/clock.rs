//! Clocks. On this target the standard library has none: `std::time::Instant::now()` panics in a plugin.

use std::time::{Duration, SystemTime};

use crate::host;

/// The date and time, as the operator's machine has it.
#[must_use]
pub fn now() -> SystemTime {
    let (seconds, nanoseconds) = host::now();
    SystemTime::UNIX_EPOCH + Duration::new(seconds, nanoseconds)
}

/// Time that only goes forward, for measuring: subtract an earlier value from a later one.
#[must_use]
pub fn monotonic() -> Duration {
    Duration::from_nanos(host::monotonic())
}
