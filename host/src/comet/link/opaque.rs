//! Text frames are made binary ones on their way in.
//!
//! The websocket library ends the connection at text that is not UTF-8, as it should. But this server fills its damaged
//! frames up with whatever lies about in its memory (PROTOCOL.md, section 2.3), and such a frame can be a row of a log
//! that is read again with each connection. What is text is for the reader to find out, frame by frame.
//!
//! Called by [`Gate`](super::frames::Gate) with all that is read, from the first byte of the handshake on.

/// What ends the head of the handshake's answer; frames begin behind it.
const HEAD_END: &[u8] = b"\r\n\r\n";
const OPCODE: u8 = 0x0f;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const MASKED: u8 = 0x80;
const MASK_BYTES: u64 = 4;
/// Lengths from here on say how many bytes the length itself has.
const LENGTH_OF_TWO_BYTES: u8 = 126;
const LENGTH_OF_EIGHT_BYTES: u8 = 127;

/// Follows a stream from frame to frame.
#[derive(Debug)]
pub(super) enum Opaque {
    /// In the head, of whose end so many bytes have just come.
    Head { matched: usize },
    /// A frame begins with the next byte.
    Opcode,
    /// The byte with the short length is next.
    Length,
    /// So many bytes of the long length are still to come.
    LongLength { left: u8, mask: u64, length: u64 },
    /// So many bytes of the frame are still to come.
    Payload { left: u64 },
}

impl Opaque {
    /// At the first byte of the answer to the handshake.
    pub(super) const fn new() -> Self {
        Self::Head { matched: 0 }
    }

    /// Takes what was read next and changes it where it must be changed.
    pub(super) fn pass(&mut self, mut bytes: &mut [u8]) {
        while let Some((first, rest)) = std::mem::take(&mut bytes).split_first_mut() {
            bytes = match self {
                Self::Payload { left } => {
                    // The first is one of them, so the frame is at its end if no more than it was left.
                    let skipped = usize::try_from(*left - 1).unwrap_or(usize::MAX).min(rest.len());
                    *left -= 1 + skipped as u64;
                    if *left == 0 {
                        *self = Self::Opcode;
                    }
                    rest.get_mut(skipped..).unwrap_or_default()
                }
                _ => {
                    self.step(first);
                    rest
                }
            };
        }
    }

    fn step(&mut self, byte: &mut u8) {
        *self = match *self {
            Self::Head { matched } => match HEAD_END.get(matched) {
                Some(wanted) if wanted == byte && matched + 1 == HEAD_END.len() => Self::Opcode,
                Some(wanted) if wanted == byte => Self::Head { matched: matched + 1 },
                // No end of it but its first byte can begin it anew.
                _ => Self::Head { matched: usize::from(HEAD_END.first() == Some(byte)) },
            },
            Self::Opcode => {
                if *byte & OPCODE == TEXT {
                    *byte = *byte & !OPCODE | BINARY;
                }
                Self::Length
            }
            Self::Length => {
                let mask = if *byte & MASKED == 0 { 0 } else { MASK_BYTES };
                match *byte & !MASKED {
                    LENGTH_OF_TWO_BYTES => Self::LongLength { left: 2, mask, length: 0 },
                    LENGTH_OF_EIGHT_BYTES => Self::LongLength { left: 8, mask, length: 0 },
                    length => Self::payload(mask, u64::from(length)),
                }
            }
            Self::LongLength { left, mask, length } => match (left, length << 8 | u64::from(*byte)) {
                (1, length) => Self::payload(mask, length),
                (_, length) => Self::LongLength { left: left - 1, mask, length },
            },
            Self::Payload { left } => Self::Payload { left },
        };
    }

    const fn payload(mask: u64, length: u64) -> Self {
        match length.saturating_add(mask) {
            0 => Self::Opcode,
            left => Self::Payload { left },
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use proptest::{collection::vec, prelude::*};

    use super::*;

    const HEAD: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\n\r\r\nX: y\r\n\r\n";

    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![first];
        match payload.len() {
            length @ 0..126 => frame.push(u8::try_from(length).unwrap()),
            length @ 126..0x1_0000 => {
                frame.push(126);
                frame.extend(u16::try_from(length).unwrap().to_be_bytes());
            }
            length => {
                frame.push(127);
                frame.extend((length as u64).to_be_bytes());
            }
        }
        frame.extend(payload);
        frame
    }

    fn passed(bytes: &[u8], piece: usize) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        let mut opaque = Opaque::new();
        bytes.chunks_mut(piece).for_each(|piece| opaque.pass(piece));
        bytes
    }

    #[test]
    fn text_frames_become_binary_and_nothing_else_changes() {
        let payloads = [&b""[..], b"\x81\x81\x81", &[0x81; 125], &[0x81; 126], &[0x81; 70_000]];
        let stream = |text: u8| {
            let frames = payloads.iter().flat_map(|payload| {
                [frame(text, payload), frame(0x82, payload), frame(0x80, payload), frame(0x89, b"")].concat()
            });
            [HEAD.to_vec(), frames.collect()].concat()
        };
        for piece in [1, 2, 7, 4096, usize::MAX] {
            assert!(passed(&stream(0x81), piece) == stream(0x82), "in pieces of {piece}");
        }
        assert_eq!(passed(&[HEAD, &frame(0x01, b"x")].concat(), 5), [HEAD, &frame(0x02, b"x")].concat(), "a fragment");
    }

    #[test]
    fn a_mask_is_skipped_and_the_longest_length_is_no_overflow() {
        let masked = [HEAD, &[0x81, 0x80, 0x81, 0x81, 0x81, 0x81], &[0x81, 0]].concat();
        let wanted = [HEAD, &[0x82, 0x80, 0x81, 0x81, 0x81, 0x81], &[0x82, 0]].concat();
        assert_eq!(passed(&masked, 3), wanted);
        let endless = [HEAD, &[0x81, 0xff], &[0xff; 8], &[0x81; 40]].concat();
        assert_eq!(passed(&endless, 3)[HEAD.len() + 1..], endless[HEAD.len() + 1..]);
    }

    #[test]
    fn an_answer_without_an_end_is_left_as_it_is() {
        for answer in ["\u{1}\u{1}\u{1}", "HTTP/1.1 404 \r\n\u{1}\r\n", "\r\n\r"] {
            assert_eq!(passed(answer.as_bytes(), 2), answer.as_bytes());
        }
    }

    proptest! {
        #[test]
        fn it_does_not_matter_how_a_stream_is_cut(bytes in vec(any::<u8>(), 0..2000), piece in 1..100_usize) {
            let bytes = [HEAD, &bytes].concat();
            prop_assert_eq!(passed(&bytes, piece), passed(&bytes, usize::MAX));
        }
    }
}
