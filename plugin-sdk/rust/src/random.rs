//! Random numbers, good enough for secrets.

use crate::bindings::wasi::random::random;

/// A random number.
#[must_use]
pub fn number() -> u64 {
    random::get_random_u64()
}

/// Random bytes.
#[must_use]
pub fn bytes(length: usize) -> Vec<u8> {
    random::get_random_bytes(length as u64)
}
