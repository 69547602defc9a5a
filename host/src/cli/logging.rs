//! Where log lines go: standard error, for people on a terminal and as JSON lines otherwise.

use std::io::IsTerminal as _;

use tracing_subscriber::{filter::Targets, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _};

use super::CliError;
use crate::config::{self, LogFormat};

/// Whether log lines are for people.
pub(super) fn is_human(settings: &config::Log) -> bool {
    match settings.format {
        LogFormat::Auto => std::io::stderr().is_terminal(),
        LogFormat::Human => true,
        LogFormat::Json => false,
    }
}

/// Starts the log of a command for people: what it could not do, without times.
pub(super) fn start_for_people() -> Result<(), CliError> {
    start_with(Targets::new().with_default(tracing::Level::WARN))
}

/// The same with all that plugins say: for their authors.
pub(super) fn start_for_authors() -> Result<(), CliError> {
    start_with(Targets::new().with_default(tracing::Level::WARN).with_target("plugin", tracing::Level::TRACE))
}

fn start_with(filter: Targets) -> Result<(), CliError> {
    let layer = fmt::layer().with_writer(std::io::stderr).with_target(false).with_ansi(has_colour()).without_time();
    tracing_subscriber::registry().with(filter).with(layer.compact()).try_init().map_err(CliError::failed)
}

fn has_colour() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

/// Starts the log.
pub(super) fn start(settings: &config::Log) -> Result<(), CliError> {
    let filter: Targets = settings.level.parse().map_err(|error| {
        CliError::usage(format!("`log.level`: {error}; write error, warn, info, debug or trace, or info,plugin=debug"))
    })?;
    let registry = tracing_subscriber::registry().with(filter);
    let layer = fmt::layer().with_writer(std::io::stderr);
    let started = if is_human(settings) {
        registry.with(layer.with_target(false).with_ansi(has_colour()).compact()).try_init()
    } else {
        registry.with(layer.json().flatten_event(true)).try_init()
    };
    started.map_err(CliError::failed)
}
