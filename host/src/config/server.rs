//! `[server]`: where the server is, as whom the bot comes, and with what care.

use std::{path::Path, time::Duration};

use super::{
    Server,
    check::Checker,
    difference::that_differ,
    error::ConfigError,
    limits::{ANSWER_SECONDS_RANGE, FRAME_MAX_KIB_RANGE, MOST_RETRY_MAX_SECONDS, RETRY_MIN_MS_RANGE},
    raw::RawServer,
};
use crate::comet::{
    address::{Address, DEFAULT_VERSION, Scheme},
    link::{
        connect::{Manner, Settings, check_authorities},
        timing::Timing,
    },
    login::{Login, LoginSource, Token, TokenCommand},
};

/// What `url` says to mean the embedded server.
const EMBEDDED: &str = "embedded";

pub(super) fn server(server: &RawServer, check: &Checker<'_>) -> Result<Server, ConfigError> {
    let (login, is_anonymous) = login(server, check)?;
    let authorities = server.ca_file.as_ref().map(|file| check.beside(file));
    if let Some(file) = &authorities {
        check.that(&["server", "ca-file"], check_authorities(file))?;
    }
    let usual = Manner::of(login);
    let frame_max_bytes = match server.frame_max_kib {
        Some(kib) => check.within(&FRAME_MAX_KIB_RANGE, &["server", "frame-max-kib"], kib)?.saturating_mul(1024),
        None => usual.frame_max_bytes,
    };
    let manner = Manner {
        timing: timing(server, check)?,
        authorities,
        frame_max_bytes,
        catch_up: server.catch_up.unwrap_or(usual.catch_up),
        hear_own: server.hear_own.unwrap_or(usual.hear_own),
        ..usual
    };
    let version = server.version.clone().unwrap_or_else(|| DEFAULT_VERSION.to_owned());
    // The version is checked even where the address comes later.
    let any = check.that(&["server", "url"], Address::parse("ws://127.0.0.1/ws/"))?;
    check.that(&["server", "version"], any.with_version(&version))?;

    let (key, urls) = match (&server.url, &server.urls) {
        (Some(_), Some(_)) => {
            return Err(check.fault(&["server", "urls"], "give either `url` or `urls`, not both"));
        }
        (None, Some(urls)) => ("urls", urls.as_slice()),
        (Some(url), None) if url != EMBEDDED => ("url", std::slice::from_ref(url)),
        (_, None) => return Ok(Server::Embedded { manner, version }),
    };
    let may_be_plain = is_anonymous || server.plain_token.unwrap_or_default();
    let mut addresses = Vec::with_capacity(urls.len());
    for url in urls {
        addresses.push(address(url, key, &version, may_be_plain, check)?);
    }
    let mut addresses = addresses.into_iter();
    let Some(address) = addresses.next() else {
        let fault = "it is empty: name the servers, as in [\"wss://comet.example.org/ws/\"], or leave it out";
        return Err(check.fault(&["server", key], fault));
    };
    Ok(Server::At { settings: Settings { address, manner }, others: addresses.collect() })
}

fn address(
    url: &str,
    key: &str,
    version: &str,
    may_be_plain: bool,
    check: &Checker<'_>,
) -> Result<Address, ConfigError> {
    if url == EMBEDDED {
        let fault = "the embedded server is one: write `url = \"embedded\"` in place of `urls`, or leave it out here";
        return Err(check.fault(&["server", key], fault));
    }
    let address = check.that(&["server", key], Address::parse(url))?;
    let address = check.that(&["server", "version"], address.with_version(version))?;
    if address.scheme() == Scheme::Ws && !address.is_loopback() && !may_be_plain {
        let fault = format!(
            "the token would travel to {} for everybody to read: write wss://, or set `plain-token = true` if the way \
             there is safe",
            address.host()
        );
        return Err(check.fault(&["server", key], &fault));
    }
    Ok(address)
}

/// Where the login comes from, and whether it is nobody's.
fn login(server: &RawServer, check: &Checker<'_>) -> Result<(LoginSource, bool), ConfigError> {
    let given = [
        ("token", server.token.is_some()),
        ("token-file", server.token_file.is_some()),
        ("token-command", server.token_command.is_some()),
    ];
    if let Some((second, _)) = given.iter().filter(|(_, is_given)| *is_given).nth(1) {
        let fault = "give one of `token`, `token-file` and `token-command`, not several";
        return Err(check.fault(&["server", second], fault));
    }
    let user_id = server.user_id;
    let dev_id = Some(server.dev_id.unwrap_or(0));
    let token = match (&server.token, &server.token_file) {
        (Some(token), _) => {
            check.says_a_secret(&["server", "token"]);
            check.that(&["server", "token"], Token::new(token.trim()))?
        }
        (None, Some(file)) => {
            check.that(&["server", "token-file"], Token::new(check.secret(&["server", "token-file"], file)?))?
        }
        (None, None) => Token::default(),
    };
    let has_token = !token.is_empty() || server.token_command.is_some();
    let has_user = user_id.is_some_and(|id| id != 0);
    if has_user && !has_token {
        let fault = "a user logs in with a token: give `token-file`, or leave `user-id` out to be anonymous";
        return Err(check.fault(&["server", "user-id"], fault));
    }
    if has_token && !has_user {
        let fault = "a token belongs to a user: set `user-id` to that user's number";
        return Err(check.fault(&["server", "user-id"], fault));
    }
    let login = check.that(&["server", "user-id"], Login::new(token, user_id, dev_id))?;
    // A file is read and a program run for each connection. That the file is right now is checked above; a program may
    // do anything, so it is run only when its token is needed.
    let source = match (&server.token_file, &server.token_command) {
        (Some(file), _) if has_token => LoginSource::File { token: check.beside(file), user_id, dev_id },
        (_, Some(words)) => LoginSource::Command { command: command(words, check)?, user_id, dev_id },
        _ => LoginSource::Fixed(login),
    };
    Ok((source, !has_token))
}

fn command(words: &[String], check: &Checker<'_>) -> Result<TokenCommand, ConfigError> {
    // A bare name is looked up in PATH; what has a folder in it is a path like any other here.
    let program = words.first().map(|program| match program.contains(std::path::is_separator) {
        true => check.beside(Path::new(program)).to_string_lossy().into_owned(),
        false => program.clone(),
    });
    let arguments = words.iter().skip(1).cloned();
    TokenCommand::new(program.into_iter().chain(arguments)).ok_or_else(|| {
        check.fault(
            &["server", "token-command"],
            "it names no program: write the program and its arguments, as in [\"/usr/local/bin/token\", \"bot\"]",
        )
    })
}

fn timing(server: &RawServer, check: &Checker<'_>) -> Result<Timing, ConfigError> {
    let mut timing = Timing::default();
    if let Some(seconds) = server.heartbeat_seconds {
        check.within(&(1..=u32::MAX), &["server", "heartbeat-seconds"], seconds)?;
        timing.heartbeat = Duration::from_secs(u64::from(seconds));
    }
    if let Some(seconds) = server.answer_seconds {
        check.within(&ANSWER_SECONDS_RANGE, &["server", "answer-seconds"], seconds)?;
        timing.answer = Duration::from_secs(u64::from(seconds));
    }
    if let Some(millis) = server.retry_min_ms {
        check.within(&RETRY_MIN_MS_RANGE, &["server", "retry-min-ms"], millis)?;
        timing.retry_shortest = Duration::from_millis(u64::from(millis));
    }
    if let Some(seconds) = server.retry_max_seconds {
        check.within(&(1..=MOST_RETRY_MAX_SECONDS), &["server", "retry-max-seconds"], seconds)?;
        timing.retry_longest = Duration::from_secs(u64::from(seconds));
    }
    if timing.retry_longest < timing.retry_shortest {
        let key = if server.retry_max_seconds.is_some() { "retry-max-seconds" } else { "retry-min-ms" };
        let fault = format!(
            "`retry-max-seconds` ({} s) must not be less than `retry-min-ms` ({} ms)",
            timing.retry_longest.as_secs(),
            timing.retry_shortest.as_millis()
        );
        return Err(check.fault(&["server", key], &fault));
    }
    Ok(timing)
}

/// The keys of `[server]` that say something else in `new`.
pub(super) fn differing(old: &Server, new: &Server) -> Vec<&'static str> {
    let (was, is) = (Parts::of(old), Parts::of(new));
    let Manner { login, timing, authorities, frame_max_bytes, catch_up, hear_own } = was.manner;
    let Timing { heartbeat, answer, retry_shortest, retry_longest } = timing;
    let address = if was.urls.len() > 1 || is.urls.len() > 1 { "urls" } else { "url" };
    let own = that_differ([
        (address, was.urls != is.urls),
        ("version", was.version != is.version),
        ("ca-file", *authorities != is.manner.authorities),
        ("heartbeat-seconds", *heartbeat != is.manner.timing.heartbeat),
        ("answer-seconds", *answer != is.manner.timing.answer),
        ("retry-min-ms", *retry_shortest != is.manner.timing.retry_shortest),
        ("retry-max-seconds", *retry_longest != is.manner.timing.retry_longest),
        ("frame-max-kib", *frame_max_bytes != is.manner.frame_max_bytes),
        ("catch-up", *catch_up != is.manner.catch_up),
        ("hear-own", *hear_own != is.manner.hear_own),
    ]);
    own.into_iter().chain(differing_login(login, &is.manner.login)).collect()
}

/// A [`Server`] in parts that can be compared. An [`Address`] cannot: each has a client identifier of its own.
struct Parts<'a> {
    urls: Vec<String>,
    version: &'a str,
    manner: &'a Manner,
}

impl<'a> Parts<'a> {
    fn of(server: &'a Server) -> Self {
        match server {
            Server::Embedded { manner, version } => Self { urls: vec![EMBEDDED.to_owned()], version, manner },
            Server::At { settings: Settings { address, manner }, others } => Self {
                urls: [address].into_iter().chain(others).map(ToString::to_string).collect(),
                version: address.version(),
                manner,
            },
        }
    }
}

fn differing_login(old: &LoginSource, new: &LoginSource) -> Vec<&'static str> {
    let ids = |source: &LoginSource| match source {
        LoginSource::Fixed(login) => (login.user_id(), login.dev_id()),
        LoginSource::File { user_id, dev_id, .. } | LoginSource::Command { user_id, dev_id, .. } => (*user_id, *dev_id),
    };
    let ((was_user, was_dev), (user, dev)) = (ids(old), ids(new));
    let token = match (old, new) {
        (LoginSource::Fixed(old), LoginSource::Fixed(new)) => (old.token() != new.token()).then_some("token"),
        (LoginSource::File { token: old, .. }, LoginSource::File { token: new, .. }) => {
            (old != new).then_some("token-file")
        }
        (LoginSource::Command { command: old, .. }, LoginSource::Command { command: new, .. }) => {
            (old != new).then_some("token-command")
        }
        // From one key to another: named by the one that is there, or was there, if the bot becomes anonymous.
        (old, LoginSource::Fixed(new)) if new.token().is_empty() => Some(key_of(old)),
        (_, new) => Some(key_of(new)),
    };
    let ids = that_differ([("user-id", was_user != user), ("dev-id", was_dev != dev)]);
    ids.into_iter().chain(token).collect()
}

fn key_of(source: &LoginSource) -> &'static str {
    match source {
        LoginSource::Fixed(_) => "token",
        LoginSource::File { .. } => "token-file",
        LoginSource::Command { .. } => "token-command",
    }
}
