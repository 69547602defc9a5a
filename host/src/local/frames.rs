//! Frames on their way in: the reading machine of the real server, with its luck of timing (PROTOCOL.md, section 2.1).
//!
//! The machine sees *reads*, not a stream: what stands behind a frame in the same read changes what happens to both.
//! The first byte of a frame that is glued to the one before it is overwritten with 0, which is why its opcode is never
//! seen. A forgiving double uses [`super::decent`] instead.

use bytes::{Buf, BytesMut};

use super::limits::{FRAME_BYTES, PARTIAL_BYTES};

/// What comes next out of the bytes that were read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step<'a> {
    /// A command to carry out. Ask for the next step afterwards.
    Command(&'a [u8]),
    /// Bytes to send back as they are (only from a forgiving double).
    Reply(Vec<u8>),
    /// Nothing more in this read.
    Wait,
    /// The connection ends.
    Close,
}

/// The reading side of one connection.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// Unfinished bytes from before, then those of the last read.
    pub(super) buffer: BytesMut,
    /// How much of `buffer` belongs to the last command and goes at the next step.
    done: usize,
    /// The connection ends after the command that was handed out.
    doomed: bool,
}

impl Frames {
    /// Takes note of a read that appended `count` bytes; false if the connection ends because too much is unfinished.
    pub(super) fn received(&self, count: usize) -> bool {
        let unfinished = self.buffer.len() - count;
        unfinished == 0 || self.buffer.len() < PARTIAL_BYTES
    }

    /// The next step. Call it until it says [`Step::Wait`] or [`Step::Close`].
    pub(super) fn step(&mut self) -> Step<'_> {
        self.buffer.advance(self.done);
        self.done = 0;
        if self.doomed {
            return Step::Close;
        }
        let length = self.buffer.len();
        let mut header = [0_u8; 4];
        for (place, &byte) in header.iter_mut().zip(self.buffer.iter()) {
            *place = byte;
        }
        let [first, second, ..] = header;
        if length == 0 {
            return Step::Wait;
        }
        match first {
            0x88 => return Step::Close,
            0x8a => {
                // A pong takes everything behind it in the same read along.
                self.buffer.clear();
                return Step::Wait;
            }
            0x81 | 0x82 => {}
            0 if second != 0 || length == 1 => {}
            _ => return Step::Close,
        }
        if second == 0 {
            // An unmasked empty frame looks like half a header for ever: the connection is deaf.
            return Step::Wait;
        }
        let (head, payload) = match second & 127 {
            127 => return Step::Close,
            126 if length < 4 => return Step::Wait,
            126 => {
                let [_, _, high, low] = header;
                (8, usize::from(u16::from_be_bytes([high, low])))
            }
            short => (6, usize::from(short)),
        };
        let end = head + payload;
        if length < end {
            return Step::Wait;
        }
        self.done = end;
        if first == 0x82 && self.buffer.get(end) != Some(&0x82) {
            self.doomed = true;
        }
        if let Some(next) = self.buffer.get_mut(end) {
            *next = 0;
        }
        unmask(self.buffer.get_mut(head - 4..end).unwrap_or_default());
        Step::Command(self.buffer.get(head..end).unwrap_or_default())
    }
}

/// Takes the mask, the first four bytes, off the rest.
pub(super) fn unmask(masked: &mut [u8]) {
    let Some((mask, payload)) = masked.split_first_chunk_mut::<4>() else { return };
    let mask = *mask;
    let wide = u64::from(u32::from_ne_bytes(mask));
    let wide = wide | (wide << 32);
    let (blocks, rest) = payload.as_chunks_mut::<8>();
    for block in blocks {
        *block = (u64::from_ne_bytes(*block) ^ wide).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= key;
    }
}

/// A larger payload cannot be announced by the 126 form at all.
const _: () = assert!(FRAME_BYTES == u16::MAX as usize);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use super::*;

    const MASK: [u8; 4] = [1, 2, 3, 4];

    fn framed(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![first];
        if payload.len() < 126 {
            frame.push(0x80 | u8::try_from(payload.len()).unwrap());
        } else {
            frame.push(0x80 | 126);
            frame.extend(u16::try_from(payload.len()).unwrap().to_be_bytes());
        }
        frame.extend(MASK);
        frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, key)| byte ^ key));
        frame
    }

    /// The commands that are seen when `reads` arrive, and whether the connection is open afterwards.
    fn seen(reads: &[&[u8]]) -> (Vec<String>, bool) {
        let mut frames = Frames::default();
        let mut commands = Vec::new();
        for read in reads {
            frames.buffer.extend_from_slice(read);
            if !frames.received(read.len()) {
                return (commands, false);
            }
            loop {
                match frames.step() {
                    Step::Command(command) => commands.push(String::from_utf8(command.to_vec()).unwrap()),
                    Step::Wait => break,
                    Step::Close => return (commands, false),
                    Step::Reply(bytes) => commands.push(format!("a reply: {bytes:?}")),
                }
            }
        }
        (commands, true)
    }

    fn both(first: &[u8], second: &[u8]) -> Vec<u8> {
        [first, second].concat()
    }

    fn expect(reads: &[&[u8]], commands: &[&str], open: bool) {
        let (got, is_open) = seen(reads);
        assert_eq!((got.iter().map(String::as_str).collect::<Vec<_>>(), is_open), (commands.to_vec(), open));
    }

    #[test]
    fn text_is_read_with_any_mask_and_in_both_length_forms() {
        expect(&[&framed(0x81, b"abc")], &["abc"], true);
        expect(&[b"\x81\x83\0\0\0\0abc"], &["abc"], true);
        expect(&[b"\x81\xfe\0\x03\0\0\0\0abc"], &["abc"], true);
        let long = "x".repeat(65_535);
        expect(&[&framed(0x81, long.as_bytes())], &[&long], true);
    }

    #[test]
    fn a_frame_cut_anywhere_is_reassembled() {
        let frames = both(&framed(0x81, b"first"), &framed(0x81, &[b'x'; 200]));
        for cut in 1..frames.len() {
            expect(&[&frames[..cut], &frames[cut..]], &["first", &"x".repeat(200)], true);
        }
        let bytes: Vec<&[u8]> = frames.chunks(1).collect();
        expect(&bytes, &["first", &"x".repeat(200)], true);
    }

    #[test]
    fn a_lone_binary_frame_is_executed_and_then_closes() {
        expect(&[&framed(0x82, b"a")], &["a"], false);
        expect(&[&both(&framed(0x82, b"a"), &framed(0x81, b"b"))], &["a"], false);
    }

    #[test]
    fn binary_behind_a_frame_in_one_read_stays_open() {
        expect(&[&both(&framed(0x82, b"a"), &framed(0x82, b"b"))], &["a", "b"], true);
        expect(&[&both(&framed(0x81, b"a"), &framed(0x82, b"b"))], &["a", "b"], true);
    }

    #[test]
    fn ping_close_fragments_and_reserved_bits_close() {
        for first in [0x89, 0x88, 0x01, 0x80, 0xc1, 0x83] {
            expect(&[&framed(first, b"x")], &[], false);
        }
        expect(&[b"\x81\xff\0\0\0\0\0\0\0\x01\0\0\0\0x"], &[], false);
    }

    #[test]
    fn a_pong_is_ignored_and_takes_the_rest_of_the_read_along() {
        expect(&[&framed(0x8a, b""), &framed(0x81, b"b")], &["b"], true);
        expect(&[&both(&framed(0x8a, b""), &framed(0x81, b"lost")), &framed(0x81, b"b")], &["b"], true);
    }

    #[test]
    fn a_glued_control_frame_is_taken_for_a_command() {
        // Its payload is empty, which no command is: the caller closes.
        expect(&[&both(&framed(0x81, b"a"), &framed(0x8a, b""))], &["a", ""], true);
        expect(&[&both(&framed(0x81, b"a"), &framed(0x89, b"p"))], &["a", "p"], true);
    }

    #[test]
    fn an_unfinished_first_frame_with_opcode_nought_is_a_command() {
        expect(&[&framed(0x00, b"a")], &["a"], true);
        expect(&[b"\0\0"], &[], false);
    }

    #[test]
    fn an_unmasked_empty_frame_makes_the_connection_deaf() {
        expect(&[b"\x81\0", &framed(0x81, b"a"), &framed(0x81, b"b")], &[], true);
    }

    #[test]
    fn a_masked_empty_frame_is_an_empty_command() {
        expect(&[b"\x81\x80abcd"], &[""], true);
    }

    #[test]
    fn an_unmasked_frame_swallows_four_bytes_of_the_next() {
        expect(&[b"\x81\x01x"], &[], true);
        let (commands, _) = seen(&[b"\x81\x01x", b"\x81\x83\0\0\0\0abc"]);
        assert_eq!(commands.len(), 1);
    }

    #[test]
    fn too_much_unfinished_closes() {
        let frame = framed(0x81, &[b'x'; 65_000]);
        assert!(!seen(&[&frame[..60_000], &vec![0; PARTIAL_BYTES - 60_000]]).1);
        assert!(seen(&[&frame[..60_000], &frame[60_000..]]).1);
    }
}
