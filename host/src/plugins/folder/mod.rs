//! What lies in the plugin folder, and what changes there.
//!
//! The folder is watched, not the files: editors and copies replace files, and a watch on a file would follow the old
//! one. A burst of events is left to settle before the folder is looked at; and it is looked at now and then anyway, for
//! file systems that report nothing. Used by `bot` (watch) and `cli` (look once).

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _, event::AccessKind};
use tokio::{
    sync::Notify,
    time::{Instant, timeout, timeout_at},
};

use crate::{config::is_plugin_name, report::Throttle};

/// The endings of files that are plugins.
const ENDINGS: [&str; 2] = ["wasm", "wat"];

/// After the last event it must be quiet for so long before the folder is looked at.
const SETTLE: Duration = Duration::from_millis(50);
/// However much goes on, the folder is looked at after so long.
const SETTLE_AT_MOST: Duration = Duration::from_secs(1);
/// The folder is looked at so often even if nothing is reported.
const LOOK_EVERY: Duration = Duration::from_secs(2);

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
    /// It is new, or not what it was.
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

/// What tells one state of a file from another without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp {
    path: PathBuf,
    bytes: u64,
    modified: Option<SystemTime>,
    inode: u64,
}

/// The folder as it was last seen.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    seen: BTreeMap<String, Stamp>,
    ignored: BTreeMap<PathBuf, &'static str>,
}

impl Folder {
    /// A folder of which nothing has been seen.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), seen: BTreeMap::new(), ignored: BTreeMap::new() }
    }

    /// Looks into the folder and gives what has changed since the last look.
    ///
    /// # Errors
    /// If the folder cannot be listed. What was seen stays seen then: a folder that is away for a moment must not end
    /// every plugin.
    pub fn look(&mut self) -> Result<Vec<Change>, FolderError> {
        let unreadable = |source| FolderError::Unreadable { path: self.path.clone(), source };
        let mut found = BTreeMap::new();
        let mut ignored = BTreeMap::new();
        let mut paths: Vec<PathBuf> = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(unreadable)? {
            paths.push(entry.map_err(unreadable)?.path());
        }
        // Sorted, so that of two files with one name the same one is taken each time.
        paths.sort();
        for path in paths {
            // Dot files are temporary names of writers that rename when they are done.
            let Some(file) = path.file_name().and_then(|name| name.to_str()).filter(|name| !name.starts_with('.'))
            else {
                continue;
            };
            let Some((name, _)) = file.rsplit_once('.').filter(|(_, ending)| ENDINGS.contains(ending)) else {
                continue;
            };
            // A file that vanishes between listing and asking is gone, and one that is no file is none.
            let Ok(metadata) = fs::metadata(&path) else { continue };
            if !metadata.is_file() {
                continue;
            }
            if !is_plugin_name(name) {
                ignored.insert(path, "a plugin's name has only A-Z a-z 0-9 _ and -, and at most 64 of them: rename it");
            } else if found.contains_key(name) {
                ignored.insert(path, "another file has the same name with the other ending: remove one of them");
            } else {
                let name = name.to_owned();
                found.insert(name, Stamp::of(path, &metadata));
            }
        }
        let mut changes = Vec::new();
        for name in self.seen.keys().filter(|name| !found.contains_key(*name)) {
            changes.push(Change::Removed { name: name.clone() });
        }
        for (name, stamp) in &found {
            if self.seen.get(name) != Some(stamp) {
                changes.push(Change::Present { name: name.clone(), path: stamp.path.clone() });
            }
        }
        for (path, why) in &ignored {
            if !self.ignored.contains_key(path) {
                changes.push(Change::Ignored { path: path.clone(), why });
            }
        }
        (self.seen, self.ignored) = (found, ignored);
        Ok(changes)
    }
}

impl Stamp {
    fn of(path: PathBuf, metadata: &fs::Metadata) -> Self {
        #[cfg(unix)]
        let inode = std::os::unix::fs::MetadataExt::ino(metadata);
        #[cfg(not(unix))]
        let inode = 0;
        Self { path, bytes: metadata.len(), modified: metadata.modified().ok(), inode }
    }
}

/// Waits for changes in a folder.
pub struct Watch {
    folder: Folder,
    stirred: Arc<Notify>,
    /// Troubles with the folder itself, which come with every look.
    unreadable: Throttle,
    /// Keeps the system's watch in place; none if the system refused it.
    _watcher: Option<RecommendedWatcher>,
}

impl Watch {
    /// Watches `folder` from now on.
    #[must_use]
    pub fn start(folder: Folder) -> Self {
        let stirred = Arc::new(Notify::new());
        let watcher = watcher(&folder.path, Arc::clone(&stirred));
        if let Err(error) = &watcher {
            tracing::warn!(
                folder = %folder.path.display(),
                "the system does not report changes in the plugin folder ({error}): it is looked at every {} s instead",
                LOOK_EVERY.as_secs()
            );
        }
        Self { folder, stirred, unreadable: Throttle::lines_per_second(1), _watcher: watcher.ok() }
    }

    /// Waits until something has changed and settled.
    pub async fn changes(&mut self) -> Vec<Change> {
        loop {
            if timeout(LOOK_EVERY, self.stirred.notified()).await.is_ok() {
                let at_most = Instant::now() + SETTLE_AT_MOST;
                while timeout_at(at_most.min(Instant::now() + SETTLE), self.stirred.notified()).await.is_ok() {}
            }
            match self.folder.look() {
                Ok(changes) if changes.is_empty() => {}
                Ok(changes) => return changes,
                Err(error) => {
                    if let Some(times) = self.unreadable.pass() {
                        tracing::warn!(times, "{error}; what runs goes on");
                    }
                }
            }
        }
    }
}

/// Whether an event says that something was changed. Reading is an event as well, and whoever watches also reads.
#[must_use]
pub fn is_write(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(access) => matches!(access, AccessKind::Close(notify::event::AccessMode::Write)),
        _ => true,
    }
}

fn watcher(path: &Path, stirred: Arc<Notify>) -> notify::Result<RecommendedWatcher> {
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let is_change = event.map_or(true, |event| is_write(event.kind));
        if is_change {
            stirred.notify_one();
        }
    })?;
    watcher.watch(path, RecursiveMode::NonRecursive)?;
    Ok(watcher)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn present(name: &str, path: PathBuf) -> Change {
        Change::Present { name: name.into(), path }
    }

    #[test]
    fn files_that_come_change_and_go_are_seen_once_each() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("karma.wasm");
        let mut folder = Folder::new(directory.path());
        assert_eq!(folder.look().unwrap(), []);
        fs::write(&file, "1").unwrap();
        assert_eq!(folder.look().unwrap(), [present("karma", file.clone())]);
        assert_eq!(folder.look().unwrap(), []);
        fs::write(&file, "longer").unwrap();
        assert_eq!(folder.look().unwrap(), [present("karma", file.clone())]);
        fs::remove_file(&file).unwrap();
        assert_eq!(folder.look().unwrap(), [Change::Removed { name: "karma".into() }]);
    }

    #[test]
    fn only_plugins_are_taken_and_what_is_left_out_is_named() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["README.md", ".karma.wasm", "kar ma.wasm", "echo.wat", "echo.wasm"] {
            fs::write(directory.path().join(name), "").unwrap();
        }
        fs::create_dir(directory.path().join("folder.wasm")).unwrap();
        let changes = Folder::new(directory.path()).look().unwrap();
        let taken: Vec<_> = changes.iter().filter(|change| matches!(change, Change::Present { .. })).collect();
        assert_eq!(taken, [&present("echo", directory.path().join("echo.wasm"))]);
        let ignored = changes.iter().filter(|change| matches!(change, Change::Ignored { .. })).count();
        assert_eq!(ignored, 2, "{changes:?}");
    }

    #[test]
    fn a_folder_that_is_away_for_a_moment_removes_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let (here, away) = (directory.path().join("plugins"), directory.path().join("away"));
        fs::create_dir(&here).unwrap();
        fs::write(here.join("karma.wasm"), "1").unwrap();
        let mut folder = Folder::new(&here);
        folder.look().unwrap();
        fs::rename(&here, &away).unwrap();
        assert!(folder.look().is_err());
        fs::rename(&away, &here).unwrap();
        assert_eq!(folder.look().unwrap(), []);
    }

    #[tokio::test]
    async fn a_file_that_is_replaced_is_noticed_at_once() {
        let directory = tempfile::tempdir().unwrap();
        let mut watch = Watch::start(Folder::new(directory.path()));
        let (file, temporary) = (directory.path().join("karma.wasm"), directory.path().join(".karma.tmp"));
        fs::write(&temporary, "1").unwrap();
        fs::rename(&temporary, &file).unwrap();
        // Well before the folder is looked at anyway.
        timeout(LOOK_EVERY / 2, watch.stirred.notified()).await.unwrap();
        watch.stirred.notify_one();
        assert_eq!(watch.changes().await, [present("karma", file)]);
    }
}
