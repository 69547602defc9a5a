//! Files that are one user's and one process's alone: made so that others cannot read them, locked, replaced in one step.
//!
//! Anyone may call it; it calls nothing. Calls block for as long as the system takes.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write as _},
    ops::Deref,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

/// What the name of a file ends with that is being written and will take another one's place.
const UNFINISHED: &str = "new";

/// An open file that is locked until it is dropped.
#[derive(Debug)]
pub(crate) struct Locked(File);

impl Locked {
    /// Locks it unless another has locked it.
    pub(crate) fn new(file: File) -> Result<Self, TryLockError> {
        file.try_lock()?;
        Ok(Self(file))
    }
}

impl Deref for Locked {
    type Target = File;

    fn deref(&self) -> &File {
        &self.0
    }
}

impl Drop for Locked {
    /// To close it would not be enough: a process that this one is just starting has it too until its program runs.
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}

/// Why a file could not be had for this process alone.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// Something that is no file has the name.
    NoFile,
    /// Another process has it.
    InUse,
    /// What the system says.
    System(io::Error),
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

/// What a file has to outlive once it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outlives {
    /// The process: it is handed to the system, which takes microseconds.
    Process,
    /// The machine's power: it is forced to the disk, which takes milliseconds.
    Power,
}

/// Read and write, made if it is missing, for its owner alone.
pub(crate) fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Makes the folder and those above it, for their owner alone, unless they are there.
pub(crate) fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Opens or makes the file and locks it.
pub(crate) fn open_locked(path: &Path) -> Result<Locked, Refusal> {
    loop {
        let file = options().open(path)?;
        if !file.metadata()?.is_file() {
            return Err(Refusal::NoFile);
        }
        let file = Locked::new(file).map_err(|refusal| match refusal {
            TryLockError::WouldBlock => Refusal::InUse,
            TryLockError::Error(error) => Refusal::System(error),
        })?;
        // Its former owner may have put another file in its place between the opening and the lock.
        if is_at(&file, path)? {
            return Ok(file);
        }
    }
}

/// Whether it is this file that has the name.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let file = file.metadata()?;
    match fs::metadata(path) {
        Ok(named) => Ok((named.dev(), named.ino()) == (file.dev(), file.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Elsewhere an open file cannot be replaced.
#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> io::Result<bool> {
    Ok(true)
}

/// Writes a file whole, in the place of the one that has the name if there is one: whoever reads it, now or after a kill,
/// finds the old content or the new. If it fails the old one is as it was.
pub(crate) fn replace(path: &Path, bytes: &[u8], outlives: Outlives) -> io::Result<()> {
    let unfinished = beside(path);
    let placed = write(&unfinished, bytes, outlives).and_then(|()| fs::rename(&unfinished, path));
    if placed.is_err() {
        let _ = fs::remove_file(&unfinished);
    }
    #[cfg(unix)]
    if let (Ok(()), Outlives::Power, Some(folder)) = (&placed, outlives, path.parent()) {
        // It has its name already; a file system that cannot force that to the disk has done what it can.
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
    }
    placed
}

fn write(path: &Path, bytes: &[u8], outlives: Outlives) -> io::Result<()> {
    let mut file = options().truncate(true).open(path)?;
    file.write_all(bytes)?;
    match outlives {
        Outlives::Process => Ok(()),
        Outlives::Power => file.sync_all(),
    }
}

/// A name of its own for each call, so that several may write to the same place at once.
fn beside(path: &Path) -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    path.with_added_extension(format!("{}.{UNFINISHED}", COUNT.fetch_add(1, Ordering::Relaxed)))
}

/// Whether it is what a [`replace`] leaves that was killed.
fn is_unfinished(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == UNFINISHED)
}

/// Removes what [`replace`]s have left in the folder that were killed. Nobody may be writing there.
pub(crate) fn sweep(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if is_unfinished(&path) {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

/// Removes the file and says whether there was one.
pub(crate) fn remove(path: &Path) -> io::Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether the file is this process's user's, and nothing to strangers: only then can its content be a secret.
#[cfg(unix)]
pub(crate) fn is_secret(file: &File) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let metadata = file.metadata()?;
    // The group may be the user's own: orchestrators that mount volumes let it read everything there.
    Ok(metadata.uid() == rustix::process::geteuid().as_raw() && metadata.mode() & 0o007 == 0)
}

/// Elsewhere the folder decides.
#[cfg(not(unix))]
pub(crate) fn is_secret(_: &File) -> io::Result<bool> {
    Ok(true)
}

/// The file's content, if there is such a file.
pub(crate) fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_replaced_whole_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        for (content, outlives) in [("first", Outlives::Process), ("", Outlives::Power), ("third", Outlives::Power)] {
            replace(&path, content.as_bytes(), outlives).unwrap();
            assert_eq!(read(&path).unwrap().unwrap(), content.as_bytes());
        }
        assert_eq!(names(folder.path()), ["a.json"]);
    }

    #[test]
    fn a_replacement_that_fails_leaves_what_was_there_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        fs::create_dir(&path).unwrap();
        fs::write(path.join("inside"), "x").unwrap();
        replace(&path, b"new", Outlives::Process).unwrap_err();
        assert_eq!((names(folder.path()), names(&path)), (vec!["a.json".into()], vec!["inside".into()]));
    }

    #[test]
    fn what_a_kill_has_left_is_swept_away_and_the_rest_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        replace(&path, b"whole", Outlives::Process).unwrap();
        fs::write(beside(&path), "who").unwrap();
        fs::write(beside(&folder.path().join("b")), "").unwrap();
        sweep(folder.path()).unwrap();
        assert_eq!(names(folder.path()), ["a.json"]);
    }

    #[test]
    fn a_locked_file_is_one_opener_s_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let locked = open_locked(&path).unwrap();
        assert!(matches!(open_locked(&path), Err(Refusal::InUse)));
        // A process that is just being started has the same open file.
        let inherited = locked.try_clone().unwrap();
        drop(locked);
        open_locked(&path).unwrap();
        drop(inherited);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_was_replaced_is_not_taken_for_the_one_with_the_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let old = options().open(&path).unwrap();
        assert!(is_at(&old, &path).unwrap());
        fs::rename(&path, folder.path().join("moved")).unwrap();
        assert!(!is_at(&old, &path).unwrap(), "nothing has the name");
        fs::write(&path, "").unwrap();
        assert!(!is_at(&old, &path).unwrap(), "another file has it");
    }

    #[test]
    fn what_is_not_there_is_no_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("none");
        assert_eq!((read(&path).unwrap(), remove(&path).unwrap()), (None, false));
        fs::write(&path, "").unwrap();
        assert!(remove(&path).unwrap());
    }

    #[cfg(unix)]
    #[test]
    fn files_and_folders_are_their_owner_s_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("state/records");
        make_folder(&folder).unwrap();
        replace(&folder.join("a"), b"", Outlives::Process).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(folder.parent().unwrap()), mode(&folder), mode(&folder.join("a"))), (0o700, 0o700, 0o600));
    }

    #[cfg(unix)]
    #[test]
    fn what_strangers_may_read_or_have_made_is_no_secret() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        replace(&path, b"k", Outlives::Process).unwrap();
        let is_secret = |path: &Path| super::is_secret(&File::open(path).unwrap()).unwrap();
        assert!(is_secret(&path));
        for mode in [0o604, 0o602] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert!(!is_secret(&path), "{mode:o}");
        }
        // Only the superuser can give files away.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        if std::os::unix::fs::chown(&path, Some(12_345), None).is_ok() {
            assert!(!is_secret(&path), "another user's");
        }
    }
}
