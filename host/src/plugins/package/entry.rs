//! A compiled plugin as bytes: what lies in the folder of compiled plugins, and what the compiling process answers.
//!
//! Machine code is run as it is, so a keyed hash over all of it says who made it. Only what carries the right one becomes
//! a [`Verified`], and nothing else is ever given to the engine.

use ring::{
    hmac,
    rand::{SecureRandom as _, SystemRandom},
};
use serde::{Deserialize, Serialize};

use super::{ContentHash, PackageError, landmarks::Landmarks};
use crate::plugins::manifest::Manifest;

/// What every entry begins with.
const MAGIC: &[u8] = b"cometbot compiled 2\n";
/// The keyed hash.
const TAG_BYTES: usize = 32;
/// A key.
pub(super) const KEY_BYTES: usize = 32;
/// Of what makes components of modules: another build may make another one of the same file.
const ENCODER: &str = env!("COMETBOT_ENCODER");

/// A new key's bytes.
pub(super) fn new_key() -> Result<[u8; KEY_BYTES], String> {
    let mut key = [0; KEY_BYTES];
    SystemRandom::new().fill(&mut key).map_err(|_| "the system gives no randomness".to_owned())?;
    Ok(key)
}

/// What whoever has it vouches for.
#[derive(Debug)]
pub(super) struct Key(hmac::Key);

/// Machine code of which it is known that we made it, with this build, of the file with a known content.
#[derive(Debug)]
pub(super) struct Verified<'e> {
    pub(super) known: Known,
    code: &'e [u8],
}

/// What is known of a file besides its code. Whoever compiles it finds that out too: a file can be made that takes for ever
/// to look through.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Known {
    pub(super) landmarks: Landmarks,
    /// What it says that it will ask for at most.
    pub(super) manifest: Option<Manifest>,
}

/// What stands before the code.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    encoder: String,
    content: ContentHash,
    known: Known,
}

impl Known {
    /// Of a file with these bytes, whose functions lie at `landmarks`.
    pub(super) fn of(bytes: &[u8], landmarks: Landmarks) -> Result<Self, PackageError> {
        Ok(Self { landmarks, manifest: Manifest::of(bytes)? })
    }
}

impl Verified<'_> {
    /// The code.
    pub(super) const fn code(&self) -> &[u8] {
        self.code
    }
}

impl Key {
    pub(super) fn new(bytes: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// Makes an entry.
    pub(super) fn seal(&self, content: ContentHash, known: &Known, code: &[u8]) -> Result<Vec<u8>, String> {
        let head = Head { encoder: ENCODER.to_owned(), content, known: known.clone() };
        let head = serde_json::to_vec(&head).map_err(|error| error.to_string())?;
        let head_bytes = u32::try_from(head.len()).map_err(|error| error.to_string())?.to_le_bytes();
        let mut tag = hmac::Context::with_key(&self.0);
        for part in [&head_bytes, &*head, code] {
            tag.update(part);
        }
        Ok([MAGIC, tag.sign().as_ref(), &head_bytes, &head, code].concat())
    }

    /// What an entry holds, if it was made with this key, by this build, of this content.
    pub(super) fn open<'e>(&self, entry: &'e [u8], content: ContentHash) -> Result<Verified<'e>, String> {
        let torn = || "it is damaged".to_owned();
        let rest = entry.strip_prefix(MAGIC).ok_or_else(torn)?;
        let (tag, rest) = rest.split_at_checked(TAG_BYTES).ok_or_else(torn)?;
        hmac::verify(&self.0, rest, tag).map_err(|_| "it was not made here, or is damaged".to_owned())?;
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
        Ok(Verified { known: head.known, code })
    }
}
