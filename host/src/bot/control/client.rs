//! The other end of the control socket: asks the bot that runs, once.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::UnixStream,
    time::timeout,
};

use super::{Answer, Request, socket::is_short_enough};

/// The most that an answer may have: more than all that a bot keeps of failed events.
const ANSWER_BYTES: u64 = 256 * 1024 * 1024;

/// How long an answer may take that does not wait for a probation: as long as a large plugin may take to be compiled.
const PATIENCE: Duration = Duration::from_secs(120);

/// Why a running bot has not answered.
#[derive(Debug, thiserror::Error)]
pub enum AskHostError {
    /// There is none.
    #[error("no bot runs here ({path}): start it with `cometbot run`, or name its configuration with --config")]
    NoBot {
        /// Where its socket would be.
        path: PathBuf,
    },
    /// The socket is another user's.
    #[error("the bot at {path} is another user's: run this command as the user that the bot runs as")]
    Denied {
        /// Where its socket is.
        path: PathBuf,
    },
    /// There can be no socket with this path.
    #[error(
        "{path} is too long for a socket's path: name a shorter one as `control-socket` in [service], or run this in \
         the folder of bot.toml"
    )]
    TooLong {
        /// Where it should be.
        path: PathBuf,
    },
    /// It takes too long.
    #[error("the bot at {path} has not answered within {} s: its log says what it does", PATIENCE.as_secs())]
    TimedOut {
        /// Where its socket is.
        path: PathBuf,
    },
    /// It went away half way.
    #[error("the bot at {path} ended before it answered: its log says why")]
    Ended {
        /// Where its socket was.
        path: PathBuf,
    },
    /// It speaks otherwise than we do.
    #[error("the answer of the bot at {path} cannot be read ({source}): is it another version than this command?")]
    NotUnderstood {
        /// Where its socket is.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The system does not let us speak with it.
    #[error("the bot at {path} cannot be asked: {source}")]
    Unusable {
        /// Where its socket is.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl AskHostError {
    /// Whether it is that no bot runs.
    #[must_use]
    pub const fn is_no_bot(&self) -> bool {
        matches!(self, Self::NoBot { .. })
    }
}

/// Asks the bot whose control socket is at `path`. A request that waits is waited for without a bound.
///
/// # Errors
/// An [`AskHostError`] that says what to do. What the bot refuses is no error but an answer.
pub async fn ask(path: &Path, request: &Request) -> Result<Answer, AskHostError> {
    let asking = ask_patiently(path, request);
    if request.waits() {
        return asking.await;
    }
    timeout(PATIENCE, asking).await.unwrap_or_else(|_| Err(AskHostError::TimedOut { path: path.to_owned() }))
}

async fn ask_patiently(path: &Path, request: &Request) -> Result<Answer, AskHostError> {
    if !is_short_enough(path) {
        return Err(AskHostError::TooLong { path: path.to_owned() });
    }
    let mut stream = UnixStream::connect(path).await.map_err(|error| not_there(path, error))?;
    let not_understood = |source| AskHostError::NotUnderstood { path: path.to_owned(), source };
    let mut line = serde_json::to_vec(request).map_err(not_understood)?;
    line.push(b'\n');
    // A bot that ends the connection while it is asked may have said why before.
    let asked = stream.write_all(&line).await;
    let mut answer = Vec::new();
    let read = BufReader::new(stream).take(ANSWER_BYTES).read_until(b'\n', &mut answer).await;
    match asked.and(read) {
        _ if answer.ends_with(b"\n") => serde_json::from_slice(&answer).map_err(not_understood),
        Err(error) if !has_hung_up(&error) => Err(AskHostError::Unusable { path: path.to_owned(), source: error }),
        _ => Err(AskHostError::Ended { path: path.to_owned() }),
    }
}

fn not_there(path: &Path, error: io::Error) -> AskHostError {
    let path = path.to_owned();
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => AskHostError::NoBot { path },
        io::ErrorKind::PermissionDenied => AskHostError::Denied { path },
        _ => AskHostError::Unusable { path, source: error },
    }
}

fn has_hung_up(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
}
