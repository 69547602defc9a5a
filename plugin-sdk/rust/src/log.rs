//! Lines in the host's log, under the plugin's name: `log::info(format!("{count} connections"))`.

use crate::bindings::wasi::logging::logging::{Level, log};

/// The variables and the flow of control within a plugin.
pub fn trace(message: impl AsRef<str>) {
    log(Level::Trace, "", message.as_ref());
}

/// What someone debugging a plugin wants to see.
pub fn debug(message: impl AsRef<str>) {
    log(Level::Debug, "", message.as_ref());
}

/// What someone watching a plugin wants to see.
pub fn info(message: impl AsRef<str>) {
    log(Level::Info, "", message.as_ref());
}

/// Something to look at before it goes wrong.
pub fn warn(message: impl AsRef<str>) {
    log(Level::Warn, "", message.as_ref());
}

/// Something that went wrong.
pub fn error(message: impl AsRef<str>) {
    log(Level::Error, "", message.as_ref());
}
