//! The interface `wasi:logging/logging@0.1.0-draft`: a plugin's own log lines.

use wasmtime::{
    StoreContextMut,
    component::{ComponentType, Lift, Linker, WasmStr},
};

use super::{State, Tag};
use crate::report::brief;

/// The name of the interface in a component's imports.
const INTERFACE: &str = "wasi:logging/logging@0.1.0-draft";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ComponentType, Lift)]
#[component(enum)]
#[repr(u8)]
#[allow(dead_code, reason = "the plugin's side makes them")]
pub(super) enum Level {
    #[component(name = "trace")]
    Trace,
    #[component(name = "debug")]
    Debug,
    #[component(name = "info")]
    Info,
    #[component(name = "warn")]
    Warn,
    #[component(name = "error")]
    Error,
    #[component(name = "critical")]
    Critical,
}

pub(super) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.instance(INTERFACE)?.func_wrap(
        "log",
        |store: StoreContextMut<'_, State>, (level, context, message): (Level, WasmStr, WasmStr)| {
            let (context, message) = (context.to_str(&store)?, message.to_str(&store)?);
            write(&store.data().tag, level, &context, &message);
            Ok(())
        },
    )
}

/// Writes one line of a plugin into the host's log, if that is shown and the plugin may write one more.
pub(super) fn write(tag: &Tag, level: Level, context: &str, message: &str) {
    // What nobody sees floods nothing.
    if !is_shown(level) || !tag.admits_a_line() {
        return;
    }
    let plugin = &*tag.name;
    let message = brief(&tag.secrets.hide(message));
    let context = (!context.is_empty()).then(|| brief(&tag.secrets.hide(context)));
    match level {
        Level::Trace => tracing::trace!(target: "plugin", plugin, context, "{message}"),
        Level::Debug => tracing::debug!(target: "plugin", plugin, context, "{message}"),
        Level::Info => tracing::info!(target: "plugin", plugin, context, "{message}"),
        Level::Warn => tracing::warn!(target: "plugin", plugin, context, "{message}"),
        Level::Error | Level::Critical => tracing::error!(target: "plugin", plugin, context, "{message}"),
    }
}

fn is_shown(level: Level) -> bool {
    match level {
        Level::Trace => tracing::enabled!(target: "plugin", tracing::Level::TRACE),
        Level::Debug => tracing::enabled!(target: "plugin", tracing::Level::DEBUG),
        Level::Info => tracing::enabled!(target: "plugin", tracing::Level::INFO),
        Level::Warn => tracing::enabled!(target: "plugin", tracing::Level::WARN),
        Level::Error | Level::Critical => tracing::enabled!(target: "plugin", tracing::Level::ERROR),
    }
}
