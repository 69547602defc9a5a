//! How a double is set up, and the users whom it knows from the start.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use super::limits::{HASH_BYTES, HIGHEST_DEV, OUTGOING_BYTES};

/// Whether the double has the bugs of the real server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Faults {
    /// All of them, byte for byte.
    #[default]
    Faithful,
    /// None of those that only hurt. The list is on the page of [`crate::local`].
    Forgiving,
}

/// The version that the double speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Era {
    /// `CppComet community 4.09`: PROTOCOL.md, sections 1 to 9.
    #[default]
    V409,
    /// `CppComet 3.31`: PROTOCOL.md, section 10.
    V331,
}

/// Text that must not show in logs.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A user who may log in with a hash (PROTOCOL.md, section 1.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The account that the user belongs to; most servers have only 0.
    pub dev: u32,
    /// The user's number, not 0.
    pub id: u32,
    /// What the client gives as `sesion`, at most 32 characters.
    pub hash: Secret,
}

/// How many messages a group of pipes keeps for `pipe_log` (PROTOCOL.md, section 7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRule {
    /// A pipe's name, or the beginning of names followed by `*`.
    pub pipes: String,
    /// Messages kept: 0 for none, 1,000 at most.
    pub length: usize,
}

impl LogRule {
    pub(super) fn covers(&self, pipe: &[u8]) -> bool {
        match self.pipes.strip_suffix('*') {
            Some(beginning) => pipe.starts_with(beginning.as_bytes()),
            None => pipe == self.pipes.as_bytes(),
        }
    }
}

/// How to set up a [`super::Server`].
#[derive(Debug, Clone)]
pub struct Options {
    /// Where to listen; port 0 takes any free one.
    pub listen: SocketAddr,
    /// With or without the bugs.
    pub faults: Faults,
    /// The version to speak.
    pub era: Era,
    /// Who may log in with a hash. More can be added by [`super::Control::add_user`].
    pub users: Vec<User>,
    /// The server password, to which the dev id is appended to sign JSON web tokens. Empty: tokens are refused.
    pub password: Secret,
    /// Which pipes keep a log; the first rule that covers a pipe counts. None by default, as on the real server.
    pub logs: Vec<LogRule>,
    /// The name in `/info`, of which 10 bytes are shown.
    pub node: String,
    /// Bytes that may wait for one slow reader before those who send to it have to wait as well.
    pub outgoing_limit: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            faults: Faults::default(),
            era: Era::default(),
            users: Vec::new(),
            password: Secret::default(),
            logs: Vec::new(),
            node: "n1".to_owned(),
            outgoing_limit: OUTGOING_BYTES,
        }
    }
}

/// Why a users file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum UsersError {
    /// The file cannot be read.
    #[error("cannot read the users file {}: check the path and its permissions", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// A line is no user.
    #[error("line {line} of the users file: {problem}; write `dev id hash`, for example `0 7 0123456789abcdef`")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        problem: &'static str,
    },
}

/// Reads users from a text: one a line as `dev id hash`, separated by spaces. Empty lines and lines that begin with `#`
/// are skipped.
///
/// # Errors
/// [`UsersError::Line`] for the first line that is no user.
pub fn parse_users(text: &str) -> Result<Vec<User>, UsersError> {
    let mut users = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        users.push(parse_user(line).map_err(|problem| UsersError::Line { line: index + 1, problem })?);
    }
    Ok(users)
}

/// Reads users from a file, see [`parse_users`].
///
/// # Errors
/// [`UsersError`] if the file cannot be read or has a line that is no user.
pub fn read_users(path: impl Into<PathBuf>) -> Result<Vec<User>, UsersError> {
    let path = path.into();
    match std::fs::read_to_string(&path) {
        Ok(text) => parse_users(&text),
        Err(source) => Err(UsersError::Unreadable { path, source }),
    }
}

fn parse_user(line: &str) -> Result<User, &'static str> {
    let mut words = line.split_ascii_whitespace();
    let (Some(dev), Some(id), Some(hash), None) = (words.next(), words.next(), words.next(), words.next()) else {
        return Err("it does not have three words");
    };
    let dev = dev.parse().ok().filter(|&dev| dev <= HIGHEST_DEV).ok_or("the dev is no number up to 100000")?;
    let id = id.parse().ok().filter(|&id| id != 0).ok_or("the id is no number above 0")?;
    if !is_hash(hash) {
        return Err("the hash has more than 32 characters or others than A-Z a-z 0-9 = + / _");
    }
    Ok(User { dev, id, hash: Secret::new(hash) })
}

/// Whether the server would store `hash`.
pub(super) fn is_hash(hash: &str) -> bool {
    !hash.is_empty()
        && hash.len() <= HASH_BYTES
        && hash.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"=+/_".contains(&byte))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_users_file_has_one_user_a_line() {
        let users = parse_users("# ours\n\n0 7 0123456789abcdef\n  15\t8  short \n").unwrap();
        assert_eq!(
            users,
            [
                User { dev: 0, id: 7, hash: Secret::new("0123456789abcdef") },
                User { dev: 15, id: 8, hash: Secret::new("short") },
            ]
        );
    }

    #[test]
    fn a_bad_line_is_named_with_what_to_write() {
        let error = parse_users("0 7 good\n0 7\n").unwrap_err().to_string();
        assert!(error.contains("line 2") && error.contains("write `dev id hash`"), "{error}");
        for bad in ["0 0 x", "100001 7 x", "0 7 with-dash", "0 7 a b", "0 7 0123456789abcdef0123456789abcdef0"] {
            assert!(parse_users(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn secrets_do_not_show_in_debug_output() {
        let options = Options {
            password: Secret::new("p4ssw0rd"),
            users: parse_users("0 7 hush").unwrap(),
            ..Options::default()
        };
        let shown = format!("{options:?}");
        assert!(!shown.contains("p4ssw0rd") && !shown.contains("hush"), "{shown}");
    }

    #[test]
    fn a_log_rule_covers_a_name_or_a_beginning() {
        let all_web = LogRule { pipes: "web_*".to_owned(), length: 1 };
        assert!(all_web.covers(b"web_a") && all_web.covers(b"web_") && !all_web.covers(b"webauth_a"));
        let one = LogRule { pipes: "web_a".to_owned(), length: 1 };
        assert!(one.covers(b"web_a") && !one.covers(b"web_ab"));
    }
}
