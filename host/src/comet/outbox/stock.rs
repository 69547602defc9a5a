//! The lanes on disk: for each lane and exit one file, `NAME.EXIT.sends`, that holds what has not been answered. While an
//! earlier lane of the same name has not sent all of its own, the files of the next are called `NAME.EXIT.1.sends`.
//!
//! A send is written before it may leave and removed when it is not to be sent again, so that it outlives the process,
//! killed or not. A disk that is full or broken costs this promise and nothing else: sends go on from memory, and the log
//! says so.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{
    MAIN_EXIT,
    spool::{self, Locked, Spool, SpoolError},
};
use crate::{
    comet::commands::{Commands, Sent},
    report::Throttle,
};

/// How the files end.
const EXTENSION: &str = "sends";
/// The file that is locked by the one who uses the folder.
const CLAIM: &str = "lock";

/// Why an outbox on disk cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StockError {
    /// The folder cannot be read.
    #[error("the outbox folder {} cannot be used: {source}", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file in it cannot be used.
    #[error(transparent)]
    Spool(#[from] SpoolError),
}

/// Where the files are: this process's alone as long as it is held.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    _claim: Locked,
}

impl Folder {
    /// Makes it if it is missing, for its owner alone.
    pub(super) fn claim(path: PathBuf) -> Result<Self, StockError> {
        let claim = spool::claim(&path.join(CLAIM))?;
        Ok(Self { path, _claim: claim })
    }
}

/// One lane on disk.
#[derive(Debug)]
pub(super) struct Stock {
    folder: PathBuf,
    name: String,
    /// Which of the lanes of this name it is.
    generation: usize,
    open: Mutex<Open>,
}

#[derive(Debug)]
struct Open {
    spools: BTreeMap<usize, Spool>,
    /// Sends that came before there was a file, because it could not be made: they are the oldest.
    without_file: BTreeMap<usize, usize>,
    trouble: Throttle,
}

impl Stock {
    /// For a lane called `name`. Its files are made when they are needed; no other of that name may have its `generation`.
    pub(super) fn new(folder: &Folder, name: &str, generation: usize) -> Self {
        let open =
            Open { spools: BTreeMap::new(), without_file: BTreeMap::new(), trouble: Throttle::lines_per_second(1) };
        Self { folder: folder.path.clone(), name: name.to_owned(), generation, open: Mutex::new(open) }
    }

    pub(super) const fn generation(&self) -> usize {
        self.generation
    }

    /// Keeps what will leave by `exit`.
    pub(super) fn append(&self, exit: usize, sends: &Commands) {
        let mut open = self.lock();
        let done = match open.spool(exit, &self.path(exit)) {
            Ok(spool) => spool.append(sends.iter()),
            Err(error) => {
                *open.without_file.entry(exit).or_default() += sends.len();
                Err(error)
            }
        };
        self.say(&mut open, done);
    }

    /// Forgets the oldest `count` of an exit.
    pub(super) fn remove(&self, exit: usize, count: usize) {
        let mut open = self.lock();
        let without_file = open.without_file.remove(&exit).unwrap_or_default();
        if let Some(rest @ 1..) = without_file.checked_sub(count) {
            open.without_file.insert(exit, rest);
        }
        let done = match (count.saturating_sub(without_file), open.spools.get_mut(&exit)) {
            (kept @ 1.., Some(spool)) => spool.remove(kept),
            _ => Ok(()),
        };
        self.say(&mut open, done);
    }

    /// Moves all that waits at an exit, which is `sends`, behind what waits at another.
    pub(super) fn move_to(&self, from: usize, to: usize, sends: &Commands) {
        self.append(to, sends);
        let mut open = self.lock();
        open.spools.remove(&from);
        open.without_file.remove(&from);
        self.delete(from);
    }

    /// Removes the files: nothing is left in them.
    pub(super) fn close(&self) {
        let exits: Vec<usize> = std::mem::take(&mut self.lock().spools).into_keys().collect();
        exits.into_iter().for_each(|exit| self.delete(exit));
    }

    fn delete(&self, exit: usize) {
        // A file that stays is empty, and is found so at the next start.
        let _ = fs::remove_file(self.path(exit));
    }

    fn say(&self, open: &mut Open, done: Result<(), SpoolError>) {
        if let Err(error) = done
            && let Some(times) = open.trouble.pass()
        {
            tracing::error!(
                plugin = self.name,
                times,
                "sends are kept in memory alone and would not outlive a restart: {error}"
            );
        }
    }

    fn path(&self, exit: usize) -> PathBuf {
        let Self { folder, name, generation, .. } = self;
        folder.join(match generation {
            0 => format!("{name}.{exit}.{EXTENSION}"),
            _ => format!("{name}.{exit}.{generation}.{EXTENSION}"),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn spool(&mut self, exit: usize, path: &Path) -> Result<&mut Spool, SpoolError> {
        match self.spools.entry(exit) {
            Entry::Occupied(spool) => Ok(spool.into_mut()),
            Entry::Vacant(place) => Spool::open(path).map(|spool| place.insert(spool)),
        }
    }
}

/// Finds the lanes in the folder, each with what waits in it. All of it waits at the main exit.
pub(super) fn find(folder: &Folder) -> Result<Vec<(String, Stock, Commands)>, StockError> {
    let cannot = |source| StockError::Folder { folder: folder.path.clone(), source };
    let mut found: BTreeMap<String, BTreeSet<(usize, usize)>> = BTreeMap::new();
    for entry in fs::read_dir(&folder.path).map_err(cannot)? {
        let name = entry.map_err(cannot)?.file_name();
        if let Some((name, generation, exit)) = name.to_str().and_then(read_name) {
            found.entry(name.to_owned()).or_default().insert((generation, exit));
        }
    }
    found.into_iter().map(|(name, files)| open(folder, name, files)).collect()
}

/// Makes one lane of all files of a name, oldest first.
fn open(
    folder: &Folder,
    name: String,
    files: BTreeSet<(usize, usize)>,
) -> Result<(String, Stock, Commands), StockError> {
    let all = Stock::new(folder, &name, 0);
    let mut sends = Commands::default();
    for (generation, exit) in files {
        let part = Stock::new(folder, &name, generation);
        let mut spool = Spool::open(&part.path(exit))?;
        let mut here = Commands::default();
        spool.read(&mut |send: &[u8]| {
            if Sent::read(send).is_some() {
                here.push(send);
            }
        })?;
        if (generation, exit) == (0, MAIN_EXIT) {
            all.lock().spools.insert(exit, spool);
        } else {
            // Kept in one file before it is removed from the other: a kill in between sends twice, and loses nothing.
            all.append(MAIN_EXIT, &here);
            drop(spool);
            part.delete(exit);
        }
        sends.append(&mut here);
    }
    Ok((name, all, sends))
}

/// `NAME.EXIT.sends` or `NAME.EXIT.GENERATION.sends`.
fn read_name(file: &str) -> Option<(&str, usize, usize)> {
    let mut parts = file.strip_suffix(EXTENSION)?.strip_suffix('.')?.split('.');
    let (name, exit) = (parts.next()?, parts.next()?.parse().ok()?);
    let generation = parts.next().map_or(Ok(0), str::parse).ok()?;
    parts.next().is_none().then_some((name, generation, exit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_names_of_our_files_are_read() {
        assert_eq!(read_name("echo.0.sends"), Some(("echo", 0, 0)));
        assert_eq!(read_name("echo.3.1.sends"), Some(("echo", 1, 3)));
        for other in ["echo.sends", "echo.x.sends", "echo.0.1.2.sends", "echo.0.sends.new", "notes.txt", "lock"] {
            assert_eq!(read_name(other), None, "{other}");
        }
    }
}
