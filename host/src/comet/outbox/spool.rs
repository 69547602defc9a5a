//! The sends of one plugin in a file, from when they are put in until they are answered, so that they outlive the host.
//!
//! What [`Spool::append`] has taken is there after a restart and after kill -9: it is in the system's page cache then.
//! Nothing is forced to the disk, which would cost milliseconds for each send. So a power loss or a crash of the system
//! loses what the system had not written yet: usually the last seconds, at worst, if the file was just compacted, all
//! that was in it; and sends that were removed shortly before may come back. It never turns one send into another.
//!
//! The file is a head and batches behind it, each with a checksum. The head says how many sends were ever removed, a
//! batch has the number of its first send, so that putting in, removing, emptying and compacting are one step each: a
//! kill finds the file before it or after it. The first batch that is not as it was written ends the file. Removing
//! overwrites the head where it is and needs no room, so it works on a full disk too (unless the file system copies on
//! write).
//!
//! Why not a library: `queue-file` 2.0, small and kept, takes a send without an error and loses it if a full disk cut
//! the write before it short, and gives up the whole file if its end is missing. `redb` has after kill -9 only what was
//! forced to the disk. `yaque` brings a file watcher along, others a whole database. The checksum is a library's.
//!
//! Calls block for as long as the system takes to write to its cache; some of [`Spool::remove`]'s copy what is left in
//! the file, about a millisecond for each megabyte. Used by `outbox` alone.

mod format;
mod ledger;
mod place;

use std::{
    fs,
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use self::{
    format::{Batches, HEAD_BYTES, MAGIC, encode, head, read_head},
    ledger::Ledger,
    place::{beside, make_folder, open_locked},
};
pub(super) use crate::private_file::Locked;
use crate::private_file::options;

/// So much of removed sends is left in the file before it is worth to copy the rest into a new one.
const COMPACT_BYTES: u64 = 4 * 1024 * 1024;
/// An empty file is cut to its head only if it is longer: to cut it costs more than to write a send.
const EMPTY_BYTES: u64 = 64 * 1024;
/// The buffer for a batch keeps so much of its room for the next.
const BUFFER_BYTES: usize = 256 * 1024;

/// Why sends cannot be kept in a file.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The folder is missing and cannot be made.
    #[error("cannot make the folder {}: {source}; make it, or set another `outbox-folder` in [service]", path.display())]
    NoFolder {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file cannot be opened, locked or read.
    #[error(
        "cannot use {} for sends: {source}; let the service's user read and write it, or set another `outbox-folder` in \
         [service]", path.display()
    )]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Another process has it.
    #[error("another cometbot uses {}: stop it, or set another `outbox-folder` in [service] for one of them", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// It is none of ours, or of another version.
    #[error("{} is no file of sends that this cometbot could read: move it away", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// It was whole when it was opened.
    #[error("{} has been changed or damaged since it was opened: restart to go on with what is whole in it", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// The batch is not in the file, or the removed sends are still in it.
    #[error("cannot write to {}: {source}; until that works, a restart loses new sends or repeats old ones", path.display())]
    NotWritten {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// Makes the folder of `path`, for its owner alone, and a file there that is this process's until it is dropped.
///
/// # Errors
/// A [`SpoolError`], [`SpoolError::InUse`] if another process has it.
pub(super) fn claim(path: &Path) -> Result<Locked, SpoolError> {
    make_folder(path)?;
    open_locked(path)
}

/// A queue of byte strings in one file, which is this process's alone.
#[derive(Debug)]
pub(super) struct Spool {
    path: PathBuf,
    file: Locked,
    ledger: Ledger,
    /// Something may lie behind the last batch.
    is_ragged: bool,
    /// Bytes of removed sends at which the next compaction is tried.
    compact_at: u64,
    buffer: Vec<u8>,
}

impl Spool {
    /// Opens or makes the file, for its owner alone, and its folder. What is damaged is cut off, which is logged. The
    /// name with `.new` behind it must be free too.
    ///
    /// # Errors
    /// A [`SpoolError`]. A file that is not ours is left as it is.
    pub(super) fn open(path: &Path) -> Result<Self, SpoolError> {
        let file = claim(path)?;
        let unusable = |source| SpoolError::Unusable { path: path.to_owned(), source };
        let length = file.metadata().map_err(unusable)?.len();
        let mut head = Vec::new();
        (&*file).take(HEAD_BYTES).read_to_end(&mut head).map_err(unusable)?;
        if head.iter().zip(MAGIC).any(|(theirs, ours)| theirs != ours) {
            return Err(SpoolError::Foreign { path: path.to_owned() });
        }
        let removed = read_head(&head);
        let ledger = Ledger::of(&file, length, removed.unwrap_or(0)).map_err(unusable)?;
        let mut spool = Self {
            path: path.to_owned(),
            file,
            ledger,
            is_ragged: false,
            compact_at: COMPACT_BYTES,
            buffer: Vec::new(),
        };
        spool.mend(removed.is_none(), length).map_err(|source| spool.not_written(source))?;
        Ok(spool)
    }

    /// Hands out all sends that are in the file, oldest first, and says how many. Those whose append failed are not.
    ///
    /// # Errors
    /// [`SpoolError::Unusable`], [`SpoolError::Changed`]; some sends may have been handed out then.
    pub(super) fn read(&mut self, mut each: impl FnMut(&[u8])) -> Result<usize, SpoolError> {
        let unusable = |source| SpoolError::Unusable { path: self.path.clone(), source };
        let mut count = 0;
        let mut batches = Batches::new(&self.file, self.ledger.start, self.ledger.end).map_err(unusable)?;
        while let Some(batch) = batches.next().map_err(unusable)? {
            let gone = self.ledger.removed.saturating_sub(batch.first);
            for send in batches.sends().skip(usize::try_from(gone).unwrap_or(usize::MAX)) {
                each(send);
                count += 1;
            }
        }
        if batches.at == self.ledger.end { Ok(count) } else { Err(SpoolError::Changed { path: self.path.clone() }) }
    }

    /// Puts sends in behind all others: all of them or, if it fails, none. Then they count as put in all the same, for
    /// [`Self::remove`] and [`Self::is_empty`], as whoever sends them has them in memory; they alone are lost with it.
    /// The next call tries anew.
    ///
    /// # Errors
    /// [`SpoolError::NotWritten`].
    pub(super) fn append<'a>(&mut self, sends: impl Iterator<Item = &'a [u8]> + Clone) -> Result<(), SpoolError> {
        let count = sends.clone().count();
        if count == 0 {
            return Ok(());
        }
        match self.write_batch(count, sends) {
            Ok(bytes) => self.ledger.put_in(count, bytes),
            Err(source) => {
                self.ledger.left_out(count);
                return Err(self.not_written(source));
            }
        }
        Ok(())
    }

    /// Removes the oldest sends, in the file or not; all, if there are no more than `count`.
    ///
    /// # Errors
    /// [`SpoolError::NotWritten`]: they are removed, but would be back after a restart. The next call tries anew.
    pub(super) fn remove(&mut self, count: usize) -> Result<(), SpoolError> {
        if !self.ledger.remove(count) {
            return Ok(());
        }
        if self.has_only_removed() && self.ledger.end > EMPTY_BYTES && self.cut_to_head().is_ok() {
            return Ok(());
        }
        self.write_head().map_err(|source| self.not_written(source))?;
        if self.ledger.dead_bytes() >= self.compact_at.max(self.ledger.live_bytes()) {
            self.compact_or_wait();
        }
        Ok(())
    }

    /// Whether all sends that were put in have been removed, those whose append failed among them.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.ledger.is_empty()
    }

    /// Makes whole what was found.
    fn mend(&mut self, is_headless: bool, length: u64) -> io::Result<()> {
        let file = self.path.display();
        if is_headless {
            if length > 0 {
                tracing::warn!(%file, "the head is damaged: sends that were answered may go once more");
            }
            self.write_head()?;
        }
        let lost_bytes = length.saturating_sub(self.ledger.end);
        if lost_bytes > 0 {
            tracing::warn!(%file, "the last {lost_bytes} bytes are not as they were written: the sends in them are lost");
            self.is_ragged = true;
        }
        // A compaction that was killed leaves it.
        let _ = fs::remove_file(beside(&self.path));
        if self.has_only_removed() { self.cut_to_head() } else { self.cut_rags() }
    }

    /// Writes one batch at the end and says how many bytes it takes.
    fn write_batch<'a>(&mut self, count: usize, sends: impl Iterator<Item = &'a [u8]> + Clone) -> io::Result<u64> {
        encode(&mut self.buffer, self.ledger.next, count, sends)?;
        self.cut_rags()?;
        let mut file = &*self.file;
        file.seek(SeekFrom::Start(self.ledger.end))?;
        if let Err(error) = file.write_all(&self.buffer) {
            self.is_ragged = true;
            // If that fails it is tried again before the next batch.
            let _ = self.cut_rags();
            return Err(error);
        }
        let bytes = self.buffer.len() as u64;
        self.buffer.clear();
        self.buffer.shrink_to(BUFFER_BYTES);
        Ok(bytes)
    }

    /// Whether no send in the file is left.
    fn has_only_removed(&self) -> bool {
        self.ledger.removed == self.ledger.next
    }

    /// What is left of a batch that was cut short must not come to lie behind another one.
    fn cut_rags(&mut self) -> io::Result<()> {
        if self.is_ragged {
            self.file.set_len(self.ledger.end)?;
            self.is_ragged = false;
        }
        Ok(())
    }

    /// The head stays as it was: there is no batch that it could speak of, and the next has a later number.
    fn cut_to_head(&mut self) -> io::Result<()> {
        self.file.set_len(HEAD_BYTES)?;
        self.ledger.moved_to_head();
        self.is_ragged = false;
        Ok(())
    }

    fn write_head(&self) -> io::Result<()> {
        let mut file = &*self.file;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&head(self.ledger.removed))
    }

    /// Without room for a copy the file goes on as it is.
    fn compact_or_wait(&mut self) {
        if let Err(error) = self.compact() {
            let dead_bytes = self.ledger.dead_bytes();
            self.compact_at = dead_bytes.saturating_mul(2);
            let _ = fs::remove_file(beside(&self.path));
            let file = self.path.display();
            tracing::warn!(%file, "cannot be made smaller yet, {dead_bytes} bytes in it are of no use: {error}");
        }
    }

    /// Puts a file without the removed batches in the place of this one.
    fn compact(&mut self) -> io::Result<()> {
        let path = beside(&self.path);
        // Locked before it has the name under which another process would find it.
        let locked = Locked::new(options().truncate(true).open(&path)?)?;
        let mut new = &*locked;
        new.write_all(&head(self.ledger.removed))?;
        let mut old = &*self.file;
        old.seek(SeekFrom::Start(self.ledger.start))?;
        if io::copy(&mut old.take(self.ledger.live_bytes()), &mut new)? != self.ledger.live_bytes() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        fs::rename(&path, &self.path)?;
        self.file = locked;
        self.ledger.moved_to_head();
        self.is_ragged = false;
        self.compact_at = COMPACT_BYTES;
        Ok(())
    }

    fn not_written(&self, source: io::Error) -> SpoolError {
        SpoolError::NotWritten { path: self.path.clone(), source }
    }
}

impl Drop for Spool {
    /// Answered sends are not left lying in the file.
    fn drop(&mut self) {
        if self.has_only_removed() {
            let _ = self.cut_to_head();
        }
    }
}

#[cfg(test)]
#[path = "spool_tests.rs"]
mod tests;
