//! The bot's side, with programs that are no compiler; the whole of it is in the scenarios, with the real one.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::time::Duration;

use super::{
    super::{Compiled, Compiler, ContentHash, Package, PackageError, compiled, entry::Key},
    *,
};
use crate::plugins::sandbox::{Room, Sandbox};

const PLUGIN: &[u8] = br#"(module
    (memory (export "memory") 1)
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
    (func (export "setup") (result i32) (i32.const 0))
    (func (export "handle") (param i32 i32 i32 i32 i32 i32 i32 i64 i32 i64 i32) (result i32) (i32.const 0)))"#;

const TIME: Duration = Duration::from_secs(20);

fn sandbox() -> Sandbox {
    Sandbox::new(Room::new(1, 1 << 20)).unwrap()
}

fn apart(program: &str) -> Compiler {
    Compiler::Apart(Apart { program: program.into(), bounds: CompileBounds { time: TIME, memory_bytes: 1 << 20 } })
}

fn refusal(program: &str, bytes: &[u8]) -> ApartError {
    match Package::load_with(&sandbox(), &apart(program), None, bytes) {
        Err(PackageError::Apart(error)) => error,
        Err(other) => panic!("{program}: {other}"),
        Ok(_) => panic!("{program} is no compiler"),
    }
}

#[test]
fn what_the_process_makes_is_run_by_the_bots_engine() {
    let (key, content) = (Key::new(&[7; KEY_BYTES]), ContentHash::of(PLUGIN));
    for is_metered in [false, true] {
        let sandbox = Sandbox::new(Room { is_metered, ..Room::new(1, 1 << 20) }).unwrap();
        let entry = child::compile(&key, PLUGIN, is_metered).unwrap();
        compiled::component(&sandbox, key.open(&entry, content).unwrap()).unwrap();
        // An engine of other settings does not run it.
        let other = child::compile(&key, PLUGIN, !is_metered).unwrap();
        assert!(compiled::component(&sandbox, key.open(&other, content).unwrap()).is_err());
    }
    let entry = child::compile(&key, PLUGIN, false).unwrap();
    // Another answer's key vouches for nothing.
    assert!(Key::new(&[8; KEY_BYTES]).open(&entry, content).is_err());
}

#[cfg(unix)]
#[test]
fn a_process_that_answers_nothing_or_nonsense_gives_a_sentence() {
    // Longer than what a pipe holds, so that it is not read to its end.
    let long = vec![b' '; 1 << 20];
    for bytes in [PLUGIN, &long] {
        assert!(matches!(refusal("/bin/true", bytes), ApartError::Nonsense(_)));
        assert!(matches!(refusal("/bin/false", bytes), ApartError::Died { .. }));
        assert!(matches!(refusal("/nowhere/cometbot", bytes), ApartError::Start(_)));
    }
    // What has no end is heard to a bound.
    assert!(matches!(refusal("/usr/bin/yes", PLUGIN), ApartError::Code { .. }));
}

#[test]
fn what_was_compiled_before_needs_no_process() {
    let folder = tempfile::tempdir().unwrap();
    let (sandbox, kept) = (sandbox(), Compiled::open(folder.path().join("compiled")).unwrap());
    let nobody = apart("/nowhere/cometbot");
    assert!(Package::load_with(&sandbox, &nobody, Some(&kept), PLUGIN).is_err());
    Package::load_with(&sandbox, &Compiler::Here, Some(&kept), PLUGIN).unwrap();
    assert!(Package::load_with(&sandbox, &nobody, Some(&kept), PLUGIN).is_ok());
}
