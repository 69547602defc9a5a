//! What lies in the plugin folder, and what changes there.
//!
//! [`Folder`] is what was seen there, and says what is new in terms of plugins; `settle` says of each file when a change
//! is over; [`Watch`] waits for that. Used by `bot` (watch) and `cli` (look once).

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use settle::Settle;
use state::State;

use crate::{
    config::is_plugin_name,
    watch::{Identity, Stir, Word},
};

mod settle;
mod state;
#[cfg(test)]
mod tests;
mod watch;

pub use watch::Watch;

/// The endings of files that are plugins.
const ENDINGS: [&str; 2] = ["wasm", "wat"];

/// A file that could not be read is reported again after so long.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(2);

/// The folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// It cannot be listed.
    #[error("cannot look into the plugin folder {}: {source}; create it, or set `folder` in [plugins]", path.display())]
    Unreadable {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// Something that happened to a plugin's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It is new, or may not be what it was. The content can be the same: it was touched, or written anew.
    Present {
        /// The plugin's name: the file's name without its ending.
        name: String,
        /// The file.
        path: PathBuf,
    },
    /// It is gone.
    Removed {
        /// The plugin's name.
        name: String,
    },
    /// It lies there but is not taken.
    Ignored {
        /// The file.
        path: PathBuf,
        /// Why.
        why: &'static str,
    },
}

/// The folder as it was last seen, and as it was last reported.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// Which folder it was at the last look; none if it could not be looked into.
    identity: Option<Identity>,
    files: Settle,
    /// The plugins that were reported, with their files.
    reported: BTreeMap<String, PathBuf>,
    ignored: BTreeMap<PathBuf, &'static str>,
}

impl Folder {
    /// A folder of which nothing has been seen.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            identity: None,
            files: Settle::default(),
            reported: BTreeMap::new(),
            ignored: BTreeMap::new(),
        }
    }

    /// Looks into the folder and gives everything that is not as it was reported last, finished or not.
    ///
    /// # Errors
    /// If the folder cannot be listed. What was seen stays seen then: a folder that is away for a moment must not end
    /// every plugin.
    pub fn look(&mut self) -> Result<Vec<Change>, FolderError> {
        let found = self.list()?;
        let over = self.files.look_now(found);
        Ok(self.report(&over))
    }

    /// Looks into the folder and gives the changes that are over.
    fn look_for_settled(&mut self, now: Instant) -> Result<Vec<Change>, FolderError> {
        let before = self.identity;
        let found = self.list()?;
        if self.identity != before {
            // One that is made anew or mounted again is filled only now.
            self.files.begin_anew(now);
        }
        let over = self.files.look(&found, now);
        Ok(self.report(&over))
    }

    /// When it is worth looking again; none as long as nothing is known to have changed.
    fn due(&self) -> Option<Instant> {
        // In a folder that is away nothing settles.
        self.identity.and_then(|_| self.files.due())
    }

    /// Takes in what was reported of a path. Returns whether that calls for a look at everything.
    fn stir(&mut self, path: PathBuf, stir: Stir) -> bool {
        if is_plugin_file(&path) {
            let state = State::of(&path);
            self.files.stir(path, stir, state);
            return false;
        }
        // A folder with the files that the links here lead to may have taken the place of another.
        stir.word == Word::Whole
    }

    /// Reports the plugin's file again after 2 seconds, or when it changes.
    fn try_again(&mut self, name: &str, now: Instant) {
        if let Some(path) = self.reported.get(name) {
            self.files.stir_later(path.clone(), now + TRY_AGAIN_AFTER, State::of(path));
        }
    }

    /// The files that are plugins by their endings.
    fn list(&mut self) -> Result<BTreeMap<PathBuf, State>, FolderError> {
        let identity = Identity::of(&self.path);
        self.identity = None;
        let unreadable = |source| FolderError::Unreadable { path: self.path.clone(), source };
        let mut found = BTreeMap::new();
        for entry in fs::read_dir(&self.path).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            if let Some(state) = is_plugin_file(&path).then(|| State::of(&path)).flatten() {
                found.insert(path, state);
            }
        }
        self.identity = identity;
        Ok(found)
    }

    /// What is to be said when the changes of these files are over.
    fn report(&mut self, over: &BTreeSet<PathBuf>) -> Vec<Change> {
        let mut taken = BTreeMap::new();
        let mut ignored = BTreeMap::new();
        // In order, so that of two files with one name the same one is taken each time.
        for path in self.files.files() {
            let Some(name) = path.file_stem().and_then(|name| name.to_str()) else { continue };
            if !is_plugin_name(name) {
                ignored.insert(
                    path.to_owned(),
                    "a plugin's name has only A-Z a-z 0-9 _ and -, and at most 64 of them: rename it",
                );
            } else if taken.contains_key(name) {
                ignored.insert(
                    path.to_owned(),
                    "another file has the same name with the other ending: remove one of them",
                );
            } else {
                taken.insert(name.to_owned(), path.to_owned());
            }
        }
        let mut changes = Vec::new();
        for name in self.reported.keys().filter(|name| !taken.contains_key(*name)) {
            changes.push(Change::Removed { name: name.clone() });
        }
        for (name, path) in &taken {
            if over.contains(path) || self.reported.get(name) != Some(path) {
                changes.push(Change::Present { name: name.clone(), path: path.clone() });
            }
        }
        for (path, why) in &ignored {
            if !self.ignored.contains_key(path) {
                changes.push(Change::Ignored { path: path.clone(), why });
            }
        }
        (self.reported, self.ignored) = (taken, ignored);
        changes
    }
}

/// Whether a file is a plugin by its name. Dot files are temporary names of writers that rename when they are done.
fn is_plugin_file(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).filter(|name| !name.starts_with('.'));
    name.and_then(|name| name.rsplit_once('.')).is_some_and(|(_, ending)| ENDINGS.contains(&ending))
}
