//! Where a plugin's calls go: in WebAssembly to the host, natively to the stage of the test that runs.

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use crate::testing::desk::{config, count, log, monotonic, now, random, send, write};

/// The levels of the contract's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
    #[cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "only a panic in WebAssembly is so bad"))]
    Critical,
}

#[cfg(target_arch = "wasm32")]
mod real {
    use super::Level;
    use crate::{
        Event,
        bindings::{
            cometbot::plugin::comet,
            wasi::{
                clocks::{monotonic_clock, wall_clock},
                config::store,
                logging::logging,
                random,
            },
        },
        comet::Error,
    };

    pub(crate) fn send(pipe: &str, event: &str, message: &str) -> Result<(), Error> {
        Ok(comet::send(pipe, event, message)?)
    }

    pub(crate) fn log(pipe: &str, limit: u32) -> Result<Vec<Event>, Error> {
        Ok(comet::log(pipe, limit)?)
    }

    pub(crate) fn count(pipe: &str) -> Result<u64, Error> {
        Ok(comet::count(pipe)?)
    }

    pub(crate) fn config(key: &str) -> Result<Option<String>, String> {
        store::get(key).map_err(|(store::Error::Upstream(why) | store::Error::Io(why))| why)
    }

    pub(crate) fn write(level: Level, context: &str, message: &str) {
        let level = match level {
            Level::Trace => logging::Level::Trace,
            Level::Debug => logging::Level::Debug,
            Level::Info => logging::Level::Info,
            Level::Warn => logging::Level::Warn,
            Level::Error => logging::Level::Error,
            Level::Critical => logging::Level::Critical,
        };
        logging::log(level, context, message);
    }

    /// Seconds of Unix time, and the nanoseconds beyond.
    pub(crate) fn now() -> (u64, u32) {
        let now = wall_clock::now();
        (now.seconds, now.nanoseconds)
    }

    /// Nanoseconds.
    pub(crate) fn monotonic() -> u64 {
        monotonic_clock::now()
    }

    pub(crate) fn random() -> u64 {
        random::random::get_random_u64()
    }
}

#[cfg(target_arch = "wasm32")]
pub(crate) use real::{config, count, log, monotonic, now, random, send, write};
