//! Bytes changed by chance, the same for the same seed on every machine.

use super::Way;

/// One byte of so many is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Noise {
    pub(super) one_in: u32,
    pub(super) seed: u64,
}

/// SplitMix64: a few lines that never change, where a library's generator may with its version.
pub(super) struct Generator {
    noise: Noise,
    state: u64,
}

impl Generator {
    /// Each way of each connection has a sequence of its own.
    pub(super) fn new(noise: Noise, connection: u64, way: Way) -> Self {
        let mut generator = Self { noise, state: noise.seed ^ (connection << 1 | u64::from(way == Way::Down)) };
        // Neighbouring seeds would give overlapping sequences.
        generator.state = generator.next();
        generator
    }

    pub(super) fn noise(&self) -> Noise {
        self.noise
    }

    /// Changes some bytes and says how many.
    pub(super) fn disturb(&mut self, bytes: &mut [u8]) -> u64 {
        let mut changed = 0;
        for byte in bytes {
            // One number a byte, so that it does not matter how the bytes are divided into writes.
            let number = self.next();
            if number.is_multiple_of(u64::from(self.noise.one_in)) {
                let [.., highest] = number.to_le_bytes();
                *byte ^= highest | 1;
                changed += 1;
            }
        }
        changed
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
