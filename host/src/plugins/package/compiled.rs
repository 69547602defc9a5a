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

use ring::{
    hmac,
    rand::{SecureRandom as _, SystemRandom},
};
use serde::{Deserialize, Serialize};
use wasmtime::component::Component;

use super::{ContentHash, landmarks::Landmarks};
use crate::{
    plugins::sandbox::Sandbox,
    private_file::{self, Outlives},
};

/// What every entry begins with.
const MAGIC: &[u8] = b"cometbot compiled 1\n";
/// The keyed hash.
const TAG_BYTES: usize = 32;
/// The file with the key.
const KEY: &str = "key";
/// Of what makes components of modules: another build may make another one of the same file.
const ENCODER: &str = env!("COMETBOT_ENCODER");

/// The folder of compiled plugins.
#[derive(Debug)]
pub struct Compiled {
    folder: PathBuf,
    key: hmac::Key,
}

/// What stands before the code.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    encoder: String,
    content: ContentHash,
    landmarks: Landmarks,
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
                let mut key = vec![0; TAG_BYTES];
                SystemRandom::new().fill(&mut key).map_err(|_| io::Error::other("the system gives no randomness"))?;
                private_file::replace(&path, &key, Outlives::Process)?;
                key
            }
        };
        Ok(Self { folder, key: hmac::Key::new(hmac::HMAC_SHA256, &key) })
    }

    /// The component that was made of a file with this content, if it is there and good.
    pub(super) fn read(&self, sandbox: &Sandbox, content: ContentHash) -> Option<(Component, Landmarks)> {
        let entry = fs::read(self.path(content)).ok()?;
        let read = self.verified(&entry, content).and_then(|(landmarks, code)| {
            deserialize(sandbox, code).map(|component| (component, landmarks)).map_err(|error| error.to_string())
        });
        read.inspect_err(|why| tracing::debug!(%content, "compiled anew, not taken from disk: {why}")).ok()
    }

    /// Keeps a component. That it cannot be kept costs time at the next start and nothing else.
    pub(super) fn write(&self, content: ContentHash, component: &Component, landmarks: &Landmarks) {
        if let Err(why) = self.try_write(content, component, landmarks) {
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

    fn try_write(&self, content: ContentHash, component: &Component, landmarks: &Landmarks) -> Result<(), String> {
        let code = component.serialize().map_err(|error| error.to_string())?;
        let head = Head { encoder: ENCODER.to_owned(), content, landmarks: landmarks.clone() };
        let head = serde_json::to_vec(&head).map_err(|error| error.to_string())?;
        let head_bytes = u32::try_from(head.len()).map_err(|error| error.to_string())?.to_le_bytes();
        let rest = [&head_bytes, &*head, &code].concat();
        let tag = hmac::sign(&self.key, &rest);
        let entry = [MAGIC, tag.as_ref(), &rest].concat();
        // What a loss of power damages is noticed.
        private_file::replace(&self.path(content), &entry, Outlives::Process).map_err(|error| error.to_string())
    }

    /// What an entry holds, if we made it, with this build, of this content.
    fn verified<'e>(&self, entry: &'e [u8], content: ContentHash) -> Result<(Landmarks, &'e [u8]), String> {
        let torn = || "it is damaged".to_owned();
        let rest = entry.strip_prefix(MAGIC).ok_or_else(torn)?;
        let (tag, rest) = rest.split_at_checked(TAG_BYTES).ok_or_else(torn)?;
        hmac::verify(&self.key, rest, tag).map_err(|_| "it was not made here, or is damaged".to_owned())?;
        let (head_bytes, rest) = rest.split_first_chunk::<4>().ok_or_else(torn)?;
        let head_bytes = usize::try_from(u32::from_le_bytes(*head_bytes)).map_err(|error| error.to_string())?;
        let (head, code) = rest.split_at_checked(head_bytes).ok_or_else(torn)?;
        let head: Head = serde_json::from_slice(head).map_err(|error| error.to_string())?;
        if head.content != content {
            return Err("it is of another file".to_owned());
        }
        if head.encoder != ENCODER {
            return Err("another build of cometbot made it".to_owned());
        }
        Ok((head.landmarks, code))
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
    file.take(TAG_BYTES as u64 + 1).read_to_end(&mut key).ok()?;
    (key.len() == TAG_BYTES).then_some(key)
}

#[allow(unsafe_code, reason = "the engine asks for a promise that nobody else wrote these bytes; see the caller")]
fn deserialize(sandbox: &Sandbox, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: the bytes came out of `Component::serialize` of this very build, as `verified` has just made sure by a hash
    // over all of them whose key only we have. They were read into memory before, so that nobody can change them since.
    // The engine itself refuses what another release of it, or one with other settings, has made.
    unsafe { Component::deserialize(sandbox.engine(), code) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use super::*;
    use crate::plugins::{package::Package, sandbox::Room};

    const PLUGIN: &str = r#"(module
        (memory (export "memory") 1)
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
        (func (export "setup") (result i32) (i32.const 0))
        (func (export "handle") (param i32 i32 i32 i32 i32 i32 i32 i64 i32 i64 i32) (result i32) (i32.const 0)))"#;

    fn kept() -> (tempfile::TempDir, Sandbox, Compiled, ContentHash) {
        let folder = tempfile::tempdir().unwrap();
        let sandbox = Sandbox::new(Room::new(1, 1 << 20)).unwrap();
        let compiled = Compiled::open(folder.path().join("compiled")).unwrap();
        let package = Package::load_with(&sandbox, Some(&compiled), PLUGIN.as_bytes()).unwrap();
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
            assert!(compiled.verified(&bad, content).is_err(), "at byte {at}");
            assert!(compiled.verified(&good[..at], content).is_err(), "cut off at byte {at}");
        }
        fs::write(compiled.path(content), b"nonsense").unwrap();
        assert!(compiled.read(&sandbox, content).is_none());
        // And it is made good by the next load.
        Package::load_with(&sandbox, Some(&compiled), PLUGIN.as_bytes()).unwrap();
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
