//! The frames of 123, 124 and 125 bytes, whose last one, two or three bytes the server overwrites with NUL (section 2.3).
//!
//! Keys are sorted, so only the end of `pipe` or of `user_id` can be hit; what cannot be known is left open, never guessed.

use std::ops::RangeInclusive;

/// How many bytes of such a frame are good.
const GOOD_BYTES: usize = 122;
/// The lengths that the server damages.
const DAMAGED_BYTES: RangeInclusive<usize> = 123..=125;

/// A damaged frame made whole.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Repaired {
    /// JSON again. A lost number stands as `null`.
    pub(super) text: String,
    /// Whether the last character of the pipe is lost.
    pub(super) pipe_cut: bool,
}

/// The good part of a damaged frame and the number of bytes lost. NUL cannot occur in good JSON, so its place is proof.
pub(super) fn good_part(frame: &[u8]) -> Option<(&[u8], usize)> {
    if !DAMAGED_BYTES.contains(&frame.len()) || memchr::memchr(0, frame) != Some(GOOD_BYTES) {
        return None;
    }
    Some((frame.get(..GOOD_BYTES)?, frame.len() - GOOD_BYTES))
}

/// Where in the object the good part ends.
#[derive(Clone, Copy)]
enum Place {
    /// Before a key.
    KeyExpected,
    InKey,
    AfterKey,
    ValueExpected,
    InText,
    /// In a number or word that began at this byte.
    InScalar(usize),
    /// In an object or list of this depth; within a string or not.
    Nested(usize, bool),
    AfterValue,
}

/// Makes the good part whole, if it is what the server leaves of a frame.
pub(super) fn repair(good: &str, lost: usize) -> Option<Repaired> {
    let body = good.strip_prefix('{')?;
    let mut place = Place::KeyExpected;
    let mut escaped = false;
    for (at, byte) in body.bytes().enumerate() {
        if escaped {
            escaped = false;
            continue;
        }
        place = match (place, byte) {
            (Place::InKey | Place::InText | Place::Nested(_, true), b'\\') => {
                escaped = true;
                place
            }
            (Place::KeyExpected, b'"') => Place::InKey,
            (Place::InKey, b'"') => Place::AfterKey,
            (Place::AfterKey, b':') => Place::ValueExpected,
            (Place::ValueExpected, b'"') => Place::InText,
            (Place::ValueExpected, b'{' | b'[') => Place::Nested(1, false),
            (Place::ValueExpected, b' ') => place,
            (Place::ValueExpected, _) => Place::InScalar(at),
            (Place::InText, b'"') => Place::AfterValue,
            (Place::InScalar(_) | Place::AfterValue, b',') => Place::KeyExpected,
            (Place::Nested(depth, text), b'"') => Place::Nested(depth, !text),
            (Place::Nested(depth, false), b'{' | b'[') => Place::Nested(depth + 1, false),
            (Place::Nested(1, false), b'}' | b']') => Place::AfterValue,
            (Place::Nested(depth, false), b'}' | b']') => Place::Nested(depth - 1, false),
            _ => place,
        };
    }
    if escaped {
        return None;
    }
    let whole = |kept: &str, end: &str| {
        let mut text = String::with_capacity(1 + kept.len() + end.len());
        text.push('{');
        text.push_str(kept);
        text.push_str(end);
        text
    };
    let text = match place {
        Place::InText => whole(body, "\"}"),
        Place::AfterKey => whole(body, ":null}"),
        Place::ValueExpected => whole(body, "null}"),
        // Only the closing brace is lost.
        Place::InScalar(_) | Place::AfterValue if lost == 1 => whole(body, "}"),
        // The digits that are left are not the number.
        Place::InScalar(start) => whole(body.get(..start)?, "null}"),
        Place::KeyExpected | Place::InKey | Place::Nested(..) | Place::AfterValue => return None,
    };
    Some(Repaired { text, pipe_cut: matches!(place, Place::InText) && lost == 3 })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

    use super::*;

    /// What the server leaves of `whole`, and what is made of it.
    fn damaged_and_repaired(whole: &str) -> Option<Repaired> {
        let mut frame = whole.as_bytes().to_vec();
        frame[GOOD_BYTES..].fill(0);
        let (good, lost) = good_part(&frame).unwrap();
        repair(std::str::from_utf8(good).unwrap(), lost)
    }

    /// A frame of `bytes` bytes that ends in `end`.
    fn frame(bytes: usize, end: &str) -> String {
        let padding = bytes - r#"{"data":"","#.len() - end.len();
        format!(r#"{{"data":"{}",{end}"#, "x".repeat(padding))
    }

    fn end_of(bytes: usize, end: &str) -> (String, bool) {
        let repaired = damaged_and_repaired(&frame(bytes, end)).unwrap();
        (repaired.text.split_once("\",").unwrap().1.to_owned(), repaired.pipe_cut)
    }

    /// Hazard 13: the whole table of section 2.3.
    #[test]
    fn each_ending_is_closed_and_no_digit_is_guessed() {
        assert_eq!(end_of(123, r#""user_id":123}"#), (r#""user_id":123}"#.to_owned(), false));
        assert_eq!(end_of(124, r#""user_id":1}"#), (r#""user_id":null}"#.to_owned(), false));
        assert_eq!(end_of(124, r#""user_id":123}"#), (r#""user_id":null}"#.to_owned(), false));
        assert_eq!(end_of(125, r#""user_id":1}"#), (r#""user_id":null}"#.to_owned(), false));
        assert_eq!(end_of(125, r#""user_id":12}"#), (r#""user_id":null}"#.to_owned(), false));
        assert_eq!(end_of(125, r#""user_id":123}"#), (r#""user_id":null}"#.to_owned(), false));
        assert_eq!(end_of(123, r#""pipe":"web_a"}"#), (r#""pipe":"web_a"}"#.to_owned(), false));
        assert_eq!(end_of(124, r#""pipe":"web_a"}"#), (r#""pipe":"web_a"}"#.to_owned(), false));
        assert_eq!(end_of(125, r#""pipe":"web_a"}"#), (r#""pipe":"web_"}"#.to_owned(), true));
    }

    #[test]
    fn only_the_three_lengths_with_nul_in_its_place_are_damaged() {
        for bytes in [121, 122, 126, 127] {
            assert_eq!(good_part(&vec![0; bytes]), None);
        }
        let mut frame = vec![b'x'; 124];
        assert_eq!(good_part(&frame), None);
        frame[122] = 0;
        assert_eq!(good_part(&frame).unwrap().1, 2);
        frame[60] = 0;
        assert_eq!(good_part(&frame), None, "a NUL before the place is other damage");
    }

    #[test]
    fn text_that_no_server_leaves_is_not_repaired() {
        assert_eq!(repair(r#"{"data":{"a":"#, 1), None);
        assert_eq!(repair(r#"{"data":"x\"#, 2), None);
        assert_eq!(repair("no object", 1), None);
        assert_eq!(repair("{", 1), None);
    }
}
