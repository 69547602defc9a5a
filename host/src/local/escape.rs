//! The two escapes of message text: that of JSON strings, and that of MySQL which goes before it for live messages.
//!
//! Everything that the double prints goes through here, so this is written for speed: runs of harmless bytes are copied
//! whole.

/// Appends `text` as the inside of a JSON string: controls as `\u00xx` or their short form, all else raw
/// (PROTOCOL.md, section 2.2).
pub(super) fn json(out: &mut Vec<u8>, text: &[u8]) {
    in_runs(out, text, json_byte);
}

/// Appends `text` as MySQL's string escape and then JSON's print it: the form of live client messages
/// (PROTOCOL.md, section 4).
pub(super) fn live(out: &mut Vec<u8>, text: &[u8]) {
    in_runs(out, text, |out, byte| match byte {
        b'\n' => out.extend_from_slice(br"\\n"),
        b'\r' => out.extend_from_slice(br"\\r"),
        b'\\' => out.extend_from_slice(br"\\\\"),
        b'\'' => out.extend_from_slice(br"\\'"),
        b'"' => out.extend_from_slice(br#"\\\""#),
        0x1a => out.extend_from_slice(br"\\Z"),
        other => json_byte(out, other),
    });
}

/// Appends `text` with MySQL's string escape alone, which a 3.31 takes for JSON's (PROTOCOL.md, section 10).
pub(super) fn mysql(out: &mut Vec<u8>, text: &[u8]) {
    in_runs(out, text, |out, byte| match byte {
        b'\n' => out.extend_from_slice(br"\n"),
        b'\r' => out.extend_from_slice(br"\r"),
        b'\\' => out.extend_from_slice(br"\\"),
        b'\'' => out.extend_from_slice(br"\'"),
        b'"' => out.extend_from_slice(br#"\""#),
        0x1a => out.extend_from_slice(br"\Z"),
        other => out.push(other),
    });
}

/// Appends a number.
pub(super) fn number(out: &mut Vec<u8>, value: u64) {
    let mut digits = [0_u8; 20];
    let mut rest = value;
    let mut used = 0;
    for place in digits.iter_mut().rev() {
        *place = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        used += 1;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(digits.len() - used..).unwrap_or_default());
}

fn json_byte(out: &mut Vec<u8>, byte: u8) {
    match byte {
        b'"' => out.extend_from_slice(br#"\""#),
        b'\\' => out.extend_from_slice(br"\\"),
        0x08 => out.extend_from_slice(br"\b"),
        0x0c => out.extend_from_slice(br"\f"),
        b'\n' => out.extend_from_slice(br"\n"),
        b'\r' => out.extend_from_slice(br"\r"),
        b'\t' => out.extend_from_slice(br"\t"),
        control if control < 0x20 => {
            out.extend_from_slice(br"\u00");
            out.push(b'0' + (control >> 4));
            let low = control & 0x0f;
            out.push(if low < 10 { b'0' + low } else { b'a' + low - 10 });
        }
        other => out.push(other),
    }
}

/// The size of a run that is tested at once; small enough that one special byte costs little.
const RUN_BYTES: usize = 32;

fn in_runs(out: &mut Vec<u8>, text: &[u8], escape: impl Fn(&mut Vec<u8>, u8)) {
    out.reserve(text.len());
    for run in text.chunks(RUN_BYTES) {
        // Folding without an early exit lets the compiler test a whole run in a few instructions.
        let special = run.iter().fold(false, |seen, &byte| seen | is_special(byte));
        if special {
            for &byte in run {
                if is_special(byte) {
                    escape(out, byte);
                } else {
                    out.push(byte);
                }
            }
        } else {
            out.extend_from_slice(run);
        }
    }
}

const fn is_special(byte: u8) -> bool {
    (byte < 0x20) | (byte == b'"') | (byte == b'\\') | (byte == b'\'')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn written(write: fn(&mut Vec<u8>, &[u8]), text: &[u8]) -> String {
        let mut out = Vec::new();
        write(&mut out, text);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn json_keeps_slash_delete_and_apostrophe_and_escapes_controls() {
        assert_eq!(
            written(json, b"a/b\x7f'\x01\x1a\x1b\x08\x0c\n\r\t\"\\"),
            "a/b\u{7f}'\\u0001\\u001a\\u001b\\b\\f\\n\\r\\t\\\"\\\\"
        );
    }

    #[test]
    fn live_text_is_escaped_for_mysql_and_then_for_json() {
        assert_eq!(
            written(live, br#"{"text":"he said \"hi\"","n":1}"#),
            r#"{\\\"text\\\":\\\"he said \\\\\\\"hi\\\\\\\"\\\",\\\"n\\\":1}"#
        );
        assert_eq!(written(live, b"it's a back\\slash"), r"it\\'s a back\\\\slash");
        assert_eq!(written(live, b"line1\nline2\r\n\ttab"), r"line1\\nline2\\r\\n\ttab");
        assert_eq!(written(live, b"ctrl \x01\x1a\x1b\x7f end"), "ctrl \\u0001\\\\Z\\u001b\u{7f} end");
    }

    #[test]
    fn the_old_escape_is_that_of_mysql_alone() {
        assert_eq!(written(mysql, b"it's \\ back\nnl\x1a"), r"it\'s \\ back\nnl\Z");
    }

    #[test]
    fn a_special_byte_is_found_at_every_place_of_a_long_text() {
        for place in 0..100 {
            let mut text = vec![b'x'; 100];
            *text.get_mut(place).unwrap() = b'"';
            assert_eq!(written(json, &text).len(), 101, "at {place}");
        }
    }

    #[test]
    fn numbers_print_as_decimal_digits() {
        for value in [0, 7, 10, 1_795_478_221, u64::MAX] {
            let mut out = Vec::new();
            number(&mut out, value);
            assert_eq!(String::from_utf8(out).unwrap(), value.to_string());
        }
    }
}
