//! Where a spool's file lies, and what is said of it when it cannot be had. Used by the spool alone.

use std::path::{Path, PathBuf};

use super::SpoolError;
use crate::private_file::{self, Locked, Refusal};

/// Where a compaction writes.
pub(super) fn beside(path: &Path) -> PathBuf {
    path.with_added_extension("new")
}

/// Makes the folder of the file, for its owner alone, unless it is there.
pub(super) fn make_folder(path: &Path) -> Result<(), SpoolError> {
    let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) else { return Ok(()) };
    private_file::make_folder(folder).map_err(|source| SpoolError::NoFolder { path: folder.to_owned(), source })
}

/// Opens or makes the file and locks it.
pub(super) fn open_locked(path: &Path) -> Result<Locked, SpoolError> {
    private_file::open_locked(path).map_err(|refusal| {
        let path = path.to_owned();
        match refusal {
            Refusal::NoFile => SpoolError::Foreign { path },
            Refusal::InUse => SpoolError::InUse { path },
            Refusal::System(source) => SpoolError::Unusable { path, source },
        }
    })
}
