//! The names of the wire: pipes, events and markers, which can only be built checked.
//!
//! Everything that ends up in a command or a subscription goes through these types, because the server answers a bad
//! name with silence, with two errors, or by closing the connection (PROTOCOL.md, sections 5 and 6).

use std::{borrow::Borrow, fmt, sync::Arc};

use rand::RngExt as _;

/// The longest name that can be subscribed to, in bytes (PROTOCOL.md, section 6).
pub const NAME_MAX_BYTES: usize = 64;

/// The largest user number: the server keeps it in 32 bits with a sign, and a larger one becomes another user's.
pub const USER_ID_MAX: u64 = 2_147_483_647;

/// The pipe on which the host says what could not be heard. No pipe of a server can be called so.
pub const GAP_PIPE: &str = "host:gap";

/// The pipe on which personal messages arrive. It is never subscribed: they come by login (PROTOCOL.md, section 6).
pub const PERSONAL_PIPE: &str = "msg";

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The server takes a name of one character, or none, for the end of a list.
    #[error("{what} name {name:?} is too short: give at least {least} characters")]
    TooShort {
        /// `pipe` or `event`.
        what: &'static str,
        /// The text as given.
        name: String,
        /// The least number of characters.
        least: usize,
    },
    /// The server closes the connection, or its database cuts the name.
    #[error("{what} name of {bytes} bytes is too long: {NAME_MAX_BYTES} is the most")]
    TooLong {
        /// `pipe` or `event`.
        what: &'static str,
        /// Its length in bytes.
        bytes: usize,
    },
    /// The server ends the name at such a character without a word.
    #[error("{what} name {name:?} has the character {character:?}: only A-Z a-z 0-9 _ and - are allowed")]
    BadCharacter {
        /// `pipe` or `event`.
        what: &'static str,
        /// The text as given, cut to a readable length.
        name: String,
        /// The first character that is not allowed.
        character: char,
    },
}

/// Whether `byte` may stand in a name.
pub(crate) fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

/// Checks a name without making one.
///
/// # Errors
/// A [`NameError`] that says what is wrong with it.
pub(crate) fn check(what: &'static str, least: usize, name: &str) -> Result<(), NameError> {
    if name.len() > NAME_MAX_BYTES {
        return Err(NameError::TooLong { what, bytes: name.len() });
    }
    if !name.bytes().all(is_name_byte) {
        let character = name.chars().find(|c| !c.is_ascii() || !is_name_byte(*c as u8)).unwrap_or_default();
        return Err(NameError::BadCharacter { what, name: name.to_owned(), character });
    }
    if name.len() < least {
        return Err(NameError::TooShort { what, name: name.to_owned(), least });
    }
    Ok(())
}

/// Checks a pipe name without making one; see [`PipeName::new`].
pub(crate) fn check_pipe(name: &str) -> Result<(), NameError> {
    check("pipe", 2, name)
}

/// Checks an event name without making one; see [`EventName::new`].
pub(crate) fn check_event(name: &str) -> Result<(), NameError> {
    check("event", 0, name)
}

macro_rules! name_type {
    ($type:ident, $check:ident, $(#[$doc:meta])*) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $type(Arc<str>);

        impl $type {
            /// Takes a text as a name.
            ///
            /// # Errors
            /// A [`NameError`] that says what is wrong with it.
            pub fn new(name: &str) -> Result<Self, NameError> {
                $check(name)?;
                Ok(Self(name.into()))
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }

        impl std::str::FromStr for $type {
            type Err = NameError;

            fn from_str(name: &str) -> Result<Self, NameError> {
                Self::new(name)
            }
        }
    };
}

name_type! { PipeName, check_pipe,
    /// The name of a pipe: 2 to 64 characters of `A-Za-z0-9_-`, which is what a subscription can carry.
}
name_type! { EventName, check_event,
    /// The name of an event in a pipe: at most 64 characters of `A-Za-z0-9_-`; empty is legal on the wire.
}

impl PipeName {
    /// Takes the name of a pipe that a plugin may hear: one of the server's, or [`GAP_PIPE`].
    ///
    /// # Errors
    /// A [`NameError`] that says what is wrong with it.
    pub fn heard(name: &str) -> Result<Self, NameError> {
        if name == GAP_PIPE { Ok(Self(name.into())) } else { Self::new(name) }
    }

    /// Whether it is heard only if it is subscribed: personal messages come by login (PROTOCOL.md, section 6), and the
    /// host's own words from the host.
    #[must_use]
    pub fn is_subscribed(&self) -> bool {
        !matches!(&*self.0, PERSONAL_PIPE | GAP_PIPE)
    }

    /// Whether only a user who logged in can subscribe to it. For an anonymous one the server ignores this name and every
    /// name after it (PROTOCOL.md, section 6).
    #[must_use]
    pub fn needs_login(&self) -> bool {
        self.0.starts_with("private_")
    }
}

/// A pipe's whole name, or a beginning followed by `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PipePattern {
    text: String,
    is_prefix: bool,
}

impl PipePattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// A [`NameError`] if what stands before the `*`, or the whole, is no name.
    pub fn new(pattern: &str) -> Result<Self, NameError> {
        let (text, is_prefix) = pattern.strip_suffix('*').map_or((pattern, false), |text| (text, true));
        check("pipe", if is_prefix { 0 } else { 2 }, text)?;
        Ok(Self { text: text.to_owned(), is_prefix })
    }

    /// Reads a pattern of pipes that a plugin may hear: [`GAP_PIPE`] is one of them.
    ///
    /// # Errors
    /// A [`NameError`] as from [`Self::new`].
    pub fn heard(pattern: &str) -> Result<Self, NameError> {
        match pattern {
            GAP_PIPE => Ok(Self { text: pattern.to_owned(), is_prefix: false }),
            _ => Self::new(pattern),
        }
    }

    /// Every pipe there is.
    #[must_use]
    pub const fn any() -> Self {
        Self { text: String::new(), is_prefix: true }
    }

    /// Whether `pipe` is meant.
    #[must_use]
    pub fn covers(&self, pipe: &str) -> bool {
        if self.is_prefix { pipe.starts_with(&self.text) } else { pipe == self.text }
    }

    /// Whether every pipe that `other` means is meant.
    #[must_use]
    pub fn includes(&self, other: &Self) -> bool {
        if self.is_prefix { other.text.starts_with(&self.text) } else { self == other }
    }
}

impl std::fmt::Display for PipePattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", self.text, if self.is_prefix { "*" } else { "" })
    }
}

/// Ten random decimal digits that tie an answer to its question.
///
/// Ten, because shorter markers run into the frames that the server damages, and old servers overwrite a template of
/// exactly ten letters (PROTOCOL.md, sections 2.3 and 10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Marker([u8; 10]);

impl Marker {
    /// A new random marker.
    #[must_use]
    pub fn random() -> Self {
        let mut rng = rand::rng();
        Self(std::array::from_fn(|_| rng.random_range(b'0'..=b'9')))
    }

    /// A marker read from the wire, if it has the form of ours.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let digits: [u8; 10] = text.as_bytes().try_into().ok()?;
        digits.iter().all(u8::is_ascii_digit).then_some(Self(digits))
    }

    /// The marker as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

    use super::*;

    #[test]
    fn a_pipe_has_2_to_64_characters() {
        for length in [2, 64] {
            assert!(PipeName::new(&"n".repeat(length)).is_ok(), "{length}");
        }
        for length in [0, 1] {
            assert!(
                matches!(PipeName::new(&"n".repeat(length)), Err(NameError::TooShort { least: 2, .. })),
                "{length}"
            );
        }
        assert_eq!(PipeName::new(&"n".repeat(65)), Err(NameError::TooLong { what: "pipe", bytes: 65 }));
    }

    #[test]
    fn an_event_has_at_most_64_characters() {
        for length in [0, 1, 64] {
            assert!(EventName::new(&"n".repeat(length)).is_ok(), "{length}");
        }
        assert_eq!(EventName::new(&"n".repeat(65)), Err(NameError::TooLong { what: "event", bytes: 65 }));
    }

    #[test]
    fn a_name_has_only_the_characters_that_the_server_reads() {
        assert!(PipeName::new("AZaz09_-").is_ok());
        for character in ['.', ' ', '\n', '\r', '\0', '@', '/', ':', '\u{7f}', 'ж', 'é', '😀'] {
            let name = format!("web_{character}");
            let wanted = NameError::BadCharacter { what: "pipe", name: name.clone(), character };
            assert_eq!(PipeName::new(&name), Err(wanted));
        }
    }

    #[test]
    fn a_marker_is_ten_digits() {
        for _ in 0..100 {
            let marker = Marker::random();
            assert!(marker.as_str().len() == 10 && marker.as_str().bytes().all(|byte| byte.is_ascii_digit()));
            assert_eq!(Marker::read(marker.as_str()), Some(marker));
        }
        for text in ["", "123456789", "12345678901", "123456789x", "-123456789", "١٢٣٤٥"] {
            assert_eq!(Marker::read(text), None, "{text}");
        }
    }
}
