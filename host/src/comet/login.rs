//! Where a login comes from: it is made anew for each connection, since a token in a file may have been renewed.

use std::{io, path::PathBuf};

use super::address::{AddressError, Login, Token};

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
        source: AddressError,
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
