//! What has come one way of a connection and not gone on yet. Pure: it is told the time.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

use super::fault::{Flow, Shape};

/// A throttled way writes so often at most, as long as that is a byte each time.
const THROTTLED_WRITES_PER_SECOND: u32 = 100;

/// Bytes in the order in which they came, with their times.
#[derive(Default)]
pub(super) struct Queue {
    chunks: VecDeque<Chunk>,
    bytes: usize,
    /// Until then a throttle has been used up.
    throttled_until: Option<Instant>,
}

struct Chunk {
    bytes: Vec<u8>,
    taken: usize,
    came: Instant,
}

impl Queue {
    pub(super) fn push(&mut self, bytes: &[u8], came: Instant) {
        self.bytes += bytes.len();
        self.chunks.push_back(Chunk { bytes: bytes.to_vec(), taken: 0, came });
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// When the next piece may be taken. No more comes if it has `ended`.
    pub(super) fn due(&self, flow: &Flow, ended: bool) -> Option<Instant> {
        let due = self.chunks.front()?.came + flow.delay;
        let due = match flow.shape {
            Shape::Glue { bytes, wait } if self.bytes < bytes && !ended => due + wait,
            Shape::Glue { .. } | Shape::Whole | Shape::Split => due,
        };
        Some(match (flow.bytes_per_second, self.throttled_until) {
            (Some(_), Some(until)) => due.max(until),
            _ => due,
        })
    }

    /// Takes what is to be written in one go.
    pub(super) fn take(&mut self, flow: &Flow, now: Instant) -> Vec<u8> {
        let most = self.most(flow);
        let mut piece = Vec::new();
        while let Some(chunk) = self.chunks.front_mut() {
            let left = &chunk.bytes[chunk.taken..];
            let count = left.len().min(most - piece.len());
            if count == 0 || chunk.came + flow.delay > now {
                break;
            }
            piece.extend_from_slice(&left[..count]);
            chunk.taken += count;
            if chunk.taken == chunk.bytes.len() {
                self.chunks.pop_front();
            }
        }
        self.bytes -= piece.len();
        if let Some(rate) = flow.bytes_per_second {
            let from = self.throttled_until.map_or(now, |until| until.max(now));
            self.throttled_until = Some(from + Duration::from_secs(piece.len() as u64) / rate);
        }
        piece
    }

    fn most(&self, flow: &Flow) -> usize {
        let shaped = match flow.shape {
            Shape::Whole => self.chunks.front().map_or(0, |chunk| chunk.bytes.len() - chunk.taken),
            Shape::Split => 1,
            Shape::Glue { .. } => usize::MAX,
        };
        match flow.bytes_per_second {
            Some(rate) => shaped.min((rate / THROTTLED_WRITES_PER_SECOND).max(1) as usize),
            None => shaped,
        }
    }
}
