//! Random numbers, good enough for secrets.

use crate::host;

/// A random number.
#[must_use]
pub fn number() -> u64 {
    host::random()
}

/// Random bytes.
#[must_use]
pub fn bytes(length: usize) -> Vec<u8> {
    let words = std::iter::repeat_with(|| number().to_le_bytes());
    words.take(length.div_ceil(8)).flatten().take(length).collect()
}
