//! Where log lines go: standard error, for people on a terminal and as JSON lines otherwise.

use std::io::IsTerminal as _;

use tracing_subscriber::{
    Registry, filter::Targets, fmt, layer::SubscriberExt as _, reload, util::SubscriberInitExt as _,
};

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

/// The level of the log, which can change while it is written.
///
/// It costs nothing where nothing is written: whether a place in the code writes is kept at that place, and determined
/// anew only when the level changes. The lock around the filter is taken for lines that are written.
#[derive(Debug)]
pub(super) struct Level(reload::Handle<Targets, Registry>);

impl Level {
    /// Makes another level hold.
    ///
    /// # Errors
    /// In words, if it is none. The level is as it was then.
    pub(super) fn set(&self, level: &str) -> Result<(), String> {
        let filter = targets(level)?;
        self.0.reload(filter).map_err(|error| error.to_string())
    }
}

fn targets(level: &str) -> Result<Targets, String> {
    level
        .parse()
        .map_err(|error| format!("`log.level`: {error}; write error, warn, info, debug or trace, or info,plugin=debug"))
}

/// Starts the log.
pub(super) fn start(settings: &config::Log) -> Result<Level, CliError> {
    let (filter, level) = reload::Layer::new(targets(&settings.level).map_err(CliError::usage)?);
    let registry = tracing_subscriber::registry().with(filter);
    let layer = fmt::layer().with_writer(std::io::stderr);
    let started = if is_human(settings) {
        registry.with(layer.with_target(false).with_ansi(has_colour()).compact()).try_init()
    } else {
        registry.with(layer.json().flatten_event(true)).try_init()
    };
    started.map_err(CliError::failed)?;
    Ok(Level(level))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::sync::{Arc, Mutex};

    use super::*;

    /// Lines as they are written.
    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl Written {
        /// The words of the lines since the last time.
        fn take(&self) -> Vec<String> {
            let bytes = std::mem::take(&mut *self.0.lock().unwrap());
            String::from_utf8(bytes).unwrap().lines().map(|line| line.rsplit(' ').next().unwrap().to_owned()).collect()
        }
    }

    /// One place for each line, as in a program that runs: the level must reach places that have written before.
    fn say() {
        tracing::debug!("debug");
        tracing::info!("info");
        tracing::debug!(target: "plugin", "debug-of-plugin");
        tracing::error!("error");
    }

    #[test]
    fn another_level_holds_from_the_next_line_on() {
        let (filter, level) = reload::Layer::new(targets("info").unwrap());
        let level = Level(level);
        let written = Written::default();
        let writer = written.clone();
        let layer = fmt::layer().with_writer(move || writer.clone()).with_ansi(false);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(filter).with(layer), || {
            say();
            assert_eq!(written.take(), ["info", "error"]);
            level.set("debug").unwrap();
            say();
            assert_eq!(written.take(), ["debug", "info", "debug-of-plugin", "error"]);
            level.set("error,plugin=debug").unwrap();
            say();
            assert_eq!(written.take(), ["debug-of-plugin", "error"]);
            assert!(level.set("a[{b=info").unwrap_err().contains("`log.level`"));
            say();
            assert_eq!(written.take(), ["debug-of-plugin", "error"]);
        });
        assert!(level.set("info").is_err(), "there is no log any more");
    }
}
