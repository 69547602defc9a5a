//! Where the server is: the connect URL (PROTOCOL.md, section 1).
//!
//! The server reads the parameters by position and decodes nothing, so a value that it could not read back as it was
//! written is refused here. What must not be seen, the token, never shows in `Debug`, `Display` or an error.

use std::fmt;

use rand::RngExt as _;

use super::login::Login;

/// The version that we connect with unless told otherwise. It decides the form of what the server sends.
///
/// Below 4, a server 4.x writes the event's name twice and a remark into every message: some 55 bytes more, and an answer
/// takes about twice the time to read. In return the frames of clients' messages, answers and errors are longer than the
/// three lengths whose end the server destroys (section 2.3). With 4.x those are lengths of quite usual messages, and
/// what is lost there, the number of the sender, nothing can bring back: a plugin that asks who is speaking would now and
/// then be told "unknown". The few frames that can still be damaged below 4 name no sender, and the end of their pipe is
/// found among the subscribed ones. So a right answer is bought with bytes, of which such a server does not send many.
/// Who would rather have the bytes sets `4.09`; both forms are read.
pub const DEFAULT_VERSION: &str = "3.31";

/// The path in front of the parameters unless told otherwise.
pub const DEFAULT_PREFIX: &str = "/ws/";
/// The server copies so many bytes, whatever they are (section 1.1).
pub const UUID_BYTES: usize = 32;
/// The server looks at the first 2,000 bytes of a request; with these bounds every request ends before.
const PREFIX_MAX_BYTES: usize = 200;
const HOST_MAX_BYTES: usize = 253;
const VERSION_MAX_BYTES: usize = 16;

/// Why an address or a login cannot be used. No message repeats what was given where a secret may be in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Neither `ws://` nor `wss://`.
    #[error("the address must begin with ws:// or wss://, as in wss://app.comet-server.ru/ws/")]
    Scheme,
    /// No host, or one with a character that no host has.
    #[error("the address needs a host name or an IP address after the ://, as in ws://127.0.0.1:8087/ws/")]
    Host,
    /// The port is no number from 1 to 65535.
    #[error("the port {0:?} is no number from 1 to 65535")]
    Port(String),
    /// A user name or password in front of the host.
    #[error(
        "the address has a login in front of the host (an @): the server knows none; give token and user id instead"
    )]
    Userinfo,
    /// Parameters, or a character that the server would read as one.
    #[error(
        "the path of the address may have only A-Z a-z 0-9 / . _ ~ and - (at most {PREFIX_MAX_BYTES} characters): \
         token, user id and version are not part of it, give them on their own"
    )]
    Path,
    /// Not of the form `N.N`.
    #[error("the version {0:?} must be digits, a dot, digits, such as {DEFAULT_VERSION}: the server refuses any other")]
    Version(String),
    /// The server would swallow what follows, or show it to others.
    #[error("the client uuid must be {UUID_BYTES} characters of A-Z a-z 0-9 _ and -")]
    Uuid,
}

/// The client's own identifier, which the server shows to the other users of a `track_` pipe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uuid(String);

impl Uuid {
    /// A new random one.
    #[must_use]
    pub fn random() -> Self {
        const CHARACTERS: [char; 64] = [
            'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M', 'N', 'O', 'P', 'Q', 'R', 'S', 'T', 'U',
            'V', 'W', 'X', 'Y', 'Z', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p',
            'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '_',
            '-',
        ];
        let mut rng = rand::rng();
        let characters = (0..UUID_BYTES).map(|_| CHARACTERS.get(rng.random_range(0..CHARACTERS.len())));
        Self(characters.flatten().collect())
    }

    /// Takes a given one.
    ///
    /// # Errors
    /// [`AddressError::Uuid`].
    pub fn new(uuid: &str) -> Result<Self, AddressError> {
        let is_whole = uuid.len() == UUID_BYTES && uuid.bytes().all(super::name::is_name_byte);
        if is_whole { Ok(Self(uuid.to_owned())) } else { Err(AddressError::Uuid) }
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether the connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// `ws://`, port 80.
    Ws,
    /// `wss://`, port 443.
    Wss,
}

impl Scheme {
    /// The port that need not be named.
    #[must_use]
    pub fn default_port(self) -> u16 {
        match self {
            Self::Ws => 80,
            Self::Wss => 443,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Ws => "ws",
            Self::Wss => "wss",
        }
    }
}

/// Where the server is, and how we speak to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    scheme: Scheme,
    /// An IPv6 address without its brackets.
    host: String,
    port: u16,
    prefix: String,
    version: String,
    uuid: Uuid,
}

impl Address {
    /// Reads `ws://host:port/ws/`. Without a port it is 80 or 443; without a path, or with `/` alone, it is
    /// [`DEFAULT_PREFIX`]; the slash at the end may be left out.
    ///
    /// # Errors
    /// An [`AddressError`].
    pub fn parse(address: &str) -> Result<Self, AddressError> {
        let (scheme, rest) = address.split_once("://").ok_or(AddressError::Scheme)?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "ws" => Scheme::Ws,
            "wss" => Scheme::Wss,
            _ => return Err(AddressError::Scheme),
        };
        let (authority, path) = match rest.find(['/', '?', '#']) {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        if authority.contains('@') {
            return Err(AddressError::Userinfo);
        }
        let (host, port) = host_and_port(authority)?;
        let port = match port {
            None => scheme.default_port(),
            Some(text) => match text.parse() {
                Ok(port) if port != 0 && text.bytes().all(|byte| byte.is_ascii_digit()) => port,
                _ => return Err(AddressError::Port(text.chars().take(8).collect())),
            },
        };
        let prefix = prefix(path)?;
        Ok(Self { scheme, host, port, prefix, version: DEFAULT_VERSION.to_owned(), uuid: Uuid::random() })
    }

    /// The same, speaking as a client of `version`.
    ///
    /// # Errors
    /// [`AddressError::Version`].
    pub fn with_version(self, version: &str) -> Result<Self, AddressError> {
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let is_version = version.len() <= VERSION_MAX_BYTES
            && version.split_once('.').is_some_and(|(major, minor)| is_number(major) && is_number(minor));
        if !is_version {
            return Err(AddressError::Version(version.chars().take(VERSION_MAX_BYTES).collect()));
        }
        Ok(Self { version: version.to_owned(), ..self })
    }

    /// The same, with another client identifier than the random one.
    #[must_use]
    pub fn with_uuid(self, uuid: Uuid) -> Self {
        Self { uuid, ..self }
    }

    /// Whether the connection is encrypted.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host to resolve; an IPv6 address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port to connect to.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The client version that we speak.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Whether it is this very machine: what goes there passes no network.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let is_loopback = self.host.parse().map(|ip: std::net::IpAddr| ip.is_loopback());
        is_loopback.unwrap_or_else(|_| self.host.eq_ignore_ascii_case("localhost"))
    }

    /// Whether both are the same place, by the same name.
    #[must_use]
    pub fn is_same_server(&self, other: &Self) -> bool {
        (self.scheme, &self.host, self.port) == (other.scheme, &other.host, other.port)
    }

    /// What belongs into the `Host` header.
    #[must_use]
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == self.scheme.default_port() { host } else { format!("{host}:{}", self.port) }
    }

    /// The path of the request, parameters and all, in the order that the server reads. It holds the token: for the
    /// request line only, never for a log.
    #[must_use]
    pub fn request_uri(&self, login: &Login) -> String {
        self.path(login, login.token().reveal())
    }

    /// The whole URL for a log, with the token struck out.
    #[must_use]
    pub fn redacted(&self, login: &Login) -> String {
        format!("{}://{}{}", self.scheme.as_str(), self.authority(), self.path(login, &login.token().to_string()))
    }

    fn path(&self, login: &Login, token: &str) -> String {
        let id = |id: Option<u64>| id.map_or_else(String::new, |id| id.to_string());
        format!(
            "{}sesion={token}&myid={}&devid={}&v={}&uuid={}&api=js",
            self.prefix,
            id(login.user_id()),
            id(login.dev_id()),
            self.version,
            self.uuid
        )
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme.as_str(), self.authority(), self.prefix)
    }
}

/// Splits `host`, `host:port`, `[v6]` or `[v6]:port`.
fn host_and_port(authority: &str) -> Result<(String, Option<&str>), AddressError> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']').ok_or(AddressError::Host)?;
            host.parse::<std::net::Ipv6Addr>().map_err(|_| AddressError::Host)?;
            match after.strip_prefix(':') {
                Some(port) => (host, Some(port)),
                None if after.is_empty() => (host, None),
                None => return Err(AddressError::Host),
            }
        }
        None => {
            let (host, port) = match authority.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (authority, None),
            };
            let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
            if host.is_empty() || host.len() > HOST_MAX_BYTES || !host.bytes().all(is_host) {
                return Err(AddressError::Host);
            }
            (host, port)
        }
    };
    Ok((host.to_owned(), port))
}

/// The path as the server wants it: with a slash at either end.
fn prefix(path: &str) -> Result<String, AddressError> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"/._~-".contains(&byte);
    if path.len() > PREFIX_MAX_BYTES || !path.bytes().all(is_allowed) {
        return Err(AddressError::Path);
    }
    Ok(match path {
        "" | "/" => DEFAULT_PREFIX.to_owned(),
        path if path.ends_with('/') => path.to_owned(),
        path => format!("{path}/"),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

    use super::*;
    use crate::comet::login::{DEV_ID_MAX, TOKEN_MAX_BYTES, Token};
    use crate::comet::name::USER_ID_MAX;

    const UUID: &str = "Db_YTZOMMQc902yluqo7mLns3RXWFz2t";

    fn address(text: &str) -> Address {
        Address::parse(text).unwrap().with_uuid(Uuid::new(UUID).unwrap())
    }

    fn login(token: &str, user_id: Option<u64>, dev_id: Option<u64>) -> Login {
        Login::new(Token::new(token).unwrap(), user_id, dev_id).unwrap()
    }

    /// Hazards 2 and 3: the order, a `&` behind the version, 32 characters of uuid.
    #[test]
    fn the_parameters_come_in_the_order_that_the_server_reads() {
        assert_eq!(
            address("wss://app.comet-server.ru/ws/").request_uri(&login("abc.d-e_f", Some(7), Some(15))),
            format!("/ws/sesion=abc.d-e_f&myid=7&devid=15&v=3.31&uuid={UUID}&api=js")
        );
    }

    #[test]
    fn every_value_but_the_version_may_be_empty() {
        assert_eq!(
            address("ws://h").request_uri(&Login::default()),
            format!("/ws/sesion=&myid=&devid=&v=3.31&uuid={UUID}&api=js")
        );
        assert!(matches!(address("ws://h").with_version(""), Err(AddressError::Version(_))));
    }

    #[test]
    fn a_version_is_digits_dot_digits() {
        for version in ["4.08", "4.09", "3.31", "10.0"] {
            let uri = address("ws://h").with_version(version).unwrap().request_uri(&Login::default());
            assert!(uri.contains(&format!("&v={version}&")), "{uri}");
        }
        for version in ["4", "4.", ".4", "4.0.9", "abc", "4.8 ", "4.8&", "４.0", "-4.0", "4.+8", "44444444.888888888"]
        {
            assert!(matches!(address("ws://h").with_version(version), Err(AddressError::Version(_))), "{version}");
        }
    }

    #[test]
    fn an_address_is_read_with_its_defaults() {
        let read = |text: &str| {
            let address = address(text);
            (address.scheme(), address.host().to_owned(), address.port(), address.to_string())
        };
        for (text, scheme, host, port, shown) in [
            ("ws://h", Scheme::Ws, "h", 80, "ws://h/ws/"),
            ("wss://h/", Scheme::Wss, "h", 443, "wss://h/ws/"),
            ("WS://127.0.0.1:8087/ws", Scheme::Ws, "127.0.0.1", 8087, "ws://127.0.0.1:8087/ws/"),
            ("ws://[::1]:1/comet-server/ws/", Scheme::Ws, "::1", 1, "ws://[::1]:1/comet-server/ws/"),
            ("wss://[::1]", Scheme::Wss, "::1", 443, "wss://[::1]/ws/"),
            ("ws://h:80//ws/", Scheme::Ws, "h", 80, "ws://h//ws/"),
        ] {
            assert_eq!(read(text), (scheme, host.to_owned(), port, shown.to_owned()), "{text}");
        }
    }

    #[test]
    fn an_address_that_cannot_work_is_refused() {
        for (text, error) in [
            ("http://h/ws/", AddressError::Scheme),
            ("h:80/ws/", AddressError::Scheme),
            ("", AddressError::Scheme),
            ("ws://", AddressError::Host),
            ("ws:///ws/", AddressError::Host),
            ("ws://:80/", AddressError::Host),
            ("ws://h h/", AddressError::Host),
            ("ws://хост/", AddressError::Host),
            ("ws://[::1", AddressError::Host),
            ("ws://[::1]x", AddressError::Host),
            ("ws://[h]/", AddressError::Host),
            ("ws://h:/", AddressError::Port(String::new())),
            ("ws://h:0/", AddressError::Port("0".to_owned())),
            ("ws://h:+80/", AddressError::Port("+80".to_owned())),
            ("ws://h:65536/", AddressError::Port("65536".to_owned())),
            ("ws://u:p@h/", AddressError::Userinfo),
            ("ws://h/ws/?x", AddressError::Path),
            ("ws://h/ws#x", AddressError::Path),
            ("ws://h?sesion=x", AddressError::Path),
            ("ws://h/ws/sesion=x&myid=7", AddressError::Path),
            ("ws://h/a b/", AddressError::Path),
            ("ws://h/\r\nX: y/", AddressError::Path),
        ] {
            assert_eq!(Address::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn a_uuid_has_32_harmless_characters() {
        for _ in 0..100 {
            let uuid = Uuid::random();
            assert_eq!(Uuid::new(&uuid.to_string()), Ok(uuid));
        }
        assert_ne!(Uuid::random(), Uuid::random());
        for uuid in ["", "short", &UUID[1..], &format!("{UUID}x"), &UUID.replace('_', "&"), &"я".repeat(16)] {
            assert_eq!(Uuid::new(uuid), Err(AddressError::Uuid), "{uuid}");
        }
    }

    #[test]
    fn the_token_never_shows() {
        let secret = "5ecre7-token";
        let login = login(secret, Some(7), Some(0));
        let address = address("ws://h:8087/ws/");
        let shown = [
            format!("{login:?} {address:?} {address}"),
            address.redacted(&login),
            Token::new(format!("{secret}&")).unwrap_err().to_string(),
            format!("{:?}", Token::new(format!("{secret}&"))),
            Address::parse(&format!("ws://h/ws/sesion={secret}")).unwrap_err().to_string(),
            Address::parse(&format!("ws://u:{secret}@h/ws/")).unwrap_err().to_string(),
        ];
        for text in shown {
            assert!(!text.contains(secret), "{text}");
        }
        assert_eq!(
            address.redacted(&login),
            format!("ws://h:8087/ws/sesion=***&myid=7&devid=0&v=3.31&uuid={UUID}&api=js")
        );
    }

    #[test]
    fn the_longest_request_fits_into_what_the_server_looks_at() {
        let host = "h".repeat(HOST_MAX_BYTES);
        let path = format!("/{}", "p".repeat(PREFIX_MAX_BYTES - 2));
        let address = address(&format!("ws://{host}:65535{path}")).with_version("1234567.12345678").unwrap();
        let login = login(&"x".repeat(TOKEN_MAX_BYTES), Some(USER_ID_MAX), Some(DEV_ID_MAX));
        let headers_bytes = 400;
        assert!(address.request_uri(&login).len() + address.authority().len() + headers_bytes < 2_000);
    }

    #[test]
    fn only_this_machine_is_loopback() {
        for (url, is_loopback) in [
            ("ws://127.0.0.1:8087", true),
            ("ws://127.1.2.3", true),
            ("ws://[::1]", true),
            ("ws://LocalHost", true),
            ("ws://10.0.0.1", false),
            ("ws://localhost.example.org", false),
        ] {
            assert_eq!(address(url).is_loopback(), is_loopback, "{url}");
        }
    }

    #[test]
    fn the_host_header_names_only_an_unusual_port() {
        assert_eq!(address("ws://h:80").authority(), "h");
        assert_eq!(address("wss://h:80").authority(), "h:80");
        assert_eq!(address("ws://[::1]:8087").authority(), "[::1]:8087");
    }
}
