//! Frames on their way out: the header, and the bug that spoils payloads of 123 to 125 bytes.

use super::limits::FRAME_BYTES;
use super::options::Faults;

/// The index from which a short payload of 4.09 is lost (PROTOCOL.md, section 2.3).
const SPOILT_FROM: usize = 122;
/// The largest payload that fits the 7-bit length.
const SHORT_BYTES: usize = 125;

/// How a payload went into a frame. 4.09 counts only long ones as delivered (PROTOCOL.md, section 9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Width {
    /// Up to 125 bytes.
    Short,
    /// 126 bytes and more.
    Long,
    /// Over 65,535 bytes: nothing is sent (PROTOCOL.md, section 2.4).
    TooLong,
}

/// What happens to payloads of 123 to 125 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tail {
    /// They arrive whole.
    Whole,
    /// Their end becomes NUL.
    Spoilt,
}

impl Tail {
    /// The tail of a 4.09 with these faults; a 3.31 has no such bug in its ordinary frames.
    pub(super) const fn of(faults: Faults) -> Self {
        match faults {
            Faults::Faithful => Self::Spoilt,
            Faults::Forgiving => Self::Whole,
        }
    }
}

/// Appends one text frame.
pub(super) fn text(out: &mut Vec<u8>, payload: &[u8], tail: Tail) -> Width {
    frame(out, 0x81, payload, tail)
}

/// Appends one frame with any first byte.
pub(super) fn frame(out: &mut Vec<u8>, first: u8, payload: &[u8], tail: Tail) -> Width {
    let length = payload.len();
    if length > FRAME_BYTES {
        return Width::TooLong;
    }
    if let Ok(short) = u8::try_from(length)
        && length <= SHORT_BYTES
    {
        out.extend_from_slice(&[first, short]);
        match payload.get(..SPOILT_FROM) {
            Some(kept) if tail == Tail::Spoilt => {
                out.extend_from_slice(kept);
                out.resize(out.len() + length - SPOILT_FROM, 0);
            }
            _ => out.extend_from_slice(payload),
        }
        return Width::Short;
    }
    let [high, low] = u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
    out.extend_from_slice(&[first, 126, high, low]);
    out.extend_from_slice(payload);
    Width::Long
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, reason = "tests")]
    use super::*;

    fn framed(length: usize, tail: Tail) -> (Width, Vec<u8>) {
        let mut out = Vec::new();
        let width = text(&mut out, &vec![b'x'; length], tail);
        (width, out)
    }

    #[test]
    fn payloads_of_123_to_125_bytes_end_in_nul_under_a_true_length() {
        for length in 120..=122 {
            let (width, out) = framed(length, Tail::Spoilt);
            assert_eq!((width, out.len()), (Width::Short, length + 2));
            assert!(!out[2..].contains(&0));
        }
        for length in 123..=125 {
            let (width, out) = framed(length, Tail::Spoilt);
            assert_eq!((width, usize::from(out[1])), (Width::Short, length));
            assert_eq!(out[2 + 122..], vec![0; length - 122]);
            assert!(!out[2..124].contains(&0));
        }
        assert_eq!(framed(126, Tail::Spoilt).1[..4], [0x81, 126, 0, 126]);
    }

    #[test]
    fn a_forgiving_double_sends_them_whole() {
        assert!(!framed(124, Tail::Whole).1[2..].contains(&0));
    }

    #[test]
    fn nothing_is_written_for_more_than_65535_bytes() {
        assert_eq!(framed(65_535, Tail::Spoilt).1.len(), 65_539);
        assert_eq!(framed(65_536, Tail::Spoilt), (Width::TooLong, Vec::new()));
    }
}
