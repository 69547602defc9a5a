//! What outlives the process: the state folder, which is one bot's alone.
//!
//! ```text
//! lock                       held by the bot that runs
//! versions/HASH              the bytes of versions that were good, by their hash: Versions
//! plugins/NAME.json          what was decided about a plugin: Records
//! quarantine/NAME/ID.json    events that could not be handled: Quarantine
//! compiled/                  the compile cache, which is the sandbox's
//! ```
//! Every file is written under another name and then renamed, so that a kill at any moment leaves a folder that can be
//! read. A file that is damaged all the same is said and passed over; it never keeps a bot from starting.
//!
//! Called by `bot` and by `slot`. Calls block for as long as the disk takes, which is for a task that events do not wait
//! for; [`Quarantine::add`] excepted, which hands one small file to the system.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    plugins::grants::Grants,
    private_file::{self, Locked, Outlives, Refusal},
};

pub use self::{
    quarantine::{Entry, Failed, FailedEvent, Id, IdError, Quarantine},
    record::{Good, HeldBack, Record, Records},
    versions::Versions,
};

mod quarantine;
mod record;
mod versions;

const LOCK: &str = "lock";
const VERSIONS: &str = "versions";
const RECORDS: &str = "plugins";
const QUARANTINE: &str = "quarantine";
const COMPILED: &str = "compiled";

/// Why nothing can be kept.
#[derive(Debug, thiserror::Error)]
pub enum KeptError {
    /// A folder is missing and cannot be made.
    #[error("cannot make the folder {}: {source}; make it, or set another `state-folder` in [service]", path.display())]
    NoFolder {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Something in the folder cannot be read, locked or written.
    #[error(
        "cannot write to {}: {source}; let the service's user read and write there, or set another `state-folder` in \
         [service]", path.display()
    )]
    Unusable {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Another process has it.
    #[error("another cometbot uses {}: stop it, or give each a `state-folder` of its own in [service]", path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
    },
}

/// An open state folder. It is this process's until the last clone is dropped.
#[derive(Debug, Clone)]
pub struct Kept(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    compiled: PathBuf,
    versions: Versions,
    records: Records,
    quarantine: Quarantine,
    _lock: Locked,
}

impl Kept {
    /// Opens the folder, made for its owner alone if it is not there, and locks it. What a kill has left unfinished is
    /// removed.
    ///
    /// # Errors
    /// A [`KeptError`], also if nothing could be written later.
    pub fn open(folder: &Path) -> Result<Self, KeptError> {
        make(folder)?;
        warn_of_others(folder);
        let lock = lock(folder)?;
        let [versions, records, quarantine, compiled] =
            [VERSIONS, RECORDS, QUARANTINE, COMPILED].map(|name| folder.join(name));
        for part in [&versions, &records, &quarantine, &compiled] {
            make(part)?;
            try_writing(part).map_err(|source| KeptError::Unusable { path: part.clone(), source })?;
        }
        for part in [&versions, &records] {
            private_file::sweep(part).map_err(|source| KeptError::Unusable { path: part.clone(), source })?;
        }
        Ok(Self(Arc::new(Parts {
            compiled,
            versions: Versions::in_folder(versions),
            records: Records::in_folder(records),
            quarantine: Quarantine::in_folder(quarantine),
            _lock: lock,
        })))
    }

    /// Where the compile cache is; the folder is there.
    #[must_use]
    pub fn compiled(&self) -> &Path {
        &self.0.compiled
    }

    /// What was granted to a plugin by command, as it is written in a state folder that may be another process's: for
    /// whoever only looks. Nothing, if that cannot be read.
    #[must_use]
    pub fn granted_in(folder: &Path, plugin: &str) -> Grants {
        Records::in_folder(folder.join(RECORDS)).look(plugin).and_then(|record| record.granted).unwrap_or_default()
    }

    /// The bytes of versions.
    #[must_use]
    pub fn versions(&self) -> &Versions {
        &self.0.versions
    }

    /// What was decided about each plugin.
    #[must_use]
    pub fn records(&self) -> &Records {
        &self.0.records
    }

    /// The events that could not be handled.
    #[must_use]
    pub fn quarantine(&self) -> &Quarantine {
        &self.0.quarantine
    }
}

fn make(folder: &Path) -> Result<(), KeptError> {
    private_file::make_folder(folder).map_err(|source| KeptError::NoFolder { path: folder.to_owned(), source })
}

/// A folder that was made by somebody else may be open to more than its owner: a volume of a container often is.
fn warn_of_others(folder: &Path) {
    #[cfg(unix)]
    if let Ok(metadata) = fs::metadata(folder)
        && std::os::unix::fs::MetadataExt::mode(&metadata) & 0o022 != 0
    {
        tracing::warn!(
            "others can write to the state folder {}, and so decide what plugins may do: `chmod go-w` it",
            folder.display()
        );
    }
    #[cfg(not(unix))]
    let _ = folder;
}

fn lock(folder: &Path) -> Result<Locked, KeptError> {
    let path = folder.join(LOCK);
    private_file::open_locked(&path).map_err(|refusal| match refusal {
        Refusal::InUse => KeptError::InUse { path: folder.to_owned() },
        Refusal::NoFile => KeptError::Unusable { path, source: io::ErrorKind::IsADirectory.into() },
        Refusal::System(source) => KeptError::Unusable { path, source },
    })
}

/// What cannot be written is told when the bot is started, and not when something has to be kept.
fn try_writing(folder: &Path) -> io::Result<()> {
    let probe = folder.join("probe");
    private_file::replace(&probe, &[], Outlives::Process)?;
    fs::remove_file(probe)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

    use super::*;
    use crate::plugins::package::ContentHash;

    #[test]
    fn a_state_folder_is_one_bot_s_alone() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("state");
        let kept = Kept::open(&folder).unwrap();
        let clone = kept.clone();
        drop(kept);
        let message = Kept::open(&folder).unwrap_err().to_string();
        let wanted = format!("another cometbot uses {}: stop it, or give each a `state-folder`", folder.display());
        assert!(message.starts_with(&wanted), "{message}");
        drop(clone);
        Kept::open(&folder).unwrap();
    }

    #[test]
    fn a_folder_in_which_nothing_can_be_kept_is_an_error_that_says_what_to_set() {
        for obstacle in ["state", "state/lock", "state/versions", "state/plugins", "state/quarantine", "state/compiled"]
        {
            let home = tempfile::tempdir().unwrap();
            let (folder, obstacle) = (home.path().join("state"), home.path().join(obstacle));
            if obstacle.ends_with(LOCK) {
                fs::create_dir_all(&obstacle).unwrap();
            } else {
                fs::create_dir_all(obstacle.parent().unwrap()).unwrap();
                fs::write(&obstacle, "").unwrap();
            }
            let message = Kept::open(&folder).unwrap_err().to_string();
            let names_it = message.contains(&obstacle.display().to_string());
            assert!(names_it && message.contains("`state-folder` in [service]"), "{message}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_others_can_write_to_is_told() {
        use std::os::unix::fs::PermissionsExt as _;
        let home = tempfile::tempdir().unwrap();
        for (mode, is_told) in [(0o777, true), (0o775, true), (0o755, false), (0o700, false)] {
            fs::set_permissions(home.path(), fs::Permissions::from_mode(mode)).unwrap();
            let log = crate::report::log_of(|| drop(Kept::open(home.path()).unwrap()));
            assert_eq!(log.contains("others can write to the state folder"), is_told, "{mode:o}: {log}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_cannot_be_written_is_told_when_it_is_opened() {
        use std::os::unix::fs::PermissionsExt as _;
        let home = tempfile::tempdir().unwrap();
        drop(Kept::open(home.path()).unwrap());
        let versions = home.path().join(VERSIONS);
        fs::set_permissions(&versions, fs::Permissions::from_mode(0o500)).unwrap();
        // To the superuser a mode is nothing.
        if fs::write(versions.join("probe"), "").is_err() {
            assert!(matches!(Kept::open(home.path()), Err(KeptError::Unusable { path, .. }) if path == versions));
        }
        fs::set_permissions(&versions, fs::Permissions::from_mode(0o700)).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn the_folder_and_what_is_in_it_are_their_owner_s_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("state");
        let kept = Kept::open(&folder).unwrap();
        kept.records().write("karma", &Record::default()).unwrap();
        kept.versions().put(ContentHash::of(b"x"), b"x").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder), 0o700);
        for name in [VERSIONS, RECORDS, QUARANTINE, COMPILED] {
            let part = folder.join(name);
            assert_eq!(mode(&part), 0o700, "{name}");
            for entry in fs::read_dir(part).unwrap() {
                assert_eq!(mode(&entry.unwrap().path()), 0o600, "{name}");
            }
        }
        assert_eq!((mode(&folder.join(LOCK)), kept.compiled()), (0o600, &*folder.join(COMPILED)));
    }
}
