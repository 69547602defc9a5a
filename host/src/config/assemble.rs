//! From keys as they are written to checked values, table by table, with the defaults of all keys. `[server]` has a
//! module of its own.

use std::{net::SocketAddr, ops::RangeInclusive, path::Path, time::Duration};

use tracing_subscriber::filter::Targets;

use super::{
    CompileBounds, Delivery, Embedded, Log, Outbox, PluginTerms, Plugins, Secret, Service,
    check::Checker,
    error::ConfigError,
    is_plugin_name, limits,
    raw::{DeliveryKind, OutboxKind, Raw},
    terms::read::terms,
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
        (Some(password), None) => {
            check.says_a_secret(&["embedded", "password"]);
            Secret(password.clone())
        }
        (None, Some(file)) => Secret(check.secret(&["embedded", "password-file"], file)?),
        (None, None) => Secret::default(),
    };
    let users_file = embedded.users_file.as_ref().map(|file| check.beside(file));
    users_file.iter().for_each(|file| check.holds_a_secret(file));
    let logs = embedded.logs.iter().map(|(pipe, length)| {
        let pattern = PipePattern::new(pipe);
        check.that(&["embedded", "logs", pipe], pattern)?;
        Ok((pipe.clone(), usize::from(*length)))
    });
    Ok(Embedded {
        listen,
        logs: logs.collect::<Result<_, _>>()?,
        users_file,
        password,
        faults: embedded.faults.unwrap_or_default(),
        era: embedded.era.unwrap_or_default(),
    })
}

pub(super) fn plugins(raw: &Raw, check: &Checker<'_>) -> Result<Plugins, ConfigError> {
    let plugins = &raw.plugins;
    for (key, is_empty) in [("config", raw.defaults.config.is_empty()), ("secrets", raw.defaults.secrets.is_empty())] {
        if !is_empty {
            let fault = format!("this belongs to one plugin: write it into [plugin.NAME.{key}]");
            return Err(check.fault(&["defaults", key], &fault));
        }
    }
    let defaults = terms(&raw.defaults, &PluginTerms::default(), &["defaults"], check)?;
    let of = |range: &RangeInclusive<u32>, key, value: Option<u32>, otherwise| {
        check.within(range, &["plugins", key], value.unwrap_or(otherwise))
    };
    let wide = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let named = raw.plugin.iter().map(|(name, plugin)| {
        if !is_plugin_name(name) {
            let rule = format!("{name:?} names no plugin: it is the file's name without .wasm, of A-Z a-z 0-9 _ and -");
            return Err(check.fault(&["plugin", name], &rule));
        }
        Ok((name.clone(), terms(plugin, &defaults, &["plugin", name], check)?))
    });
    Ok(Plugins {
        folder: check.beside(plugins.folder.as_deref().unwrap_or(Path::new(limits::PLUGIN_FOLDER))),
        max: check.at_least_one_up_to(
            limits::MOST_PLUGINS,
            &["plugins", "max"],
            plugins.max.unwrap_or(limits::MAX_PLUGINS),
        )?,
        keep_versions: check.at_least_one_up_to(
            limits::MOST_KEEP_VERSIONS,
            &["plugins", "keep-versions"],
            plugins.keep_versions.unwrap_or(limits::KEEP_VERSIONS),
        )?,
        stack_bytes: of(&limits::STACK_KIB_RANGE, "stack-kib", plugins.stack_kib, limits::STACK_KIB)? << 10,
        file_bytes: wide(of(&(1..=limits::MOST_FILE_MIB), "file-mib", plugins.file_mib, limits::FILE_MIB)?) << 20,
        compile: CompileBounds {
            time: Duration::from_secs(wide(of(
                &(1..=limits::MOST_COMPILE_SECONDS),
                "compile-seconds",
                plugins.compile_seconds,
                limits::COMPILE_SECONDS,
            )?)),
            memory_bytes: wide(of(
                &limits::COMPILE_MEMORY_MIB_RANGE,
                "compile-memory-mib",
                plugins.compile_memory_mib,
                limits::COMPILE_MEMORY_MIB,
            )?) << 20,
        },
        named: named.collect::<Result<_, _>>()?,
        defaults,
    })
}

pub(super) fn service(raw: &Raw, check: &Checker<'_>) -> Result<Service, ConfigError> {
    let service = &raw.service;
    let mib = service.outbox_mib.unwrap_or(limits::OUTBOX_MIB);
    let sends = service.outbox_sends.unwrap_or(limits::OUTBOX_SENDS);
    let folder = service.outbox_folder.as_deref().unwrap_or(Path::new(limits::OUTBOX_FOLDER));
    let metrics = service.metrics.as_deref();
    let state_folder = check.beside(service.state_folder.as_deref().unwrap_or(Path::new(limits::STATE_FOLDER)));
    let control = service.control_socket.as_ref();
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
        control: control.map_or_else(|| state_folder.join(limits::CONTROL_SOCKET), |socket| check.beside(socket)),
        state_folder,
        drain: Duration::from_secs(u64::from(service.drain_seconds.unwrap_or(limits::DRAIN_SECONDS))),
    })
}

fn socket(text: &str, example: &str, key: &[&str], check: &Checker<'_>) -> Result<SocketAddr, ConfigError> {
    text.parse().map_err(|_| check.fault(key, &format!("{text:?} is no address and port: write one like {example:?}")))
}

pub(super) fn log(raw: &Raw, check: &Checker<'_>) -> Result<Log, ConfigError> {
    let level = raw.log.level.clone().unwrap_or_else(|| limits::LOG_LEVEL.to_owned());
    let is_level = |word: &str| limits::LOG_LEVELS.contains(&word.trim());
    let is_plain = level.split(',').all(|part| is_level(part.split_once('=').map_or(part, |(_, level)| level)));
    // What the log itself does not take must be refused here, before any of a changed file is applied.
    if !is_plain || level.parse::<Targets>().is_err() {
        let levels = limits::LOG_LEVELS.join(", ");
        let fault = format!("{level:?} is no level: write one of {levels}, or by part, as in \"info,plugin=debug\"");
        return Err(check.fault(&["log", "level"], &fault));
    }
    Ok(Log { format: raw.log.format.unwrap_or_default(), level })
}
