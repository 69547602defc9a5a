//! The server: who is let in, how many at a time, and the end.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::{net::UnixListener, task::JoinSet, time::sleep};

use super::{
    Requests,
    socket::{self, SocketFile},
    visit::{Limits, visit},
};
use crate::report::Throttle;

/// Clients at a time; further ones wait until one ends.
const VISITS: usize = 32;

const LIMITS: Limits = Limits {
    line: Duration::from_secs(30),
    half_closed: Duration::from_secs(600),
    taking: Duration::from_secs(10),
    farewell: Duration::from_secs(1),
};

/// After a connection could not be taken, usually because there are no file descriptors left, for a moment none is.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why there is no control socket.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// Its path is longer than a socket's may be.
    #[error(
        "{path} is too long for a socket's path: name a shorter one as `control-socket` in [service], or start the bot \
         in the folder of its bot.toml"
    )]
    TooLong {
        /// Where it should be.
        path: PathBuf,
    },
    /// Another bot has it.
    #[error(
        "another cometbot listens at {path}: stop it, or give each a `state-folder` (or `control-socket`) of its own in \
         [service]"
    )]
    InUse {
        /// Where it is.
        path: PathBuf,
    },
    /// Something else is there.
    #[error("{path} is there and is no socket: remove it, or name another path as `control-socket` in [service]")]
    Foreign {
        /// Where it is.
        path: PathBuf,
    },
    /// The system does not give it.
    #[error("the control socket {path} cannot be made ({source}): name another path as `control-socket` in [service]")]
    Unusable {
        /// Where it should be.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl ControlError {
    /// Whether a bot may run all the same, which no command reaches then.
    #[must_use]
    pub const fn is_bearable(&self) -> bool {
        matches!(self, Self::TooLong { .. })
    }
}

/// A control socket that is served. Dropping it ends its connections and removes its file.
#[derive(Debug)]
pub struct Control {
    /// Held for its end: the tasks end with it.
    _serving: JoinSet<()>,
    /// Held for its end: the file goes with it.
    _file: SocketFile,
}

impl Control {
    /// Makes the socket at `path`, for this user alone, and sends what clients ask into `requests`. A socket that a dead
    /// bot left there is replaced. Two bots that start at the same moment are told apart by the lock of their state
    /// folder, not here.
    ///
    /// # Errors
    /// A [`ControlError`] that says what to do.
    pub async fn serve(path: &Path, requests: Requests) -> Result<Self, ControlError> {
        Self::serve_within(LIMITS, path, requests).await
    }

    pub(super) async fn serve_within(limits: Limits, path: &Path, requests: Requests) -> Result<Self, ControlError> {
        let (listener, file) = socket::listen(path).await?;
        let mut serving = JoinSet::new();
        serving.spawn(serve(limits, listener, requests));
        Ok(Self { _serving: serving, _file: file })
    }
}

async fn serve(limits: Limits, listener: UnixListener, requests: Requests) {
    let mut visits = JoinSet::new();
    let mut complaints = Throttle::lines_per_second(1);
    loop {
        tokio::select! {
            accepted = listener.accept(), if visits.len() < VISITS => match accepted {
                Ok((stream, _)) => {
                    let requests = requests.clone();
                    visits.spawn(async move { visit(stream, &requests, limits).await });
                }
                Err(error) => {
                    if let Some(times) = complaints.pass() {
                        tracing::warn!(times, "a connection to the control socket could not be taken: {error}");
                    }
                    sleep(ACCEPT_PAUSE).await;
                }
            },
            // How a visit ended is the client's business alone.
            Some(_) = visits.join_next(), if !visits.is_empty() => {}
        }
    }
}
