//! Compiled plugins on disk, so that a version is compiled once and not at each start or rollback.
//!
//! Machine code that is read from a file is run as it is, so each entry carries a keyed hash over all of it. The key lies
//! beside the entries, readable for the bot's user alone: an entry that was damaged, put there by somebody else, or made
//! by another build is noticed and compiled anew, never run. The same holds for a key that another user has put there, or
//! that strangers can read. Against who can read the key nothing helps: that is whoever could replace the bot itself.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use wasmtime::component::Component;

use super::{
    ContentHash,
    entry::{self, KEY_BYTES, Key, Known, Verified},
};
use crate::{
    plugins::sandbox::Sandbox,
    private_file::{self, Outlives},
};

/// The file with the key.
const KEY: &str = "key";

/// The folder of compiled plugins.
#[derive(Debug)]
pub struct Compiled {
    folder: PathBuf,
    key: Key,
}

impl Compiled {
    /// Opens the folder, and makes it and its key if they are missing.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn open(folder: PathBuf) -> io::Result<Self> {
        private_file::make_folder(&folder)?;
        let path = folder.join(KEY);
        let key = match secret(&path) {
            Some(key) => key,
            // Whatever was made with a key that is lost is worth nothing any more, and will be made anew.
            None => {
                let key = entry::new_key().map_err(io::Error::other)?;
                private_file::replace(&path, &key, Outlives::Process)?;
                key.to_vec()
            }
        };
        Ok(Self { folder, key: Key::new(&key) })
    }

    /// The component that was made of a file with this content, if it is there and good.
    pub(super) fn read(&self, sandbox: &Sandbox, content: ContentHash) -> Option<(Component, Known)> {
        let entry = fs::read(self.path(content)).ok()?;
        let read = self.key.open(&entry, content).and_then(|verified| component(sandbox, verified));
        read.inspect_err(|why| tracing::debug!(%content, "compiled anew, not taken from disk: {why}")).ok()
    }

    /// Keeps a component's code. That it cannot be kept costs time at the next start and nothing else.
    pub(super) fn write(&self, content: ContentHash, known: &Known, code: &[u8]) {
        let written = self.key.seal(content, known, code).and_then(|entry| {
            // What a loss of power damages is noticed.
            private_file::replace(&self.path(content), &entry, Outlives::Process).map_err(|error| error.to_string())
        });
        if let Err(why) = written {
            tracing::warn!(
                folder = %self.folder.display(),
                "a compiled plugin cannot be kept, so it will be compiled again at the next start: {why}"
            );
        }
    }

    /// Removes every entry but those of this content.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub fn retain(&self, contents: &BTreeSet<ContentHash>) -> io::Result<()> {
        let mut outcome = Ok(());
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let is_kept = name == KEY || name.parse().is_ok_and(|content| contents.contains(&content));
            if !is_kept {
                // One that stays does not keep the others.
                outcome = outcome.and(private_file::remove(&path).map(|_| ()));
            }
        }
        outcome
    }

    fn path(&self, content: ContentHash) -> PathBuf {
        Path::new(&self.folder).join(content.full())
    }
}

/// The key, if nobody else can have made it or read it: he could vouch for code of his own.
fn secret(path: &Path) -> Option<Vec<u8>> {
    let file = File::open(path).ok().filter(|file| private_file::is_secret(file).is_ok_and(|is_secret| is_secret))?;
    let mut key = Vec::new();
    // One byte more would be seen.
    file.take(KEY_BYTES as u64 + 1).read_to_end(&mut key).ok()?;
    (key.len() == KEY_BYTES).then_some(key)
}

/// Makes a component of code that we made.
pub(super) fn component(sandbox: &Sandbox, verified: Verified<'_>) -> Result<(Component, Known), String> {
    let component = deserialize(sandbox, &verified).map_err(|error| format!("{error:#}"))?;
    Ok((component, verified.known))
}

#[allow(unsafe_code, reason = "the engine asks for a promise that nobody else wrote these bytes; see the caller")]
fn deserialize(sandbox: &Sandbox, verified: &Verified<'_>) -> wasmtime::Result<Component> {
    // SAFETY: the bytes were serialized by the engine of this very build, as whoever made a `Verified` has made sure by a
    // hash over all of them whose key only this user's cometbot has: the one of the folder, or one that was made for a
    // single compilation and given to nobody but the process that did it. They were read into memory before, so that
    // nobody can change them since. The engine itself refuses what another release of it, or one with other settings,
    // has made.
    unsafe { Component::deserialize(sandbox.engine(), verified.code()) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use super::*;
    use crate::plugins::{
        package::{Compiler, Package},
        sandbox::Room,
    };

    const PLUGIN: &str = r#"(module
        (memory (export "memory") 1)
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
        (func (export "setup") (result i32) (i32.const 0))
        (func (export "handle") (param i32 i32 i32 i32 i32 i32 i32 i64 i32 i64 i32) (result i32) (i32.const 0)))"#;

    fn kept() -> (tempfile::TempDir, Sandbox, Compiled, ContentHash) {
        let folder = tempfile::tempdir().unwrap();
        let sandbox = Sandbox::new(Room::new(1, 1 << 20)).unwrap();
        let compiled = Compiled::open(folder.path().join("compiled")).unwrap();
        let package = Package::load_with(&sandbox, &Compiler::Here, Some(&compiled), PLUGIN.as_bytes()).unwrap();
        let content = package.hash;
        (folder, sandbox, compiled, content)
    }

    #[test]
    fn what_was_compiled_once_is_found_again_also_after_a_restart() {
        let (_folder, sandbox, compiled, content) = kept();
        assert!(compiled.read(&sandbox, content).is_some());
        let later = Compiled::open(compiled.folder.clone()).unwrap();
        assert!(later.read(&Sandbox::new(Room::new(1, 1 << 20)).unwrap(), content).is_some());
    }

    #[test]
    fn an_entry_in_which_one_bit_is_wrong_is_not_run_wherever_it_is() {
        let (_folder, sandbox, compiled, content) = kept();
        let good = fs::read(compiled.path(content)).unwrap();
        let step = good.len() / 200;
        for at in (0..good.len()).step_by(step).chain([good.len() - 1]) {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert!(compiled.key.open(&bad, content).is_err(), "at byte {at}");
            assert!(compiled.key.open(&good[..at], content).is_err(), "cut off at byte {at}");
        }
        fs::write(compiled.path(content), b"nonsense").unwrap();
        assert!(compiled.read(&sandbox, content).is_none());
        // And it is made good by the next load.
        Package::load_with(&sandbox, &Compiler::Here, Some(&compiled), PLUGIN.as_bytes()).unwrap();
        assert!(compiled.read(&sandbox, content).is_some());
    }

    #[test]
    fn an_entry_of_another_file_another_build_or_another_key_is_not_run() {
        let (_folder, sandbox, compiled, content) = kept();
        let other = ContentHash::of(b"other");
        fs::copy(compiled.path(content), compiled.path(other)).unwrap();
        assert!(compiled.read(&sandbox, other).is_none());
        fs::remove_file(compiled.folder.join(KEY)).unwrap();
        let stranger = Compiled::open(compiled.folder.clone()).unwrap();
        assert!(stranger.read(&sandbox, content).is_none());
    }

    #[cfg(unix)]
    #[test]
    fn what_a_key_vouches_for_that_strangers_can_read_is_not_run() {
        use std::os::unix::fs::PermissionsExt as _;
        let (_folder, sandbox, compiled, content) = kept();
        fs::set_permissions(compiled.folder.join(KEY), fs::Permissions::from_mode(0o644)).unwrap();
        let later = Compiled::open(compiled.folder.clone()).unwrap();
        assert!(later.read(&sandbox, content).is_none());
    }

    #[test]
    fn only_what_is_still_wanted_is_kept() {
        let (_folder, sandbox, compiled, content) = kept();
        fs::copy(compiled.path(content), compiled.path(ContentHash::of(b"other"))).unwrap();
        compiled.retain(&BTreeSet::from([content])).unwrap();
        assert!(compiled.read(&sandbox, content).is_some());
        assert_eq!(fs::read_dir(&compiled.folder).unwrap().count(), 2, "the entry and the key");
    }
}
