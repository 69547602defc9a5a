//! The list of a `subscription` command, read as the real server reads it (PROTOCOL.md, section 6).

use super::complaint::Complaint;
use super::limits::{LIST_BYTES, LISTED_NAME_BYTES, NAME_BYTES, NAMES};
use super::options::Faults;

/// What a list comes to: the names in order, and the error that ended it. The names before an error stay subscribed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Listing<'a> {
    pub(super) names: Vec<&'a [u8]>,
    pub(super) error: Option<Complaint>,
}

/// Whether `byte` may stand in a name.
pub(super) const fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

/// Reads the text behind the keyword, up to its first NUL.
pub(super) fn read(text: &[u8], logged_in: bool, faults: Faults) -> Listing<'_> {
    let text = text.split(|&byte| byte == 0).next().unwrap_or_default();
    if text.len() > LIST_BYTES {
        return Listing { names: Vec::new(), error: Some(Complaint::ListTooLong) };
    }
    match faults {
        Faults::Faithful => faithful(text, logged_in),
        Faults::Forgiving => forgiving(text, logged_in),
    }
}

/// What a running server shows: a name goes up to the next byte that no name has, but the first byte of every name after
/// the first one may be anything. So a blank line spoils the name behind it, and the one after that is taken again.
fn faithful(text: &[u8], logged_in: bool) -> Listing<'_> {
    let mut names = Vec::new();
    let mut rest = text;
    loop {
        let untested = usize::from(!names.is_empty()).min(rest.len());
        let tested = rest.get(untested..).unwrap_or_default();
        let length = untested + tested.iter().position(|&byte| !is_name_byte(byte)).unwrap_or(tested.len());
        let name = rest.get(..length).unwrap_or_default();
        let end = |error| Listing { names: names.clone(), error };
        if length > NAME_BYTES {
            return end(Some(Complaint::ListedNameTooLong));
        }
        if length < LISTED_NAME_BYTES {
            return end(None);
        }
        if names.len() >= NAMES {
            return end(Some(Complaint::TooManyNames));
        }
        // Whoever is unknown cannot have such a name, and everything behind it counts as part of it.
        if !logged_in && name.starts_with(b"private_") {
            return end((rest.len() > NAME_BYTES).then_some(Complaint::ListedNameTooLong));
        }
        names.push(name);
        rest = rest.get(length + 1..).unwrap_or_default();
    }
}

fn forgiving(text: &[u8], logged_in: bool) -> Listing<'_> {
    let mut names: Vec<&[u8]> = Vec::new();
    for name in text.split(|&byte| !is_name_byte(byte)).filter(|name| !name.is_empty()) {
        if name.len() > NAME_BYTES {
            return Listing { names, error: Some(Complaint::ListedNameTooLong) };
        }
        if names.contains(&name) || (name.starts_with(b"private_") && !logged_in) {
            continue;
        }
        if names.len() >= NAMES {
            return Listing { names, error: Some(Complaint::TooManyNames) };
        }
        names.push(name);
    }
    Listing { names, error: None }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn names(text: &str) -> Vec<String> {
        let listing = read(text.as_bytes(), false, Faults::Faithful);
        assert_eq!(listing.error, None, "{text:?}");
        listing.names.iter().map(|name| String::from_utf8(name.to_vec()).unwrap()).collect()
    }

    #[test]
    fn any_other_byte_separates_names() {
        assert_eq!(names("web_a1\nweb_b1\n"), ["web_a1", "web_b1"]);
        assert_eq!(names("web_a1 web_b1,web_c1"), ["web_a1", "web_b1", "web_c1"]);
        assert_eq!(names("web_a1.evt\nweb_b1"), ["web_a1", "evt", "web_b1"]);
        assert_eq!(names("web_a1\nweb_a1"), ["web_a1", "web_a1"]);
        assert_eq!(names("web_a1\nxy\nweb_b1"), ["web_a1", "xy", "web_b1"]);
        assert_eq!(names(""), Vec::<String>::new());
    }

    /// Hazard 26.
    #[test]
    fn blank_lines_returns_and_one_letter_names_lose_what_follows() {
        for text in ["web_a1\r\nweb_b1", "web_a1\n\nweb_b1", "web_a1\nx\nweb_b1"] {
            let names = names(text);
            assert!(names.contains(&"web_a1".to_owned()) && !names.contains(&"web_b1".to_owned()), "{names:?}");
        }
        assert_eq!(names("web_чат\nweb_b1").first().map(String::as_str), Some("web_"));
        assert!(!names("web_чат\nweb_b1").contains(&"web_b1".to_owned()));
        assert_eq!(names("\nweb_a1\nweb_b1\n"), Vec::<String>::new());
    }

    #[test]
    fn a_blank_line_spoils_one_name_and_the_next_is_taken_again() {
        assert_eq!(names("web_a1\n\nweb_b1\nweb_c1\nweb_d1"), ["web_a1", "\nweb_b1", "web_c1", "web_d1"]);
    }

    #[test]
    fn thirty_two_names_of_64_letters_fit() {
        let list = (0..32).map(|n| format!("web_{n:060}")).collect::<Vec<_>>().join("\n");
        assert_eq!(names(&list).len(), 32);
        assert_eq!(names(&format!("{list}\n")).len(), 32);
    }

    /// Hazard 27.
    #[test]
    fn a_33rd_name_is_an_error_behind_32_good_ones() {
        let list = (0..33).map(|n| format!("web_p{n}")).collect::<Vec<_>>().join("\n");
        let listing = read(list.as_bytes(), false, Faults::Faithful);
        assert_eq!((listing.names.len(), listing.error), (32, Some(Complaint::TooManyNames)));
    }

    #[test]
    fn a_name_of_65_letters_and_a_list_over_2176_bytes_are_errors() {
        let long = format!("web_a1\nweb_{}", "n".repeat(61));
        assert_eq!(
            read(long.as_bytes(), false, Faults::Faithful),
            Listing { names: vec![b"web_a1"], error: Some(Complaint::ListedNameTooLong) }
        );
        let fits = format!("web_a1\nweb_{}", "n".repeat(60));
        assert_eq!(names(&fits).len(), 2);
        let list = "web_a1\n".repeat(311);
        assert_eq!(read(list.as_bytes(), false, Faults::Faithful).error, Some(Complaint::ListTooLong));
    }

    /// Hazard 28.
    #[test]
    fn a_private_name_swallows_the_rest_for_somebody_unknown() {
        assert_eq!(names("web_a1\nprivate_x\nweb_b1\nweb_c1"), ["web_a1"]);
        let long = format!("private_x\n{}", (0..12).map(|n| format!("web_p{n}\n")).collect::<String>());
        assert_eq!(read(long.as_bytes(), false, Faults::Faithful).error, Some(Complaint::ListedNameTooLong));
        let listing = read(b"private_x\nweb_b1", true, Faults::Faithful);
        assert_eq!(listing.names, [&b"private_x"[..], b"web_b1"]);
    }

    #[test]
    fn a_forgiving_list_skips_what_it_cannot_use() {
        let listing = read(b"web_a1\r\n\r\nx\nprivate_x\nweb_a1\nweb_b1", false, Faults::Forgiving);
        assert_eq!(listing.names, [&b"web_a1"[..], b"x", b"web_b1"]);
    }
}
