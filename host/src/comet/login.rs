//! As whom we come: token, user and account, and where they come from (PROTOCOL.md, section 1.3).
//!
//! A login is made anew for each connection, since a token in a file may have been renewed. What must not be seen, the
//! token, never shows in `Debug`, `Display` or an error.

use std::{fmt, io, path::PathBuf};

use super::name::USER_ID_MAX;

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

    pub(super) fn token(&self) -> &Token {
        &self.token
    }
}

/// A login, or the file with its token.
#[derive(Debug, Clone)]
pub enum LoginSource {
    /// Always the same.
    Fixed(Login),
    /// With a token that is read before each connection. Whoever renews a JSON web token writes it there.
    File {
        /// The file in which the token stands alone.
        token: PathBuf,
        /// The user whose token it is.
        user_id: Option<u64>,
        /// The developer account.
        dev_id: Option<u64>,
    },
}

/// Why there is no login.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// The file cannot be read.
    #[error("the token cannot be read from {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is empty, as it may be for a moment while the token is renewed.
    #[error("{} is empty: write the token into it", .0.display())]
    Empty(PathBuf),
    /// What stands in it is no token.
    #[error("{} holds no token: {source}", path.display())]
    NoToken {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: LoginFault,
    },
}

impl LoginSource {
    /// Nobody in particular.
    #[must_use]
    pub fn anonymous() -> Self {
        Self::Fixed(Login::anonymous(0))
    }

    /// The login as it is now.
    ///
    /// # Errors
    /// A [`LoginError`] if there is no token in the file.
    pub fn read(&self) -> Result<Login, LoginError> {
        match self {
            Self::Fixed(login) => Ok(login.clone()),
            Self::File { token: path, user_id, dev_id } => {
                let text = std::fs::read_to_string(path)
                    .map_err(|source| LoginError::Unreadable { path: path.clone(), source })?;
                if text.trim().is_empty() {
                    return Err(LoginError::Empty(path.clone()));
                }
                let login = Token::new(text.trim()).and_then(|token| Login::new(token, *user_id, *dev_id));
                login.map_err(|source| LoginError::NoToken { path: path.clone(), source })
            }
        }
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

    /// Hazard 5.
    #[test]
    fn a_renewed_token_is_used_for_the_next_connection() {
        let directory = tempfile::tempdir().unwrap();
        let token = directory.path().join("token");
        let source = LoginSource::File { token: token.clone(), user_id: Some(7), dev_id: None };
        assert!(source.read().unwrap_err().to_string().contains("cannot be read"));
        std::fs::write(&token, "old\n").unwrap();
        let old = source.read().unwrap();
        std::fs::write(&token, "new\n").unwrap();
        assert_ne!(source.read().unwrap(), old);
        std::fs::write(&token, "\n").unwrap();
        assert!(source.read().unwrap_err().to_string().contains("is empty"), "not an anonymous client");
        std::fs::write(&token, "5ecre7 token").unwrap();
        let message = source.read().unwrap_err().to_string();
        assert!(message.contains("holds no token") && !message.contains("5ecre7"), "{message}");
    }
}
