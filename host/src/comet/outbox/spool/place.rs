//! Where a spool's file lies: its folder, who may read it, and that it is one process's alone. Used by the spool alone.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    ops::Deref,
    path::{Path, PathBuf},
};

use super::SpoolError;

/// An open file that is locked until it is dropped.
#[derive(Debug)]
pub(in crate::comet::outbox) struct Locked(File);

impl Locked {
    /// Locks it unless another has locked it.
    pub(super) fn new(file: File) -> Result<Self, TryLockError> {
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

/// Where a compaction writes.
pub(super) fn beside(path: &Path) -> PathBuf {
    path.with_added_extension("new")
}

/// Read and write, made if it is missing, for its owner alone.
pub(super) fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Makes the folder of the file, for its owner alone, unless it is there.
pub(super) fn make_folder(path: &Path) -> Result<(), SpoolError> {
    let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) else { return Ok(()) };
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|source| SpoolError::NoFolder { path: folder.to_owned(), source })
}

/// Opens or makes the file and locks it.
pub(super) fn open_locked(path: &Path) -> Result<Locked, SpoolError> {
    let unusable = |source| SpoolError::Unusable { path: path.to_owned(), source };
    loop {
        let file = options().open(path).map_err(unusable)?;
        if !file.metadata().map_err(unusable)?.is_file() {
            return Err(SpoolError::Foreign { path: path.to_owned() });
        }
        let file = Locked::new(file).map_err(|refusal| match refusal {
            TryLockError::WouldBlock => SpoolError::InUse { path: path.to_owned() },
            TryLockError::Error(source) => unusable(source),
        })?;
        // Its former owner may have put a compacted file in its place between the opening and the lock.
        if is_at(&file, path).map_err(unusable)? {
            return Ok(file);
        }
    }
}

/// Whether it is this file that has the name.
#[cfg(unix)]
pub(super) fn is_at(file: &File, path: &Path) -> io::Result<bool> {
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
pub(super) fn is_at(_: &File, _: &Path) -> io::Result<bool> {
    Ok(true)
}
