//! A plugin's own secrets, kept out of what is said of it: found in its words and replaced before they are logged or kept.
//!
//! That is for accidents. Whoever wrote the plugin can send its secrets anywhere it may send to, and split them so that
//! nobody finds them. Used by `api` and `slot`; costs nothing for plugins that have none.

use std::{borrow::Cow, ops::Range, sync::Arc};

use crate::config::Secret;

/// Shorter ones would be found where they are not meant, and nobody keeps those secret.
const LEAST_BYTES: usize = 6;

/// What stands in the place of a secret.
const HIDDEN: &str = "***";

/// The secrets of a plugin, to be hidden.
#[derive(Clone, Default)]
pub struct Secrets(Option<Arc<[String]>>);

impl Secrets {
    /// To hide these.
    #[must_use]
    pub fn new(secrets: &[(String, Secret)]) -> Self {
        let whole = secrets.iter().map(|(_, secret)| secret.reveal());
        // What a plugin prints is looked at line by line, and a key may have several.
        let long = whole.flat_map(|secret| secret.lines().map(str::trim).chain([secret]));
        let long = long.filter(|secret| secret.len() >= LEAST_BYTES);
        let forms: Vec<String> = long.flat_map(|secret| [secret.to_owned(), in_json(secret)]).collect();
        Self((!forms.is_empty()).then(|| forms.into()))
    }

    /// The text without them.
    #[must_use]
    pub fn hide<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let Some(secrets) = &self.0 else { return Cow::Borrowed(text) };
        let mut found: Vec<Range<usize>> = secrets.iter().flat_map(|secret| everywhere(text, secret)).collect();
        if found.is_empty() {
            return Cow::Borrowed(text);
        }
        found.sort_by_key(|range| range.start);
        let (mut hidden, mut end) = (String::with_capacity(text.len()), 0);
        for range in found {
            // Two that overlap become one: what is left of the second would be a part of a secret.
            if range.start >= end && (range.start > end || end == 0) {
                hidden.push_str(text.get(end..range.start).unwrap_or_default());
                hidden.push_str(HIDDEN);
            }
            end = end.max(range.end);
        }
        hidden.push_str(text.get(end..).unwrap_or_default());
        Cow::Owned(hidden)
    }

    /// The same for a text that is kept.
    #[must_use]
    pub fn hidden_in(&self, text: String) -> String {
        match self.hide(&text) {
            Cow::Borrowed(_) => text,
            Cow::Owned(hidden) => hidden,
        }
    }
}

/// As it stands in JSON, which is how plugins write much of what they say.
fn in_json(secret: &str) -> String {
    let quoted = serde_json::to_string(secret).unwrap_or_default();
    quoted.trim_start_matches('"').strip_suffix('"').unwrap_or_default().to_owned()
}

/// All places of `secret`, also those that overlap.
fn everywhere<'a>(text: &'a str, secret: &'a str) -> impl Iterator<Item = Range<usize>> + 'a {
    let mut from = 0;
    std::iter::from_fn(move || {
        let at = from + text.get(from..)?.find(secret)?;
        from = text.ceil_char_boundary(at + 1);
        Some(at..at + secret.len())
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(secrets: &[&str]) -> Secrets {
        let secrets: Vec<_> = secrets.iter().map(|text| (String::new(), Secret::new(text))).collect();
        Secrets::new(&secrets)
    }

    #[test]
    fn a_secret_is_replaced_wherever_it_stands() {
        let secrets = of(&["hunter22", "quo\"ted"]);
        assert_eq!(secrets.hide("hunter22 and xhunter22x"), "*** and x***x");
        assert_eq!(secrets.hide(r#"{"key":"quo\"ted"} quo"ted"#), r#"{"key":"***"} ***"#);
        assert!(matches!(secrets.hide("nothing to see"), Cow::Borrowed(_)));
    }

    #[test]
    fn no_part_of_secrets_that_overlap_is_left() {
        assert_eq!(of(&["abcdef", "defghi"]).hide("-abcdefghi-"), "-***-");
        assert_eq!(of(&["abcabc"]).hide("abcabcabc"), "***");
        assert_eq!(of(&["secret-long", "secret"]).hide("secret-long secret"), "*** ***");
    }

    #[test]
    fn each_line_of_a_secret_is_one() {
        let key = of(&["-----BEGIN-----\nabcdefgh\nxy\n-----END-----"]);
        assert_eq!(key.hide("abcdefgh"), "***");
        assert_eq!(key.hide("xy and -----END-----"), "xy and ***");
    }

    #[test]
    fn what_is_too_short_to_be_a_secret_is_left() {
        assert_eq!(of(&["", "12345"]).hide("12345"), "12345");
    }

    proptest! {
        #[test]
        fn no_secret_is_left_and_nothing_else_is_lost(text in "[abж]{0,40}", secret in "[abж]{6,8}") {
            let secrets = of(&[&secret]);
            let hidden = secrets.hide(&text).into_owned();
            prop_assert!(!hidden.contains(&secret));
            prop_assert_eq!(text.contains(&secret), hidden.contains(HIDDEN));
            if !text.contains(&secret) {
                prop_assert_eq!(hidden, text);
            }
        }
    }
}
