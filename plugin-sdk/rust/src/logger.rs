//! The facade `log`, written into the host's log: `log::info!("{count} connections")`.

use log::{LevelFilter, Log, Metadata, Record};

use crate::host::{self, Level};

struct HostLog;

/// Sends what the facade is told to the host, from now on. The host decides which levels it shows.
pub(crate) fn start() {
    // Another instance in this process, as in tests, has done it before.
    if log::set_logger(&HostLog).is_ok() {
        log::set_max_level(LevelFilter::Trace);
    }
}

impl Log for HostLog {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let level = match record.level() {
            log::Level::Trace => Level::Trace,
            log::Level::Debug => Level::Debug,
            log::Level::Info => Level::Info,
            log::Level::Warn => Level::Warn,
            log::Level::Error => Level::Error,
        };
        // A target that nobody chose is the module's name, and the host puts the plugin's name to each line.
        let context = if record.module_path() == Some(record.target()) { "" } else { record.target() };
        match record.args().as_str() {
            Some(text) => host::write(level, context, text),
            None => host::write(level, context, &record.args().to_string()),
        }
    }

    fn flush(&self) {}
}
