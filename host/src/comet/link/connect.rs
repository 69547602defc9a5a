//! From an address to an authorized connection: TCP, TLS, the websocket handshake, the first frame.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use futures_util::StreamExt as _;
use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use tokio::{io::WriteHalf, net::TcpStream, time::timeout};
use tokio_rustls::TlsConnector;
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{self, Message as Frame, protocol::WebSocketConfig},
};

use super::{
    frames::{Gate, Stream},
    timing::Timing,
};
use crate::{
    comet::{
        address::{Address, Scheme},
        login::{Login, LoginError, LoginLost, LoginSource},
        wire::{Message, Reader, ServerError, ServerInfo, Standing},
    },
    report::brief,
};

/// How long each step may take: the name and the TCP connection, TLS, the handshake, the first frame.
const STEP_TIMEOUT: Duration = Duration::from_secs(10);

/// The largest frame that is taken if nothing else is said. A server's own are at most 65,535 bytes (PROTOCOL.md,
/// section 2.4).
pub const FRAME_MAX_BYTES: usize = 1024 * 1024;

/// How much is read from the socket at once.
const READ_BUFFER_BYTES: usize = 128 * 1024;

/// Where to connect, and how.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The server.
    pub address: Address,
    /// As whom, and with what care.
    pub manner: Manner,
}

/// How to connect, whichever server it is.
#[derive(Debug, Clone)]
pub struct Manner {
    /// As whom; an empty token is an anonymous client.
    pub login: LoginSource,
    /// How long to wait for what.
    pub timing: Timing,
    /// A file with certificates (PEM) to trust beside the system's.
    pub authorities: Option<PathBuf>,
    /// The largest frame that is taken, in bytes.
    pub frame_max_bytes: usize,
    /// Whether the logs of pipes are read to catch up with what was missed.
    pub catch_up: bool,
    /// Whether what the bot sends is heard like everything else, over a connection of its own.
    pub hear_own: bool,
}

impl Manner {
    /// The usual one, for this login.
    #[must_use]
    pub fn of(login: LoginSource) -> Self {
        Self {
            login,
            timing: Timing::default(),
            authorities: None,
            frame_max_bytes: FRAME_MAX_BYTES,
            catch_up: true,
            hear_own: false,
        }
    }
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// There is no login to connect with.
    #[error(transparent)]
    Login(#[from] LoginError),
    /// No TCP connection.
    #[error("{address} cannot be reached ({source}): is the comet server running, and are host and port right?")]
    Unreachable {
        /// Where.
        address: String,
        /// What the system says.
        source: io::Error,
    },
    /// No TLS connection.
    #[error("{address} does not speak TLS as expected ({source}): check the certificate, or use ws:// if it has none")]
    Tls {
        /// Where.
        address: String,
        /// What went wrong.
        source: io::Error,
    },
    /// No certificates to trust.
    #[error("no certificate authorities were found on this system (install its ca-certificates): {0}")]
    NoRoots(String),
    /// The file with certificates to trust holds none.
    #[error("{} holds no certificate that can be trusted, as PEM: {reason}", path.display())]
    NoAuthority {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Something answers, but it is no comet server.
    #[error(
        "{address} answers, but not as a comet server ({reason}): check the port and the path, which is usually /ws/"
    )]
    NoCometServer {
        /// Where.
        address: String,
        /// What came instead of a handshake.
        reason: String,
    },
    /// The connection stands, but the server says nothing.
    #[error(
        "{0} accepted the connection but did not say in time who we are: something stands between us and the server"
    )]
    Silent(String),
    /// The server closed the connection without a word.
    #[error("{0} closed the connection before it said who we are")]
    Closed(String),
    /// The server refuses the address or the version.
    #[error("{address} refuses the connection: {text}")]
    Refused {
        /// Where.
        address: String,
        /// What the server says.
        text: String,
    },
    /// The login was wrong. The server would let us stay as an anonymous client, which is not what was asked for.
    #[error(
        "{address} does not accept the login of user {}: check the token, whether it has expired, and that user \
         id and dev_id belong to it; leave token and user id out to connect anonymously",
        .login.user_id().unwrap_or_default()
    )]
    NotAuthorized {
        /// Where.
        address: String,
        /// As whom.
        login: Login,
    },
    /// The same for a login that was right before.
    #[error("{address}: {lost}")]
    NoLongerAuthorized {
        /// Where.
        address: String,
        /// What became of the login.
        lost: LoginLost,
    },
}

impl Settings {
    /// The whole URL, with the token in it: for the request alone.
    fn url(&self, login: &Login) -> String {
        let scheme = match self.address.scheme() {
            Scheme::Ws => "ws",
            Scheme::Wss => "wss",
        };
        format!("{scheme}://{}{}", self.address.authority(), self.address.request_uri(login))
    }
}

impl ConnectError {
    /// Whether another try soon is of no use: somebody must change something first.
    #[must_use]
    pub const fn is_lasting(&self) -> bool {
        matches!(
            self,
            Self::NoRoots(_)
                | Self::NoAuthority { .. }
                | Self::Refused { .. }
                | Self::NotAuthorized { .. }
                | Self::NoLongerAuthorized { .. }
        )
    }

    /// The same, after a login from `source` had been accepted before.
    pub(super) fn no_longer(self, source: &LoginSource) -> Self {
        match self {
            Self::NotAuthorized { address, login } => {
                Self::NoLongerAuthorized { address, lost: LoginLost::new(source, &login) }
            }
            other => other,
        }
    }
}

/// An authorized connection on which nothing but the first frame has been said.
pub(super) struct Connection {
    pub(super) incoming: WebSocketStream<Gate>,
    pub(super) outgoing: WriteHalf<Box<dyn Stream>>,
    pub(super) reader: Reader,
    pub(super) standing: Standing,
    /// Who we are, if the server knows us.
    pub(super) user_id: u64,
    /// What the server calls itself.
    pub(super) server: String,
    /// The server's clock, Unix seconds.
    pub(super) time: Option<u64>,
    pub(super) frame_max_bytes: usize,
}

impl Connection {
    /// Connects. `taken` is called when the server has taken the connection and has yet to say who we are.
    pub(super) async fn open(settings: &Settings, taken: impl FnOnce()) -> Result<Self, ConnectError> {
        let address = &settings.address;
        let frame_max_bytes = settings.manner.frame_max_bytes;
        let login = settings.manner.login.read().await?;
        let url = settings.url(&login);
        let stream = dial(address, settings.manner.authorities.as_deref()).await?;
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER_BYTES)
            .max_message_size(Some(frame_max_bytes))
            .max_frame_size(Some(frame_max_bytes));
        let handshake = client_async_with_config(url, Gate::open(stream), Some(config));
        let no_comet_server = |reason| ConnectError::NoCometServer { address: address.to_string(), reason };
        let (mut incoming, _) = timeout(STEP_TIMEOUT, handshake)
            .await
            .map_err(|_| no_comet_server("it did not answer the handshake".to_owned()))?
            .map_err(|error| no_comet_server(in_words(&error)))?;
        let outgoing = incoming.get_mut().shut().ok_or_else(|| ConnectError::Closed(address.to_string()))?;
        taken();
        let mut reader = Reader::new();
        let first = timeout(STEP_TIMEOUT, first_frame(address, &login, &mut incoming, &mut reader));
        let (server, standing, time) = first.await.map_err(|_| ConnectError::Silent(address.to_string()))??;
        let user_id = login.user_id().unwrap_or_default();
        Ok(Self { incoming, outgoing, reader, standing, user_id, server, time, frame_max_bytes })
    }
}

async fn dial(address: &Address, authorities: Option<&Path>) -> Result<Box<dyn Stream>, ConnectError> {
    let unreachable = |source| ConnectError::Unreachable { address: address.to_string(), source };
    let connecting = TcpStream::connect((address.host(), address.port()));
    let stream =
        timeout(STEP_TIMEOUT, connecting).await.unwrap_or_else(|late| Err(late.into())).map_err(unreachable)?;
    // Small commands must not wait for each other's acknowledgement; bursts are written at once anyway.
    stream.set_nodelay(true).map_err(unreachable)?;
    if address.scheme() == Scheme::Ws {
        return Ok(Box::new(stream));
    }
    let tls = |source| ConnectError::Tls { address: address.to_string(), source };
    let name = ServerName::try_from(address.host().to_owned())
        .map_err(|error| tls(io::Error::new(io::ErrorKind::InvalidInput, error)))?;
    let connecting = TlsConnector::from(tls_config(authorities)?).connect(name, stream);
    let stream = timeout(STEP_TIMEOUT, connecting).await.unwrap_or_else(|late| Err(late.into())).map_err(tls)?;
    Ok(Box::new(stream))
}

fn tls_config(authorities: Option<&Path>) -> Result<Arc<ClientConfig>, ConnectError> {
    let mut roots = RootCertStore::empty();
    if let Some(path) = authorities {
        add_authorities(&mut roots, path)?;
    }
    let found = rustls_native_certs::load_native_certs();
    if roots.add_parsable_certificates(found.certs).0 == 0 && authorities.is_none() {
        let errors: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
        return Err(ConnectError::NoRoots(errors.join("; ")));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| ConnectError::NoRoots(error.to_string()))?;
    Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}

fn add_authorities(roots: &mut RootCertStore, path: &Path) -> Result<(), ConnectError> {
    let found = rustls_native_certs::load_certs_from_paths(Some(path), None);
    if roots.add_parsable_certificates(found.certs).0 == 0 {
        let reason = found.errors.first().map_or_else(|| "none is in it".to_owned(), ToString::to_string);
        return Err(ConnectError::NoAuthority { path: path.to_owned(), reason });
    }
    Ok(())
}

/// Checks that a file holds certificates that can be trusted.
///
/// # Errors
/// [`ConnectError::NoAuthority`].
pub fn check_authorities(path: &Path) -> Result<(), ConnectError> {
    add_authorities(&mut RootCertStore::empty(), path)
}

/// Waits for the frame in which the server says who we are, or why not.
async fn first_frame(
    address: &Address,
    login: &Login,
    incoming: &mut WebSocketStream<Gate>,
    reader: &mut Reader,
) -> Result<(String, Standing, Option<u64>), ConnectError> {
    loop {
        let bytes = match incoming.next().await {
            Some(Ok(Frame::Binary(bytes))) => bytes,
            Some(Ok(Frame::Ping(_) | Frame::Pong(_))) => continue,
            _ => return Err(ConnectError::Closed(address.to_string())),
        };
        let mut first = None;
        reader.read_bytes(&bytes, &mut |message| {
            first.get_or_insert(match message {
                Message::ServerInfo(ServerInfo { server, standing, time }) => Ok((server.into_owned(), standing, time)),
                Message::Error(ServerError { text, .. }) => {
                    Err(ConnectError::Refused { address: address.to_string(), text: brief(text.trim()) })
                }
                _ => Err(ConnectError::NoCometServer {
                    address: address.to_string(),
                    reason: "its first frame does not say who we are".to_owned(),
                }),
            });
        });
        let Some(first) = first else { continue };
        let (server, standing, time) = first?;
        if standing == Standing::Anonymous && !login.is_anonymous() {
            return Err(ConnectError::NotAuthorized { address: address.to_string(), login: login.clone() });
        }
        return Ok((server, standing, time));
    }
}

fn in_words(error: &tungstenite::Error) -> String {
    match error {
        tungstenite::Error::Http(response) => format!("HTTP status {}", response.status()),
        tungstenite::Error::Protocol(tungstenite::error::ProtocolError::HandshakeIncomplete) => {
            "it closed the connection during the handshake".to_owned()
        }
        other => other.to_string(),
    }
}
