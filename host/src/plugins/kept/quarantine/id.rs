//! How failed events are called.

use std::{
    fmt,
    str::FromStr,
    time::{SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize, de};

/// Digits of an id; microseconds of Unix time have as many until the year 2286.
const DIGITS: usize = 16;
/// The largest number of so many digits.
const LATEST: u64 = 9_999_999_999_999_999;

/// The id of a failed event: when it failed, in microseconds of Unix time, or a little later if others failed then too.
/// Ids are in the order of their failures, as numbers and as texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(u64);

/// A text is no id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the id of a failed event has {DIGITS} digits: `cometbot quarantine list` shows them")]
pub struct IdError;

impl Id {
    /// The first id of this moment.
    pub(super) fn of(at: SystemTime) -> Self {
        let micros = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
        Self(u64::try_from(micros).unwrap_or(LATEST).min(LATEST))
    }

    /// This one, or the next one after `number` if this is none after it.
    pub(super) fn max_after(self, number: u64) -> Self {
        Self(self.0.max(number.saturating_add(1)).min(LATEST))
    }

    pub(super) const fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:0DIGITS$}", self.0)
    }
}

impl FromStr for Id {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let has_form = text.len() == DIGITS && text.bytes().all(|byte| byte.is_ascii_digit());
        if has_form { text.parse().map(Self).map_err(|_| IdError) } else { Err(IdError) }
    }
}

impl Serialize for Id {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_id_says_when_it_failed() {
        let at = UNIX_EPOCH + Duration::from_micros(1_795_519_530_000_001);
        assert_eq!(Id::of(at).to_string(), "1795519530000001");
        assert_eq!(Id::of(UNIX_EPOCH + Duration::from_secs(1)).to_string(), "0000000001000000");
        assert_eq!(Id::of(UNIX_EPOCH - Duration::from_secs(1)).to_string(), "0000000000000000");
        assert_eq!(Id::of(at).max_after(Id::of(at).number()).to_string(), "1795519530000002");
        assert_eq!(Id(LATEST).max_after(u64::MAX), Id(LATEST));
    }

    #[test]
    fn what_is_no_id_is_refused() {
        for text in [
            "",
            "1",
            "179551953000000",
            "17955195300000011",
            "+795519530000001",
            "179551953000000a",
            "../5519530000001",
        ] {
            assert_eq!(text.parse::<Id>(), Err(IdError), "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn an_id_is_read_as_it_was_written_and_sorts_alike(one in 0..=LATEST, other in 0..=LATEST) {
            let (one, other) = (Id(one), Id(other));
            prop_assert_eq!(one.to_string().parse(), Ok(one));
            prop_assert_eq!(serde_json::from_str::<Id>(&serde_json::to_string(&one).unwrap()).unwrap(), one);
            prop_assert_eq!(one.cmp(&other), one.to_string().cmp(&other.to_string()));
        }
    }
}
