//! Any bytes as the frames of a connection.
#![no_main]

use cometbot_tests::fuzzed::wire;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|frames: &[u8]| wire::check(frames));
