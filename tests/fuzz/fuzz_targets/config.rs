//! Any text as bot.toml, and variables beside it.
#![no_main]

use cometbot_tests::fuzzed::config;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| config::check(text));
