//! Any bytes as a plugin's file, and what becomes of valid plugins when a little of them is changed.
#![no_main]

use std::panic;

use cometbot_tests::fuzzed::package;
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

mod mutation;

fuzz_target!(
    init: panic::set_hook(Box::new(caught::remember)),
    |file: &[u8]| {
        if panic::catch_unwind(|| package::check(file)).is_err() {
            caught::tell();
            std::process::abort();
        }
    }
);

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutation::mutate(data, size, max_size, seed)
});

/// libFuzzer ends the process at every panic. The loader catches some, of tools that panic at what they cannot read, so
/// here only a panic that nobody has caught is told.
mod caught {
    use std::{backtrace::Backtrace, cell::RefCell, panic::PanicHookInfo};

    thread_local! {
        static LAST: RefCell<Option<(String, Backtrace)>> = const { RefCell::new(None) };
    }

    /// Keeps what the last panic was.
    pub(super) fn remember(info: &PanicHookInfo<'_>) {
        LAST.set(Some((info.to_string(), Backtrace::force_capture())));
    }

    /// Prints it.
    pub(super) fn tell() {
        if let Some((what, backtrace)) = LAST.take() {
            eprintln!("{what}\n{backtrace}");
        }
    }
}
