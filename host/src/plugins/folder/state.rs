//! What tells one state of a file from another without reading it.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

/// The state of a file that may be a plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    /// It is a file.
    File(Stamp),
    /// It is something, but what it is cannot be asked. That is not the same as gone: whoever tries to read it has the
    /// error, and what runs goes on.
    Unreadable(io::ErrorKind),
}

/// The marks of a file's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) bytes: u64,
    pub(super) modified: Option<SystemTime>,
    /// The device and the number of the file there, where files have such numbers.
    pub(super) inode: Option<(u64, u64)>,
    /// When anything about it was changed, which no copy can set back: seconds and nanoseconds.
    pub(super) changed: (i64, i64),
    /// Where it leads, if it is a link.
    pub(super) link: Option<PathBuf>,
}

impl State {
    /// What `path` is at the moment, links followed; none if there is no file.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let link = match fs::symlink_metadata(path) {
            Ok(metadata) if !metadata.is_symlink() => return Self::of_metadata(&metadata, None),
            Ok(_) => fs::read_link(path).ok(),
            Err(error) => return Self::of_error(&error),
        };
        match fs::metadata(path) {
            Ok(metadata) => Self::of_metadata(&metadata, link),
            Err(error) => Self::of_error(&error),
        }
    }

    fn of_metadata(metadata: &fs::Metadata, link: Option<PathBuf>) -> Option<Self> {
        if !metadata.is_file() {
            return None;
        }
        #[cfg(unix)]
        let (inode, changed) = {
            use std::os::unix::fs::MetadataExt as _;
            (Some((metadata.dev(), metadata.ino())), (metadata.ctime(), metadata.ctime_nsec()))
        };
        #[cfg(not(unix))]
        let (inode, changed) = Default::default();
        let modified = metadata.modified().ok();
        Some(Self::File(Stamp { bytes: metadata.len(), modified, inode, changed, link }))
    }

    fn of_error(error: &io::Error) -> Option<Self> {
        match error.kind() {
            // A link that leads to nothing is as good as none.
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => None,
            kind => Some(Self::Unreadable(kind)),
        }
    }

    /// What stays the same when the file is renamed.
    pub(super) fn inode(&self) -> Option<(u64, u64)> {
        match self {
            Self::File(stamp) => stamp.inode,
            Self::Unreadable(_) => None,
        }
    }

    /// Whether nothing has been written to it yet.
    pub(super) const fn is_empty(&self) -> bool {
        matches!(self, Self::File(Stamp { bytes: 0, .. }))
    }
}
