//! A login that the server accepted once and refuses now: the operator did nothing wrong at the start, so the words are
//! others than for one that was never right.

use std::fmt;

use super::{Login, LoginSource};
use crate::unix_time;

/// Why a bot that was let in before is let in no longer. `Display` says what to do; the server's address is for the
/// caller to put in front.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginLost {
    user_id: u64,
    /// Seconds since the token expired, if that is why.
    expired_for: Option<u64>,
    /// What to do about it.
    remedy: String,
}

impl LoginLost {
    /// The login `login`, which `source` gave, has just been refused, and an earlier one had been accepted.
    #[must_use]
    pub fn new(source: &LoginSource, login: &Login) -> Self {
        Self::at(unix_time::now(), source, login)
    }

    fn at(now: u64, source: &LoginSource, login: &Login) -> Self {
        Self {
            user_id: login.user_id().unwrap_or_default(),
            expired_for: login.expires().and_then(|expires| now.checked_sub(expires)),
            remedy: source.remedy(),
        }
    }
}

impl fmt::Display for LoginLost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server no longer accepts the login of user {}: ", self.user_id)?;
        match self.expired_for {
            Some(seconds) => write!(f, "its token expired {seconds} s ago")?,
            None => f.write_str(
                "it did before, so the token was replaced or revoked there, or what signs tokens has changed",
            )?,
        }
        write!(f, "; {}", self.remedy)
    }
}

impl std::error::Error for LoginLost {}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::comet::login::{Token, expiry::tests::jwt};

    #[test]
    fn a_login_that_is_refused_after_it_was_accepted_has_words_of_its_own() {
        let source = LoginSource::File { token: "/run/token".into(), user_id: Some(7), dev_id: None };
        let login = |token: &str| Login::new(Token::new(token).unwrap(), Some(7), None).unwrap();

        let hash = LoginLost::at(1000, &source, &login("5ecre7")).to_string();
        assert!(hash.starts_with("the server no longer accepts the login of user 7: it did before"), "{hash}");
        assert!(hash.contains("/run/token") && !hash.contains("5ecre7"), "{hash}");

        let expired = LoginLost::at(1000, &source, &login(&jwt(r#"{"exp":965}"#))).to_string();
        assert!(expired.contains("expired 35 s ago"), "{expired}");

        let good = LoginLost::at(1000, &source, &login(&jwt(r#"{"exp":1001}"#))).to_string();
        assert!(good.contains("revoked") && !good.contains("expired"), "{good}");
    }
}
