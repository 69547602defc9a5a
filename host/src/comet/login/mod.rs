//! As whom we come: token, user and account, and where they come from (PROTOCOL.md, section 1.3).
//!
//! - [`Login`], [`Token`]: what the server is shown.
//! - [`LoginSource`]: where a login comes from. It is made anew for each connection, since a token may have been renewed.
//! - [`watch`]: says in time that a token expires and nobody has renewed it.
//! - [`LoginLost`]: the words for a login that was accepted once and is refused now.
//!
//! `link` reads logins and watches them; `config` says where they come from. What must not be seen, the token, never
//! shows in `Debug`, `Display` or an error.

use std::fmt;

use super::name::USER_ID_MAX;

mod command;
mod expiry;
mod lost;
mod renewal;
mod source;

pub use self::{
    command::{CommandError, TokenCommand},
    lost::LoginLost,
    renewal::{TokenNews, watch},
    source::{LoginError, LoginSource},
};

/// A longer token ends the server's process (section 1.1).
pub const TOKEN_MAX_BYTES: usize = 599;
/// The largest developer number: beyond it the server silently takes 0.
pub const DEV_ID_MAX: u64 = 100_000;

/// Why a token or a number cannot be used. No message repeats the token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoginFault {
    /// The server would crash.
    #[error("the token has {0} bytes: {TOKEN_MAX_BYTES} is the most, a longer one would crash the server")]
    TokenTooLong(usize),
    /// The server decodes nothing.
    #[error(
        "the token has a character at byte {at} that the server could not read back: only A-Z a-z 0-9 = + / _ . and - \
         occur in session hashes and JWTs"
    )]
    TokenCharacter {
        /// Its place, from 0.
        at: usize,
    },
    /// The server would take it for 0.
    #[error("the {what} {id} is too big: the server would take anything above {most} for another one")]
    IdTooBig {
        /// `user id` or `developer id`.
        what: &'static str,
        /// The number.
        id: u64,
        /// The largest that the server reads.
        most: u64,
    },
}

/// A session hash or a JWT. It shows itself to nobody but [`Address::request_uri`](super::address::Address::request_uri).
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Token(String);

impl Token {
    /// Takes a token; empty is anonymous.
    ///
    /// # Errors
    /// [`LoginFault::TokenTooLong`], [`LoginFault::TokenCharacter`].
    pub fn new(token: impl Into<String>) -> Result<Self, LoginFault> {
        let token = token.into();
        if token.len() > TOKEN_MAX_BYTES {
            return Err(LoginFault::TokenTooLong(token.len()));
        }
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"=+/_.-".contains(&byte);
        match token.bytes().position(|byte| !is_allowed(byte)) {
            Some(at) => Err(LoginFault::TokenCharacter { at }),
            None => Ok(Self(token)),
        }
    }

    /// The text itself, for the request alone.
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_empty() { "" } else { "***" })
    }
}

/// As whom we come.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Login {
    token: Token,
    user_id: Option<u64>,
    dev_id: Option<u64>,
}

impl Login {
    /// The user `user_id` of the developer account `dev_id` with its token. What is left out is sent empty, which the
    /// server takes for 0; user 0 is anonymous.
    ///
    /// # Errors
    /// [`LoginFault::IdTooBig`].
    pub fn new(token: Token, user_id: Option<u64>, dev_id: Option<u64>) -> Result<Self, LoginFault> {
        for (what, id, most) in [("user id", user_id, USER_ID_MAX), ("developer id", dev_id, DEV_ID_MAX)] {
            if let Some(id) = id.filter(|id| *id > most) {
                return Err(LoginFault::IdTooBig { what, id, most });
            }
        }
        Ok(Self { token, user_id, dev_id })
    }

    /// Nobody in particular.
    #[must_use]
    pub fn anonymous(dev_id: u32) -> Self {
        Self { token: Token::default(), user_id: None, dev_id: Some(u64::from(dev_id)) }
    }

    /// Whether the server is asked to know us.
    #[must_use]
    pub fn is_anonymous(&self) -> bool {
        self.token.is_empty() || self.user_id.is_none_or(|id| id == 0)
    }

    /// The user, if one is named.
    #[must_use]
    pub fn user_id(&self) -> Option<u64> {
        self.user_id
    }

    /// The developer account, if one is named.
    #[must_use]
    pub fn dev_id(&self) -> Option<u64> {
        self.dev_id
    }

    /// When the server will no longer let this login in, in Unix seconds: the `exp` of a JSON web token. None for a
    /// session hash, which does not expire, and for an anonymous client. The server looks at it when we connect, and
    /// not again (PROTOCOL.md, section 1.3). Whether the token is genuine is for the server to say.
    #[must_use]
    pub fn expires(&self) -> Option<u64> {
        if self.is_anonymous() { None } else { expiry::of(self.token.reveal()) }
    }

    pub(crate) fn token(&self) -> &Token {
        &self.token
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    /// The server decodes nothing, and takes these for the end of the value or of the request line.
    #[test]
    fn a_token_that_the_server_could_not_read_back_is_refused() {
        for character in ['&', '?', '#', '%', ' ', '\t', '\r', '\n', '\0', '\u{7f}', 'ж', '"', '\'', '\\', ';', '@'] {
            let token = format!("abc{character}def");
            assert_eq!(Token::new(token), Err(LoginFault::TokenCharacter { at: 3 }), "{character:?}");
        }
        assert!(Token::new("0123456789abcdefABCDEF+/_=").is_ok(), "the characters of a session hash");
        assert!(Token::new("eyJhbGciOiJIUzI1NiJ9.eyJ1c2VyX2lkIjoyMX0.a-b_c").is_ok(), "the characters of a JWT");
    }

    #[test]
    fn a_token_that_would_crash_the_server_is_refused() {
        assert!(Token::new("x".repeat(599)).is_ok());
        assert_eq!(Token::new("x".repeat(600)), Err(LoginFault::TokenTooLong(600)));
    }

    #[test]
    fn an_id_that_the_server_would_take_for_another_is_refused() {
        assert!(Login::new(Token::default(), Some(USER_ID_MAX), Some(DEV_ID_MAX)).is_ok());
        for (user_id, dev_id) in
            [(Some(USER_ID_MAX + 1), None), (Some(4_294_967_303), None), (None, Some(DEV_ID_MAX + 1))]
        {
            assert!(matches!(Login::new(Token::default(), user_id, dev_id), Err(LoginFault::IdTooBig { .. })));
        }
    }
}
