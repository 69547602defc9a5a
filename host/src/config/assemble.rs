//! From keys as they are written to checked values, table by table, with the defaults of all keys. `[server]` has a
//! module of its own.

use std::{net::SocketAddr, path::Path, time::Duration};

use super::{
    Delivery, Embedded, Log, Outbox, PluginTerms, Plugins, Secret, Service,
    check::Checker,
    error::ConfigError,
    is_plugin_name, limits,
    raw::{self, DeliveryKind, OutboxKind, Raw, RawPlugin},
};
use crate::comet::name::PipePattern;

pub(super) fn embedded(raw: &Raw, check: &Checker<'_>) -> Result<Embedded, ConfigError> {
    let embedded = &raw.embedded;
    let listen = embedded.listen.as_deref().unwrap_or(limits::LISTEN);
    let listen = socket(listen, limits::LISTEN, &["embedded", "listen"], check)?;
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
        memory_mib: Some(limits::MEMORY_MIB),
        time_per_event_ms: Some(limits::TIME_PER_EVENT_MS),
        queue_events: Some(limits::QUEUE_EVENTS),
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
        folder: check.beside(plugins.folder.as_deref().unwrap_or(Path::new(limits::PLUGIN_FOLDER))),
        max: check.at_least_one_up_to(
            limits::MOST_PLUGINS,
            &["plugins", "max"],
            plugins.max.unwrap_or(limits::MAX_PLUGINS),
        )?,
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
        memory_bytes: number("memory-mib", raw.memory_mib, limits::MOST_MEMORY_MIB)?.saturating_mul(1024 * 1024),
        time_per_event: Duration::from_millis(number("time-per-event-ms", raw.time_per_event_ms, u32::MAX)? as u64),
        queue_events: number("queue-events", raw.queue_events, u32::MAX)?,
        config: config.collect::<Result<_, _>>()?,
    })
}

pub(super) fn service(raw: &Raw, check: &Checker<'_>) -> Result<Service, ConfigError> {
    let service = &raw.service;
    let mib = service.outbox_mib.unwrap_or(limits::OUTBOX_MIB);
    let sends = service.outbox_sends.unwrap_or(limits::OUTBOX_SENDS);
    let folder = service.outbox_folder.as_deref().unwrap_or(Path::new(limits::OUTBOX_FOLDER));
    let metrics = service.metrics.as_deref();
    Ok(Service {
        outbox_bytes: check
            .at_least_one_up_to(limits::MOST_OUTBOX_MIB, &["service", "outbox-mib"], mib)?
            .saturating_mul(1024 * 1024),
        outbox_sends: check.at_least_one_up_to(limits::MOST_OUTBOX_SENDS, &["service", "outbox-sends"], sends)?,
        outbox: match service.outbox.unwrap_or_default() {
            OutboxKind::Memory => Outbox::Memory,
            OutboxKind::Disk => Outbox::Disk(check.beside(folder)),
        },
        delivery: match service.delivery.unwrap_or_default() {
            DeliveryKind::AtLeastOnce => Delivery::AtLeastOnce,
            DeliveryKind::AtMostOnce => Delivery::AtMostOnce,
        },
        metrics: metrics
            .map(|address| socket(address, limits::METRICS_EXAMPLE, &["service", "metrics"], check))
            .transpose()?,
        drain: Duration::from_secs(u64::from(service.drain_seconds.unwrap_or(limits::DRAIN_SECONDS))),
    })
}

fn socket(text: &str, example: &str, key: &[&str], check: &Checker<'_>) -> Result<SocketAddr, ConfigError> {
    text.parse().map_err(|_| check.fault(key, &format!("{text:?} is no address and port: write one like {example:?}")))
}

pub(super) fn log(raw: &Raw, check: &Checker<'_>) -> Result<Log, ConfigError> {
    let level = raw.log.level.clone().unwrap_or_else(|| limits::LOG_LEVEL.to_owned());
    let is_level = |word: &str| limits::LOG_LEVELS.contains(&word.trim());
    let is_right = level.split(',').all(|part| is_level(part.split_once('=').map_or(part, |(_, level)| level)));
    if !is_right {
        let levels = limits::LOG_LEVELS.join(", ");
        let fault = format!("{level:?} is no level: write one of {levels}, or by part, as in \"info,plugin=debug\"");
        return Err(check.fault(&["log", "level"], &fault));
    }
    Ok(Log { format: raw.log.format.unwrap_or_default(), level })
}
