//! The request with which a connection begins: which page it asks for, the key, and the positional parameters of the
//! address (PROTOCOL.md, section 1.1).

use super::limits::{
    ADDRESS_BYTES, HASH_BYTES, HIGHEST_DEV, KEY_BYTES, NUMBER_DIGITS, OLD_ADDRESS_BYTES, SESSION_BYTES, UUID_BYTES,
};
use super::options::{Era, Faults};

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    Socket,
    Options,
    Info,
    Root,
    Icon,
    Missing,
}

/// Why a request for a websocket is refused (PROTOCOL.md, section 1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// No session is found.
    Session,
    User,
    Dev,
    /// The major version as far as it was read, on which the form of the frame depends.
    Version {
        major: Option<u32>,
    },
}

impl Refusal {
    pub(super) const fn code(self) -> u16 {
        match self {
            Self::Session | Self::User => 401,
            Self::Dev => 406,
            Self::Version { .. } => 418,
        }
    }

    pub(super) const fn text(self, era: Era) -> &'static str {
        match (self, era) {
            (Self::Session, _) => "Error code 401(Invalid request, session ID not found)",
            (Self::User, _) => "Error code 401(Invalid request, the user ID can not be found)",
            (Self::Dev, Era::V409) => "Error code 406(Invalid request, no public key found [1])",
            (Self::Dev, Era::V331) => "Error code 406(Invalid request, no public key found)",
            (Self::Version { .. }, _) => "Error code 418(Invalid request Not assigned client api version)\n",
        }
    }

    pub(super) const fn major(self) -> u32 {
        match self {
            Self::Version { major: Some(major) } => major,
            _ => 0,
        }
    }
}

/// The parameters of the address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parameters {
    pub(super) session: Session,
    pub(super) user: u32,
    pub(super) dev: u32,
    pub(super) major: u32,
    pub(super) uuid: String,
}

/// The value of `sesion`.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Session {
    Token(String),
    /// 600 bytes or more, which 4.09 does not survive.
    Deadly,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Token(_) => "Token(***)",
            Self::Deadly => "Deadly",
        })
    }
}

/// Whether the pieces that came so far are taken for a whole request: 4.09 looks at the last two bytes only, so a piece
/// that happens to end in a line break is parsed alone.
pub(super) fn is_whole(text: &[u8], faults: Faults) -> bool {
    if faults == Faults::Forgiving {
        return head_end(text).is_some();
    }
    let mut from_end = text.iter().rev();
    let (last, before) = (from_end.next(), from_end.next());
    before == Some(&b'\r') || last == Some(&b'\n') || text.starts_with(b"POST")
}

/// Where the head of the request ends, blank line included.
pub(super) fn head_end(text: &[u8]) -> Option<usize> {
    text.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4)
}

/// What the request asks for.
pub(super) fn route(text: &[u8]) -> Route {
    let begins = |beginnings: &[&str]| beginnings.iter().any(|beginning| text.starts_with(beginning.as_bytes()));
    if begins(&["OPTIONS"]) {
        Route::Options
    } else if begins(&["GET //ws/", "GET /ws/", "GET //comet-server/ws/", "GET /comet-server/ws/"]) {
        Route::Socket
    } else if begins(&["GET /info ", "GET /comet-server/info "]) {
        Route::Info
    } else if begins(&["GET /favicon.ico ", "GET /comet-server/favicon.ico "]) {
        Route::Icon
    } else if begins(&["GET / "]) {
        Route::Root
    } else {
        Route::Missing
    }
}

/// The value of `Sec-WebSocket-Key`, which 4.09 finds only in exactly this spelling.
pub(super) fn key(text: &[u8], faults: Faults) -> Option<&[u8]> {
    let name: &[u8] = b"Sec-WebSocket-Key: ";
    let after = match faults {
        Faults::Faithful => find(text, name, |a, b| a == b)? + name.len(),
        Faults::Forgiving => find(text, name.trim_ascii_end(), <[u8]>::eq_ignore_ascii_case)? + name.len() - 1,
    };
    let rest = text.get(after..)?;
    let value = rest.get(..rest.iter().position(|&byte| byte == b'\r')?)?;
    match faults {
        Faults::Faithful => (value.len() <= KEY_BYTES).then_some(value),
        Faults::Forgiving => Some(value.trim_ascii()),
    }
}

/// Whether any subprotocol is offered; the answer is then `chat`.
pub(super) fn offers_protocol(text: &[u8]) -> bool {
    find(text, b"Sec-WebSocket-Protocol: ", |a, b| a == b).is_some()
}

fn find(text: &[u8], what: &[u8], same: fn(&[u8], &[u8]) -> bool) -> Option<usize> {
    text.windows(what.len()).position(|window| same(window, what))
}

/// The parameters, found by their places.
///
/// # Errors
/// A [`Refusal`] to be sent to the client after the handshake.
pub(super) fn parameters(text: &[u8], era: Era, faults: Faults) -> Result<Parameters, Refusal> {
    match era {
        Era::V409 => by_ampersands(text, faults),
        Era::V331 => by_equals_signs(text),
    }
}

/// 4.09: the session stands behind the first `=`; each `&` starts the next field, whose name is skipped by length.
fn by_ampersands(text: &[u8], faults: Faults) -> Result<Parameters, Refusal> {
    let limit = ADDRESS_BYTES;
    let session = text.iter().take(limit).position(|&byte| byte == b'=').ok_or(Refusal::Session)?;
    let field = |count: usize, name: &str| Some(nth(text, b'&', count, limit)? + name.len());
    let user = digits(text, field(1, "myid=").ok_or(Refusal::User)?, b'&').unwrap_or(0);
    let dev = digits(text, field(2, "devid=").ok_or(Refusal::Dev)?, b'&').unwrap_or(0);
    let (major, end) = version(text, field(3, "v="))?;
    digits(text, end, b'&').ok_or(Refusal::Version { major: Some(major) })?;
    let uuid = field(4, "")
        .and_then(|at| text.get(at..)?.strip_prefix(b"uuid="))
        .map_or_else(String::new, |value| uuid(value, faults));
    let session = text.get(session + 1..).unwrap_or_default();
    let session = match session.iter().take(SESSION_BYTES).position(|&byte| byte == b'&') {
        Some(end) => Session::Token(lossy(session.get(..end))),
        None => Session::Deadly,
    };
    Ok(Parameters { session, user, dev: if dev > HIGHEST_DEV { 0 } else { dev }, major, uuid })
}

/// 3.31: every value stands behind an `=`, and the session is 32 bytes whatever they are.
fn by_equals_signs(text: &[u8]) -> Result<Parameters, Refusal> {
    let limit = OLD_ADDRESS_BYTES;
    let session = text.iter().take(limit).position(|&byte| byte == b'=').ok_or(Refusal::Session)?;
    let field = |count: usize| nth(text, b'=', count, limit);
    let user = digits(text, field(2).ok_or(Refusal::User)?, b'&').unwrap_or(0);
    field(3).ok_or(Refusal::Dev)?;
    let (major, end) = version(text, field(4))?;
    digits(text, end, b'&').ok_or(Refusal::Version { major: Some(major) })?;
    let uuid = field(5)
        .filter(|&at| text.get(..at).is_some_and(|before| before.ends_with(b"uuid=")))
        .and_then(|at| text.get(at..))
        .map_or_else(String::new, |value| uuid(value, Faults::Faithful));
    let hash = text.get(session + 1..).unwrap_or_default();
    let hash = hash.get(..HASH_BYTES).unwrap_or(hash);
    Ok(Parameters { session: Session::Token(lossy(Some(hash))), user, dev: 0, major, uuid })
}

/// The major version and where the minor one begins.
fn version(text: &[u8], at: Option<usize>) -> Result<(u32, usize), Refusal> {
    let unknown = Refusal::Version { major: None };
    let at = at.ok_or(unknown)?;
    let major = digits(text, at, b'.').ok_or(unknown)?;
    let length = text.get(at..).unwrap_or_default().iter().take_while(|byte| byte.is_ascii_digit()).count();
    Ok((major, at + length + 1))
}

fn uuid(value: &[u8], faults: Faults) -> String {
    let copied = value.get(..UUID_BYTES).unwrap_or(value);
    let end = match faults {
        Faults::Faithful => copied.iter().position(|&byte| byte == 0),
        Faults::Forgiving => copied.iter().position(|byte| b"& \r".contains(byte)),
    };
    lossy(copied.get(..end.unwrap_or(copied.len())))
}

fn lossy(bytes: Option<&[u8]>) -> String {
    String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned()
}

/// The place behind the `count`th `byte`.
fn nth(text: &[u8], byte: u8, count: usize, limit: usize) -> Option<usize> {
    let found = |(at, &here): (usize, &u8)| (here == byte).then_some(at + 1);
    text.iter().take(limit).enumerate().filter_map(found).nth(count - 1)
}

/// A number of digits only, ended by `end`; nothing at all is 0.
fn digits(text: &[u8], from: usize, end: u8) -> Option<u32> {
    let rest = text.get(from..)?;
    let digits = rest.get(..rest.iter().position(|&byte| byte == end)?)?;
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let digits = std::str::from_utf8(digits).ok()?;
    if digits.is_empty() {
        return Some(0);
    }
    // A longer number is none; a shorter one is kept in 32 bits, whatever becomes of it there, and below 0 it is 0.
    let number = digits.parse::<u64>().ok().filter(|_| digits.len() <= NUMBER_DIGITS)?;
    let kept = i32::from_ne_bytes(u32::try_from(number & u64::from(u32::MAX)).ok()?.to_ne_bytes());
    Some(u32::try_from(kept).unwrap_or(0))
}

#[cfg(test)]
#[path = "http_tests.rs"]
mod tests;
