//! The listening side: binding, accepting, ending.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time;

use super::control::Control;
use super::limits::{ACCEPT_AGAIN, DRAIN};
use super::link::{self, Shared};
use super::options::Options;
use super::world::World;

/// Why a double cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address cannot be listened on.
    #[error(
        "the comet server cannot listen on {address} ({source}): let it listen elsewhere (`listen` in [embedded], or --listen), or end what \
         uses this port"
    )]
    Bind {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
}

/// A double that listens; [`Server::run`] makes it answer.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Server {
    /// Begins to listen.
    ///
    /// # Errors
    /// [`Error::Bind`] if the address is taken or not ours.
    pub async fn bind(options: Options) -> Result<Self, Error> {
        let failed = |source| Error::Bind { address: options.listen, source };
        let listener = TcpListener::bind(options.listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address, shared: Arc::new(Shared::new(World::new(options))) })
    }

    /// The address with the port that was really taken.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A handle for tests and back ends.
    #[must_use]
    pub fn control(&self) -> Control {
        Control { shared: Arc::clone(&self.shared), dev: 0 }
    }

    /// Serves until `shutdown` is done; then all connections end, within three seconds at most.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        tokio::pin!(shutdown);
        let mut links = JoinSet::new();
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                accepted = self.listener.accept() => self.accept(accepted, &mut links).await,
                Some(_) = links.join_next(), if !links.is_empty() => {}
            }
        }
        drop(self.listener);
        self.shared.gate.pause(false);
        self.shared.world().end();
        // Those that do not end in time are aborted when the set is dropped.
        let _ = time::timeout(DRAIN, async { while links.join_next().await.is_some() {} }).await;
    }

    async fn accept(&self, accepted: std::io::Result<(TcpStream, SocketAddr)>, links: &mut JoinSet<()>) {
        match accepted {
            Ok((stream, _)) if self.shared.gate.habits().refuses => drop(stream),
            Ok((stream, _)) => {
                links.spawn(link::serve(stream, Arc::clone(&self.shared)));
            }
            Err(error) => {
                tracing::warn!(%error, "the comet server cannot accept a connection; raise the limit of open files");
                time::sleep(ACCEPT_AGAIN).await;
            }
        }
    }
}
