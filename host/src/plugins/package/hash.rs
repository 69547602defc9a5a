//! What tells one version of a plugin from another.
//!
//! Anyone may call it; it calls nothing. Versions are kept, granted and rolled back by this hash, so it has to stand
//! against whoever writes plugins, not against chance alone.

use std::{fmt, str::FromStr};

use ring::digest;
use serde::{Deserialize, Serialize, de};

/// The bytes of a SHA-256.
const BYTES: usize = 32;
/// Hexadecimal digits of the whole hash.
const DIGITS: usize = 2 * BYTES;
/// Hexadecimal digits that are shown to people.
const SHOWN_DIGITS: usize = 16;

/// The SHA-256 of a file's bytes: the same content has the same hash, in every run and on every machine, and nobody can
/// make another content with it.
///
/// Shown by its first 16 hexadecimal digits; [`Self::full`] has all 64, which is also how it is parsed and serialized.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentHash([u8; BYTES]);

/// A text is no hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a version's hash has {DIGITS} digits of 0-9 and a-f")]
pub struct HashError;

impl ContentHash {
    /// The hash of a file's bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let mut hash = [0; BYTES];
        for (byte, digested) in hash.iter_mut().zip(digest::digest(&digest::SHA256, bytes).as_ref()) {
            *byte = *digested;
        }
        Self(hash)
    }

    /// All 64 hexadecimal digits.
    #[must_use]
    pub fn full(&self) -> String {
        self.digits().collect()
    }

    fn digits(&self) -> impl Iterator<Item = char> {
        let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or_default();
        self.0.iter().flat_map(move |byte| [digit(byte >> 4), digit(byte & 0xf)])
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        self.digits().take(SHOWN_DIGITS).try_for_each(|digit| f.write_char(digit))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.full())
    }
}

impl FromStr for ContentHash {
    type Err = HashError;

    /// Takes small letters alone, so that a hash has one text and one file name.
    fn from_str(text: &str) -> Result<Self, HashError> {
        let value = |digit: u8| match digit {
            b'0'..=b'9' => Ok(digit - b'0'),
            b'a'..=b'f' => Ok(digit - b'a' + 10),
            _ => Err(HashError),
        };
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        if pairs.len() != BYTES || !rest.is_empty() {
            return Err(HashError);
        }
        let mut hash = [0; BYTES];
        for (byte, [high, low]) in hash.iter_mut().zip(pairs) {
            *byte = value(*high)? << 4 | value(*low)?;
        }
        Ok(Self(hash))
    }
}

impl Serialize for ContentHash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.full())
    }
}

impl<'de> Deserialize<'de> for ContentHash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

    use proptest::prelude::*;

    use super::*;

    /// The example of the standard, FIPS 180-2, appendix B.1.
    const OF_ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn a_hash_is_the_sha_256_and_people_see_its_first_16_digits() {
        let hash = ContentHash::of(b"abc");
        assert_eq!((hash.full().as_str(), hash.to_string().as_str()), (OF_ABC, &OF_ABC[..16]));
        assert_eq!(serde_json::to_string(&hash).unwrap(), format!("\"{OF_ABC}\""));
    }

    #[test]
    fn what_is_no_whole_hash_is_refused() {
        for text in ["", &OF_ABC[..16], &OF_ABC[1..], &format!("{OF_ABC}0"), &OF_ABC.to_uppercase(), &"é".repeat(32)] {
            assert_eq!(text.parse::<ContentHash>(), Err(HashError), "{text}");
        }
        assert!(serde_json::from_str::<ContentHash>("7").is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_hash_is_read_as_it_was_written(bytes in any::<[u8; BYTES]>(), others in any::<[u8; BYTES]>()) {
            let (hash, other) = (ContentHash(bytes), ContentHash(others));
            prop_assert_eq!(hash.full().parse(), Ok(hash));
            prop_assert_eq!(serde_json::from_str::<ContentHash>(&serde_json::to_string(&hash).unwrap()).unwrap(), hash);
            prop_assert_eq!(hash.cmp(&other), hash.full().cmp(&other.full()));
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,80}") {
            if let Ok(hash) = text.parse::<ContentHash>() {
                prop_assert_eq!(hash.full(), text);
            }
        }
    }
}
