//! Where a login comes from: the configuration itself, a file, or a program.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::{fs::File, io::AsyncReadExt as _, time::timeout};

use super::{CommandError, Login, LoginFault, Token, TokenCommand};

/// How long a file may take, which may lie on another machine.
const FILE_TIMEOUT: Duration = Duration::from_secs(10);
/// How much of a file is read. What is longer is no token anyway.
const FILE_MAX_BYTES: u64 = 4096;

/// A login, or where its token is found.
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
    /// With a token that a program prints, which is run before each connection.
    Command {
        /// The program.
        command: TokenCommand,
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
    /// The program gives none.
    #[error(transparent)]
    Command(#[from] CommandError),
}

impl LoginSource {
    /// Nobody in particular.
    #[must_use]
    pub fn anonymous() -> Self {
        Self::Fixed(Login::anonymous(0))
    }

    /// The login as it is now. Takes at most some ten seconds.
    ///
    /// # Errors
    /// A [`LoginError`] if there is no token in the file, or the program prints none.
    pub async fn read(&self) -> Result<Login, LoginError> {
        match self {
            Self::Fixed(login) => Ok(login.clone()),
            Self::File { token: path, user_id, dev_id } => {
                let text = timeout(FILE_TIMEOUT, text_of(path))
                    .await
                    .unwrap_or_else(|late| Err(late.into()))
                    .map_err(|source| LoginError::Unreadable { path: path.clone(), source })?;
                if text.trim().is_empty() {
                    return Err(LoginError::Empty(path.clone()));
                }
                let login = Token::new(text.trim()).and_then(|token| Login::new(token, *user_id, *dev_id));
                login.map_err(|source| LoginError::NoToken { path: path.clone(), source })
            }
            Self::Command { command, user_id, dev_id } => {
                let token = command.run().await?;
                let login = Login::new(token, *user_id, *dev_id);
                Ok(login.map_err(|source| CommandError::NoToken { program: command.program().to_owned(), source })?)
            }
        }
    }

    /// How a token that is no longer good is replaced, as a clause of a message.
    pub(super) fn remedy(&self) -> String {
        match self {
            Self::Fixed(_) => {
                "renew it and start the bot anew, or name a file that is kept up to date in `token-file`, \
                               or a program that gives one in `token-command`"
                    .to_owned()
            }
            Self::File { token, .. } => format!("write a new one into {}", token.display()),
            Self::Command { command, .. } => format!("see that {} prints a new one", command.program()),
        }
    }

    /// The key of the configuration that says it.
    pub(super) const fn key(&self) -> &'static str {
        match self {
            Self::Fixed(_) => "token",
            Self::File { .. } => "token-file",
            Self::Command { .. } => "token-command",
        }
    }
}

async fn text_of(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path).await?.take(FILE_MAX_BYTES).read_to_string(&mut text).await?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    /// Hazard 5.
    #[tokio::test]
    async fn a_renewed_token_is_used_for_the_next_connection() {
        let directory = tempfile::tempdir().unwrap();
        let token = directory.path().join("token");
        let source = LoginSource::File { token: token.clone(), user_id: Some(7), dev_id: None };
        assert!(source.read().await.unwrap_err().to_string().contains("cannot be read"));
        std::fs::write(&token, "old\n").unwrap();
        let old = source.read().await.unwrap();
        std::fs::write(&token, "new\n").unwrap();
        assert_ne!(source.read().await.unwrap(), old);
        std::fs::write(&token, "\n").unwrap();
        assert!(source.read().await.unwrap_err().to_string().contains("is empty"), "not an anonymous client");
        std::fs::write(&token, "5ecre7 token").unwrap();
        let message = source.read().await.unwrap_err().to_string();
        assert!(message.contains("holds no token") && !message.contains("5ecre7"), "{message}");
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_file_without_end_is_no_token() {
        let source = LoginSource::File { token: "/dev/zero".into(), user_id: Some(7), dev_id: None };
        assert!(source.read().await.unwrap_err().to_string().contains("/dev/zero holds no token"));
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_program_gives_the_token_of_the_user() {
        let command = TokenCommand::new(["echo".to_owned(), "0123abc".to_owned()]).unwrap();
        let source = LoginSource::Command { command, user_id: Some(7), dev_id: Some(15) };
        let login = source.read().await.unwrap();
        assert_eq!(login, Login::new(Token::new("0123abc").unwrap(), Some(7), Some(15)).unwrap());
    }
}
