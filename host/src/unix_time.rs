//! The wall clock in whole seconds of Unix time, as the server, tokens and what is kept count it. Anyone may call it.

use std::time::{SystemTime, UNIX_EPOCH};

/// Now. A clock before 1970 is wrong already, and then so is this: 0.
pub(crate) fn now() -> u64 {
    seconds(SystemTime::now())
}

/// A time; 0 if it is before 1970.
pub(crate) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
