//! From keys as they are written to checked values, table by table, with the defaults of all keys.

use std::{path::Path, time::Duration};

use super::{
    Embedded, Log, PluginTerms, Plugins, Secret, Server, Service,
    check::Checker,
    error::ConfigError,
    is_plugin_name,
    raw::{self, Raw, RawPlugin},
};
use crate::comet::{
    address::{Address, DEFAULT_VERSION, Scheme},
    link::connect::{Manner, Settings, check_authorities},
    login::{Login, LoginSource, Token},
    name::PipePattern,
};

/// What `url` says to mean the embedded server.
const EMBEDDED: &str = "embedded";

const DEFAULT_LISTEN: &str = "127.0.0.1:8087";
const DEFAULT_MEMORY_MIB: u32 = 64;
const DEFAULT_TIME_PER_EVENT_MS: u32 = 200;
const DEFAULT_QUEUE_EVENTS: u32 = 65_536;
const DEFAULT_MAX_PLUGINS: u32 = 256;
const DEFAULT_HEARTBEAT_SECONDS: u32 = 20;
const DEFAULT_OUTBOX_MIB: u32 = 8;
const DEFAULT_DRAIN_SECONDS: u32 = 10;
const DEFAULT_LOG_LEVEL: &str = "info";
const LOG_LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// More than that, waiting to be sent, is a server that will not come back.
const MOST_OUTBOX_MIB: u32 = 4096;
/// The memory that WebAssembly can address.
const MOST_MEMORY_MIB: u32 = 4096;
/// What the address space of a process has room for, with two versions of each plugin at a time.
const MOST_PLUGINS: u32 = 1000;

pub(super) fn server(raw: &Raw, check: &Checker<'_>) -> Result<Server, ConfigError> {
    let server = &raw.server;
    let token = match (&server.token, &server.token_file) {
        (Some(_), Some(_)) => {
            return Err(check.fault(&["server", "token-file"], "give either `token` or `token-file`, not both"));
        }
        (Some(token), None) => check.that(&["server", "token"], Token::new(token.trim()))?,
        (None, Some(file)) => check.that(&["server", "token-file"], Token::new(check.secret("token-file", file)?))?,
        (None, None) => Token::default(),
    };
    if token.is_empty() && server.user_id.is_some_and(|id| id != 0) {
        let fault = "a user logs in with a token: give `token-file`, or leave `user-id` out to be anonymous";
        return Err(check.fault(&["server", "user-id"], fault));
    }
    if !token.is_empty() && server.user_id.is_none_or(|id| id == 0) {
        return Err(
            check.fault(&["server", "user-id"], "a token belongs to a user: set `user-id` to that user's number")
        );
    }
    let dev_id = Some(server.dev_id.unwrap_or(0));
    let login = check.that(&["server", "user-id"], Login::new(token, server.user_id, dev_id))?;
    let is_anonymous = login.is_anonymous();
    // A file is read again for each connection; that it is right now is checked above.
    let login = match &server.token_file {
        Some(file) if !is_anonymous => LoginSource::File { token: check.beside(file), user_id: server.user_id, dev_id },
        _ => LoginSource::Fixed(login),
    };
    let version = server.version.clone().unwrap_or_else(|| DEFAULT_VERSION.to_owned());
    let heartbeat = server.heartbeat_seconds.unwrap_or(DEFAULT_HEARTBEAT_SECONDS);
    let heartbeat = check.at_least_one_up_to(u32::MAX, &["server", "heartbeat-seconds"], heartbeat)?;
    let heartbeat = Duration::from_secs(heartbeat as u64);
    let url = server.url.as_deref().unwrap_or(EMBEDDED);
    // The version is checked even where the address comes later.
    let any = check.that(&["server", "url"], Address::parse("ws://127.0.0.1/ws/"))?;
    check.that(&["server", "version"], any.with_version(&version))?;
    let authorities = server.ca_file.as_ref().map(|file| check.beside(file));
    if let Some(file) = &authorities {
        check.that(&["server", "ca-file"], check_authorities(file))?;
    }
    let manner = Manner { login, heartbeat, authorities };
    if url == EMBEDDED {
        if !server.other_urls.is_empty() {
            let fault = "the embedded server is one: name a server in `url` before you name others";
            return Err(check.fault(&["server", "other-urls"], fault));
        }
        return Ok(Server::Embedded { manner, version });
    }
    let may_be_plain = is_anonymous || server.plain_token.unwrap_or_default();
    let address = |key: &str, url: &str| {
        let address = check.that(&["server", key], Address::parse(url))?;
        let address = check.that(&["server", "version"], address.with_version(&version))?;
        if address.scheme() == Scheme::Ws && !address.is_loopback() && !may_be_plain {
            let fault = format!(
                "the token would travel to {} for everybody to read: write wss://, or set `plain-token = true` if the \
                 way there is safe",
                address.host()
            );
            return Err(check.fault(&["server", key], &fault));
        }
        Ok(address)
    };
    let others = server.other_urls.iter().map(|url| address("other-urls", url)).collect::<Result<_, _>>()?;
    Ok(Server::At { settings: Settings { address: address("url", url)?, manner }, others })
}

pub(super) fn embedded(raw: &Raw, check: &Checker<'_>) -> Result<Embedded, ConfigError> {
    let embedded = &raw.embedded;
    let listen = embedded.listen.as_deref().unwrap_or(DEFAULT_LISTEN);
    let listen = listen.parse().map_err(|_| {
        check.fault(
            &["embedded", "listen"],
            &format!("{listen:?} is no address and port: write one like {DEFAULT_LISTEN:?}"),
        )
    })?;
    let password = match (&embedded.password, &embedded.password_file) {
        (Some(_), Some(_)) => {
            let both = "give either `password` or `password-file`, not both";
            return Err(check.fault(&["embedded", "password-file"], both));
        }
        (Some(password), None) => Secret(password.clone()),
        (None, Some(file)) => Secret(check.secret("password-file", file)?),
        (None, None) => Secret::default(),
    };
    let logs = embedded.logs.iter().map(|(pipe, length)| {
        let pattern = PipePattern::new(pipe);
        check.that(&["embedded", "logs", pipe], pattern)?;
        Ok((pipe.clone(), usize::from(*length)))
    });
    Ok(Embedded {
        listen,
        logs: logs.collect::<Result<_, _>>()?,
        users_file: embedded.users_file.as_ref().map(|file| check.beside(file)),
        password,
        faults: embedded.faults.unwrap_or_default(),
        era: embedded.era.unwrap_or_default(),
    })
}

pub(super) fn plugins(raw: &Raw, check: &Checker<'_>) -> Result<Plugins, ConfigError> {
    let plugins = &raw.plugins;
    let shipped = RawPlugin {
        memory_mib: Some(DEFAULT_MEMORY_MIB),
        time_per_event_ms: Some(DEFAULT_TIME_PER_EVENT_MS),
        queue_events: Some(DEFAULT_QUEUE_EVENTS),
        config: toml::Table::new(),
    };
    let defaults = RawPlugin {
        memory_mib: plugins.memory_mib,
        time_per_event_ms: plugins.time_per_event_ms,
        queue_events: plugins.queue_events,
        config: toml::Table::new(),
    }
    .or(&shipped);
    let named = raw.plugin.iter().map(|(name, plugin)| {
        if !is_plugin_name(name) {
            let rule = format!("{name:?} names no plugin: it is the file's name without .wasm, of A-Z a-z 0-9 _ and -");
            return Err(check.fault(&["plugin", name], &rule));
        }
        Ok((name.clone(), terms(&plugin.or(&defaults), &["plugin", name], check)?))
    });
    Ok(Plugins {
        folder: check.beside(plugins.folder.as_deref().unwrap_or(Path::new("plugins"))),
        max: check.at_least_one_up_to(MOST_PLUGINS, &["plugins", "max"], plugins.max.unwrap_or(DEFAULT_MAX_PLUGINS))?,
        named: named.collect::<Result<_, _>>()?,
        defaults: terms(&defaults, &["plugins"], check)?,
    })
}

fn terms(raw: &RawPlugin, at: &[&str], check: &Checker<'_>) -> Result<PluginTerms, ConfigError> {
    let number = |key: &'static str, value: Option<u32>, most: u32| {
        let path: Vec<&str> = at.iter().copied().chain([key]).collect();
        check.at_least_one_up_to(most, &path, value.unwrap_or_default())
    };
    let config = raw.config.iter().map(|(key, value)| {
        let path: Vec<&str> = at.iter().copied().chain(["config", key]).collect();
        let text = raw::as_text(value).ok_or_else(|| {
            check.fault(&path, "a plugin's value is a text, a number, true, false, or a list of these, not a table")
        })?;
        Ok((key.clone(), text))
    });
    Ok(PluginTerms {
        memory_bytes: number("memory-mib", raw.memory_mib, MOST_MEMORY_MIB)?.saturating_mul(1024 * 1024),
        time_per_event: Duration::from_millis(number("time-per-event-ms", raw.time_per_event_ms, u32::MAX)? as u64),
        queue_events: number("queue-events", raw.queue_events, u32::MAX)?,
        config: config.collect::<Result<_, _>>()?,
    })
}

pub(super) fn service(raw: &Raw, check: &Checker<'_>) -> Result<Service, ConfigError> {
    let outbox = raw.service.outbox_mib.unwrap_or(DEFAULT_OUTBOX_MIB);
    Ok(Service {
        outbox_bytes: check
            .at_least_one_up_to(MOST_OUTBOX_MIB, &["service", "outbox-mib"], outbox)?
            .saturating_mul(1024 * 1024),
        drain: Duration::from_secs(u64::from(raw.service.drain_seconds.unwrap_or(DEFAULT_DRAIN_SECONDS))),
    })
}

pub(super) fn log(raw: &Raw, check: &Checker<'_>) -> Result<Log, ConfigError> {
    let level = raw.log.level.clone().unwrap_or_else(|| DEFAULT_LOG_LEVEL.to_owned());
    let is_level = |word: &str| LOG_LEVELS.contains(&word.trim());
    let is_right = level.split(',').all(|part| is_level(part.split_once('=').map_or(part, |(_, level)| level)));
    if !is_right {
        let levels = LOG_LEVELS.join(", ");
        let fault = format!("{level:?} is no level: write one of {levels}, or by part, as in \"info,plugin=debug\"");
        return Err(check.fault(&["log", "level"], &fault));
    }
    Ok(Log { format: raw.log.format.unwrap_or_default(), level })
}
