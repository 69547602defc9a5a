//! The inputs that are kept for the fuzz targets, each put through what its target does with it. `tests/fuzz` says how
//! more are found.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::{fs, panic::catch_unwind, path::Path};

use cometbot_tests::fuzzed;

/// Puts every kept input of a target through `check`, and names the one at which it fails.
fn replay(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    // What a run found and nobody named is in the folder of whoever ran it only.
    files.retain(|file| {
        file.file_stem().is_some_and(|name| name.len() != "da39a3ee5e6b4b0d3255bfef95601890afd80709".len())
    });
    files.sort();
    assert!(!files.is_empty(), "{} has no inputs", folder.display());
    for file in files {
        let input = fs::read(&file).unwrap();
        assert!(catch_unwind(|| check(&input)).is_ok(), "the kept input is {}", file.display());
    }
}

#[test]
fn every_kept_file_is_loaded_or_refused_in_words() {
    replay("package", fuzzed::package::check);
}

#[test]
fn every_kept_frame_is_read_as_it_should_be() {
    replay("wire", fuzzed::wire::check);
}

#[test]
fn every_kept_configuration_is_taken_or_refused_in_words() {
    replay("config", fuzzed::config::check);
}
