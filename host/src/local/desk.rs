//! Where frames are made and handed to outboxes during one batch of work.
//!
//! A desk keeps its buffers between batches, prints a frame once for all listeners of one form, and wakes each writer
//! once when the batch is done.

use std::sync::Arc;

use super::clock::Clock;
use super::forms::{self, Saying, Voice};
use super::old;
use super::options::Faults;
use super::outbox::Outbox;
use super::wire::{self, Tail, Width};
use super::world::Peer;

/// The workplace of one connection or control handle.
#[derive(Debug)]
pub(super) struct Desk {
    /// The Unix time of this batch.
    pub(super) now: u64,
    clock: Clock,
    faults: Faults,
    payload: Vec<u8>,
    frame: Vec<u8>,
    /// Frames that were printed for the message under way, by form.
    printed: Vec<(Voice, Width, Vec<u8>)>,
    spare: Vec<Vec<u8>>,
    /// Outboxes whose writers sleep on new bytes.
    touched: Vec<Arc<Outbox>>,
    /// Outboxes that hold more than they should.
    full: Vec<Arc<Outbox>>,
}

impl Desk {
    pub(super) fn new(faults: Faults, clock: Clock) -> Self {
        Self {
            now: clock.now(),
            clock,
            faults,
            payload: Vec::new(),
            frame: Vec::new(),
            printed: Vec::new(),
            spare: Vec::new(),
            touched: Vec::new(),
            full: Vec::new(),
        }
    }

    /// Begins a batch.
    pub(super) fn begin(&mut self) {
        self.now = self.clock.now();
    }

    /// Ends a batch: wakes the writers. Answers the outboxes that have to get room before the next batch.
    pub(super) fn finish(&mut self) -> Vec<Arc<Outbox>> {
        for outbox in self.touched.drain(..) {
            outbox.wake();
        }
        std::mem::take(&mut self.full)
    }

    /// Whether some outbox has had enough, so that the batch should end.
    pub(super) fn is_pressed(&self) -> bool {
        !self.full.is_empty()
    }

    /// Says something to one connection.
    pub(super) fn say(&mut self, peer: &Peer, saying: &Saying<'_>) -> Width {
        self.frame.clear();
        let width = print(&mut self.frame, &mut self.payload, peer.voice, self.faults, self.now, saying);
        hand_over(&peer.outbox, &self.frame, &mut self.touched, &mut self.full);
        width
    }

    /// Says the same to many; answers to how many a long frame and to how many any frame was handed.
    pub(super) fn say_to_all<'p>(
        &mut self,
        peers: impl Iterator<Item = &'p Arc<Peer>>,
        saying: &Saying<'_>,
    ) -> Reached {
        let mut reached = Reached::default();
        for peer in peers {
            let known = self.printed.iter().position(|(voice, ..)| *voice == peer.voice);
            if known.is_none() {
                let mut frame = self.spare.pop().unwrap_or_default();
                let width = print(&mut frame, &mut self.payload, peer.voice, self.faults, self.now, saying);
                self.printed.push((peer.voice, width, frame));
            }
            let at = known.unwrap_or(self.printed.len() - 1);
            if let Some((_, width, frame)) = self.printed.get(at) {
                reached.all += u64::from(*width != Width::TooLong);
                reached.long += u64::from(*width == Width::Long);
                hand_over(&peer.outbox, frame, &mut self.touched, &mut self.full);
            }
        }
        for (_, _, mut frame) in self.printed.drain(..) {
            frame.clear();
            self.spare.push(frame);
        }
        reached
    }

    /// Hands over bytes as they are.
    pub(super) fn raw(&mut self, outbox: &Arc<Outbox>, bytes: &[u8]) {
        hand_over(outbox, bytes, &mut self.touched, &mut self.full);
    }
}

/// How many connections were reached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Reached {
    /// By a frame of any length.
    pub(super) all: u64,
    /// By a frame of 126 bytes and more, the only ones that 4.09 counts.
    pub(super) long: u64,
}

fn print(
    frame: &mut Vec<u8>,
    payload: &mut Vec<u8>,
    voice: Voice,
    faults: Faults,
    now: u64,
    saying: &Saying<'_>,
) -> Width {
    payload.clear();
    if voice == Voice::Old {
        old::print(payload, saying);
        return wire::text(frame, payload, Tail::Whole);
    }
    forms::print(payload, voice == Voice::Compatible, now, saying);
    wire::text(frame, payload, Tail::of(faults))
}

fn hand_over(outbox: &Arc<Outbox>, frame: &[u8], touched: &mut Vec<Arc<Outbox>>, full: &mut Vec<Arc<Outbox>>) {
    if frame.is_empty() {
        return;
    }
    let pushed = outbox.push(frame);
    if pushed.first {
        touched.push(Arc::clone(outbox));
    }
    if pushed.full && !full.iter().any(|other| Arc::ptr_eq(other, outbox)) {
        full.push(Arc::clone(outbox));
    }
}
