//! The failed events of one plugin: a folder with a file for each. Used by the quarantine alone.

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
    sync::Mutex,
};

use super::{Entry, Failed, Id, LINES_PER_SECOND, locked};
use crate::{
    private_file::{self, Outlives},
    report::Throttle,
};

/// What the file of an event ends with.
const EXTENSION: &str = "json";

/// The folder of a plugin.
#[derive(Debug)]
pub(super) struct Shelf {
    plugin: String,
    folder: PathBuf,
    /// What is there; none before the first look.
    held: Mutex<Option<Held>>,
    unreadable: Mutex<Throttle>,
}

#[derive(Debug, Default)]
struct Held {
    ids: BTreeSet<Id>,
    /// Those whose file was found to be damaged, which is said once.
    damaged: BTreeSet<Id>,
}

impl Held {
    fn forget(&mut self, id: Id) -> bool {
        self.damaged.remove(&id);
        self.ids.remove(&id)
    }
}

/// What became of an event.
pub(super) struct Added {
    /// None if none may be kept.
    pub(super) id: Option<Id>,
    /// How many went to make room.
    pub(super) dropped: usize,
}

impl Shelf {
    /// That of this plugin. Looks at nothing yet.
    pub(super) fn of(plugin: &str, folder: PathBuf) -> Self {
        let unreadable = Mutex::new(Throttle::lines_per_second(LINES_PER_SECOND));
        Self { plugin: plugin.to_owned(), folder, held: Mutex::default(), unreadable }
    }

    /// Keeps one more under an id that `id` makes, given the latest one that is there.
    pub(super) fn add(&self, failed: &Failed<'_>, most: usize, id: impl Fn(Option<Id>) -> Id) -> io::Result<Added> {
        self.with_held(|held| {
            let mut added = Added { id: None, dropped: 0 };
            if most > 0 {
                let id = id(held.ids.last().copied());
                self.write(&Entry::new(id, &self.plugin, failed))?;
                held.ids.insert(id);
                added.id = Some(id);
            }
            while held.ids.len() > most {
                let Some(oldest) = held.ids.first().copied() else { break };
                // One that cannot be removed now is found again after a restart.
                let _ = private_file::remove(&self.path(oldest));
                held.forget(oldest);
                added.dropped += 1;
            }
            Ok(added)
        })
    }

    pub(super) fn count(&self) -> usize {
        self.with_held(|held| Ok(held.ids.len())).unwrap_or_default()
    }

    fn ids(&self) -> Vec<Id> {
        self.with_held(|held| Ok(held.ids.iter().copied().collect())).unwrap_or_else(|error| {
            self.say_unreadable(&error);
            Vec::new()
        })
    }

    /// Those that can be read. What is added meanwhile does not wait for it.
    pub(super) fn entries(&self) -> Vec<Entry> {
        self.ids().into_iter().filter_map(|id| self.get(id)).collect()
    }

    pub(super) fn get(&self, id: Id) -> Option<Entry> {
        match private_file::read(&self.path(id)) {
            Ok(Some(bytes)) => Entry::read(id, &self.plugin, &bytes).map_err(|error| self.say_damaged(id, &error)).ok(),
            Ok(None) => {
                // Somebody has removed the file.
                let _ = self.with_held(|held| Ok(held.forget(id)));
                None
            }
            Err(error) => {
                self.say_unreadable(&error);
                None
            }
        }
    }

    pub(super) fn remove(&self, id: Id) -> io::Result<bool> {
        self.with_held(|held| {
            let was_there = private_file::remove(&self.path(id))?;
            held.forget(id);
            Ok(was_there)
        })
    }

    /// Removes all, and the folder if nothing else is in it.
    pub(super) fn clear(&self) -> io::Result<usize> {
        self.with_held(|held| {
            let mut removed = 0;
            while let Some(id) = held.ids.first().copied() {
                removed += usize::from(private_file::remove(&self.path(id))?);
                held.forget(id);
            }
            // What else is there is not ours; the next event makes the folder again.
            let _ = fs::remove_dir(&self.folder);
            Ok(removed)
        })
    }

    /// Looks at the folder the first time. What a kill left unfinished there goes.
    fn with_held<T>(&self, act: impl FnOnce(&mut Held) -> io::Result<T>) -> io::Result<T> {
        let mut held = locked(&self.held);
        if held.is_none() {
            *held = Some(Held { ids: look(&self.folder)?, damaged: BTreeSet::new() });
        }
        act(held.get_or_insert_default())
    }

    fn write(&self, entry: &Entry) -> io::Result<()> {
        let (path, text) = (self.path(entry.id), serde_json::to_vec(entry)?);
        match private_file::replace(&path, &text, Outlives::Process) {
            // The first event, or somebody has removed the folder.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                private_file::make_folder(&self.folder)?;
                private_file::replace(&path, &text, Outlives::Process)
            }
            outcome => outcome,
        }
    }

    fn path(&self, id: Id) -> PathBuf {
        self.folder.join(format!("{id}.{EXTENSION}"))
    }

    fn say_damaged(&self, id: Id, error: &serde_json::Error) {
        let is_news = self.with_held(|held| Ok(held.ids.contains(&id) && held.damaged.insert(id))).unwrap_or(true);
        if is_news {
            let (plugin, file) = (&*self.plugin, self.path(id));
            tracing::warn!(
                plugin,
                file = %file.display(),
                "the file of a failed event is damaged and passed over, until it is dropped: {error}"
            );
        }
    }

    fn say_unreadable(&self, error: &io::Error) {
        if let Some(times) = locked(&self.unreadable).pass() {
            let (plugin, folder) = (&*self.plugin, self.folder.display());
            tracing::warn!(plugin, times, %folder, "its failed events cannot be read: {error}");
        }
    }
}

/// The events in the folder.
fn look(folder: &Path) -> io::Result<BTreeSet<Id>> {
    match private_file::sweep(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        outcome => outcome?,
    }
    let mut ids = BTreeSet::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let id = path.file_stem().and_then(OsStr::to_str).and_then(|stem| stem.parse().ok());
        if path.extension().is_some_and(|extension| extension == EXTENSION) {
            ids.extend::<Option<Id>>(id);
        }
    }
    Ok(ids)
}
