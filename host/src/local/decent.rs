//! Frames on their way in, read as RFC 6455 asks: what a forgiving double does in place of [`super::frames`].

use bytes::{Buf, BytesMut};

use super::frames::{Step, unmask};
use super::limits::FRAME_BYTES;
use super::wire::{self, Tail};

const CONTINUATION: u8 = 0x0;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xa;

/// The reading side of one connection to a forgiving double.
#[derive(Debug, Default)]
pub(super) struct Decent {
    /// Bytes that were read and not yet used.
    pub(super) buffer: BytesMut,
    done: usize,
    doomed: bool,
    /// The fragments of a message that is not whole yet.
    fragments: Option<Vec<u8>>,
    /// The message that was handed out, if it came in fragments.
    whole: Vec<u8>,
}

impl Decent {
    /// The next step. Call it until it says [`Step::Wait`] or [`Step::Close`].
    pub(super) fn step(&mut self) -> Step<'_> {
        loop {
            self.buffer.advance(self.done);
            self.done = 0;
            if self.doomed {
                return Step::Close;
            }
            let Some((first, head, end)) = self.header() else { return Step::Wait };
            if end == 0 {
                return Step::Close;
            }
            if self.buffer.len() < end {
                return Step::Wait;
            }
            self.done = end;
            unmask(self.buffer.get_mut(head - 4..end).unwrap_or_default());
            let payload = self.buffer.get(head..end).unwrap_or_default();
            let last = first & 0x80 != 0;
            match (first & 0x0f, self.fragments.take()) {
                (TEXT | BINARY, None) if last => return Step::Command(self.buffer.get(head..end).unwrap_or_default()),
                (TEXT | BINARY, None) => self.fragments = Some(payload.to_vec()),
                (CONTINUATION, Some(mut so_far)) => {
                    so_far.extend_from_slice(payload);
                    if so_far.len() > FRAME_BYTES {
                        return Step::Close;
                    }
                    if last {
                        self.whole = so_far;
                        return Step::Command(&self.whole);
                    }
                    self.fragments = Some(so_far);
                }
                (PING, fragments) => {
                    let mut pong = Vec::new();
                    wire::frame(&mut pong, 0x80 | PONG, payload, Tail::Whole);
                    self.fragments = fragments;
                    return Step::Reply(pong);
                }
                (PONG, fragments) => self.fragments = fragments,
                (CLOSE, _) => {
                    let mut close = Vec::new();
                    wire::frame(&mut close, 0x80 | CLOSE, payload.get(..2).unwrap_or_default(), Tail::Whole);
                    self.doomed = true;
                    return Step::Reply(close);
                }
                _ => return Step::Close,
            }
        }
    }

    /// The first byte, where the payload begins and where it ends; an end of 0 for a frame that cannot be taken.
    fn header(&self) -> Option<(u8, usize, usize)> {
        let (&first, &second) = (self.buffer.first()?, self.buffer.get(1)?);
        let (head, payload) = match second & 127 {
            127 => return Some((first, 0, 0)),
            126 => (8, usize::from(u16::from_be_bytes([*self.buffer.get(2)?, *self.buffer.get(3)?]))),
            short => (6, usize::from(short)),
        };
        let masked = second & 0x80 != 0;
        let reserved = first & 0x70 != 0;
        Some(if masked && !reserved { (first, head, head + payload) } else { (first, 0, 0) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(bytes: &[u8]) -> Vec<String> {
        let mut frames = Decent::default();
        frames.buffer.extend_from_slice(bytes);
        let mut seen = Vec::new();
        loop {
            match frames.step() {
                Step::Command(command) => seen.push(String::from_utf8_lossy(command).into_owned()),
                Step::Reply(bytes) => seen.push(format!("{bytes:02x?}")),
                Step::Wait => return seen,
                Step::Close => {
                    seen.push("close".to_owned());
                    return seen;
                }
            }
        }
    }

    #[test]
    fn pings_are_answered_and_nothing_behind_a_pong_is_lost() {
        assert_eq!(steps(b"\x89\x81\0\0\0\0p\x8a\x80\0\0\0\0\x81\x81\0\0\0\0c"), ["[8a, 01, 70]", "c"]);
    }

    #[test]
    fn fragments_are_joined_even_around_a_ping() {
        assert_eq!(steps(b"\x01\x81\0\0\0\0a\x89\x80\0\0\0\0\x80\x81\0\0\0\0b"), ["[8a, 00]", "ab"]);
    }

    #[test]
    fn a_close_is_answered_before_the_end() {
        assert_eq!(steps(b"\x88\x82\0\0\0\0\x03\xe8"), ["[88, 02, 03, e8]", "close"]);
    }

    #[test]
    fn unmasked_reserved_and_oversized_frames_close() {
        for bytes in [&b"\x81\x01x"[..], b"\xc1\x81\0\0\0\0x", b"\x81\xff\0\0\0\0\0\x01\0\0", b"\x80\x81\0\0\0\0x"] {
            assert_eq!(steps(bytes), ["close"], "{bytes:02x?}");
        }
    }
}
