//! JSON that is almost right: servers before 4.0 write `\'` and `\Z` into strings, and raw control bytes (section 10).

use std::fmt::Write as _;

/// Where the first object of `text` ends, if `text` begins with one that is closed.
pub(super) fn object_end(text: &str) -> Option<usize> {
    if !text.starts_with('{') {
        return None;
    }
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'{' | b'[' if !in_text => depth += 1,
            b'}' | b']' if !in_text => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// The same text with what strict JSON forbids in strings written as strict JSON wants it.
pub(super) fn strict(text: &str) -> String {
    let mut strict = String::with_capacity(text.len() + 16);
    let mut in_text = false;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' if in_text => match characters.next() {
                Some('\'') => strict.push('\''),
                Some('Z') => strict.push_str("\\u001a"),
                Some(other) => {
                    strict.push('\\');
                    strict.push(other);
                }
                None => strict.push('\\'),
            },
            control if in_text && control < ' ' => {
                // Writing into a String cannot fail.
                let _ = write!(strict, "\\u{:04x}", u32::from(control));
            }
            other => {
                in_text ^= other == '"';
                strict.push(other);
            }
        }
    }
    strict
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

    use super::*;

    #[test]
    fn old_escapes_and_raw_controls_become_json() {
        assert_eq!(strict("{\"data\":\"it\\'s \\\\ \\Z \n\t\"}"), r#"{"data":"it's \\ \u001a \u000a\u0009"}"#);
    }

    /// Two backslashes are one escaped backslash; the quote behind them ends nothing.
    #[test]
    fn an_apostrophe_after_an_escaped_backslash_is_left_alone() {
        assert_eq!(strict(r#"{"data":"\\'"}"#), r#"{"data":"\\'"}"#);
    }

    #[test]
    fn the_end_of_an_object_is_found_past_braces_in_strings() {
        assert_eq!(object_end(r#"{"a":"}\"}","b":[{}]}{"#), Some(21));
        assert_eq!(object_end(r#"{"a":"#), None);
        assert_eq!(object_end("x{}"), None);
    }
}
