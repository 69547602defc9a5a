//! The escaping that the server puts on a client's message between sender and listeners, undone (section 4).

use std::borrow::Cow;

/// Undoes one layer, from left to right. A pair that the server does not make stays as it is.
pub(super) fn undo(text: Cow<'_, str>) -> Cow<'_, str> {
    match memchr::memchr(b'\\', text.as_bytes()) {
        None => text,
        Some(_) => Cow::Owned(undone(&text)),
    }
}

fn undone(text: &str) -> String {
    let mut whole = String::with_capacity(text.len());
    let mut pieces = text.split('\\');
    whole.push_str(pieces.next().unwrap_or_default());
    // Each piece stands behind a backslash; an empty one that is not the last stands between two.
    while let Some(piece) = pieces.next() {
        let meant = match piece.as_bytes().first() {
            Some(b'"') => '"',
            Some(b'\'') => '\'',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b'Z') => '\u{1a}',
            Some(b'0') => '\0',
            None => {
                whole.push('\\');
                whole.push_str(pieces.next().unwrap_or_default());
                continue;
            }
            // Not of the server's making: the backslash is text, and so is what follows.
            Some(_) => {
                whole.push('\\');
                whole.push_str(piece);
                continue;
            }
        };
        whole.push(meant);
        whole.push_str(piece.get(1..).unwrap_or_default());
    }
    whole
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

    use super::*;

    fn undo_text(text: &str) -> String {
        undo(Cow::Borrowed(text)).into_owned()
    }

    #[test]
    fn every_pair_of_the_server_is_undone_once() {
        assert_eq!(undo_text(r#"a\"b\\c\'d\n\r\Z\0"#), "a\"b\\c'd\n\r\u{1a}\0");
    }

    /// Chained replaces would make a line feed of it.
    #[test]
    fn an_escaped_backslash_before_n_is_no_line_feed() {
        assert_eq!(undo_text(r"\\n"), r"\n");
        assert_eq!(undo_text(r"\\\n"), "\\\n");
    }

    #[test]
    fn a_pair_that_the_server_does_not_make_stays() {
        assert_eq!(undo_text(r"\q \я \"), r"\q \я \");
    }

    #[test]
    fn text_without_a_backslash_is_not_copied() {
        assert!(matches!(undo(Cow::Borrowed("plain")), Cow::Borrowed("plain")));
    }
}
