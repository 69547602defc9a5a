//! Events that a plugin could not handle, kept until a person has them handled again or drops them.
//!
//! A file for each event, in a folder for each plugin. What is there is looked up once and remembered, so that keeping
//! one more costs a few calls of the system whatever the number. A trouble with the disk costs events of the quarantine
//! and a line in the log, never the bot.
//!
//! - [`Entry`], [`Id`]: one event, what is known of its failure, and how it is called.
//! - `shelf`: the folder of one plugin.

use std::{
    collections::HashMap,
    fs, io,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use self::shelf::Shelf;
pub use self::{
    entry::{Entry, Failed, FailedEvent},
    id::{Id, IdError},
};
use crate::{config::is_plugin_name, report::Throttle};

mod entry;
mod id;
mod shelf;
#[cfg(test)]
mod tests;

/// Troubles come as fast as events.
const LINES_PER_SECOND: u32 = 1;

/// The failed events of all plugins.
#[derive(Debug)]
pub struct Quarantine {
    folder: PathBuf,
    shelves: Mutex<HashMap<String, Arc<Shelf>>>,
    /// The number of the latest id, so that no two events have the same.
    latest: AtomicU64,
    not_kept: Mutex<Throttle>,
    too_many: Mutex<Throttle>,
}

impl Quarantine {
    pub(super) fn in_folder(folder: PathBuf) -> Self {
        let throttle = || Mutex::new(Throttle::lines_per_second(LINES_PER_SECOND));
        Self {
            folder,
            shelves: Mutex::default(),
            latest: AtomicU64::default(),
            not_kept: throttle(),
            too_many: throttle(),
        }
    }

    /// Keeps an event that `plugin` could not handle, and gives the id under which it is found. Of more than `most` the
    /// oldest go, which is logged. An event that cannot be kept is logged too, and has no id.
    ///
    /// Hands a file to the system without waiting for the disk, so it may be called from async code.
    pub fn add(&self, plugin: &str, failed: &Failed<'_>, most: usize) -> Option<Id> {
        let added = self.shelf(plugin)?.add(failed, most, |at_least| self.next_id(failed, at_least));
        match added {
            Ok(added) => {
                self.say_dropped(plugin, added.dropped, most);
                added.id
            }
            Err(error) => {
                self.say_not_kept(plugin, &error);
                None
            }
        }
    }

    /// How many failed events a plugin has.
    #[must_use]
    pub fn count(&self, plugin: &str) -> usize {
        self.shelf(plugin).map(|shelf| shelf.count()).unwrap_or_default()
    }

    /// The plugins that have failed events, sorted.
    ///
    /// # Errors
    /// What the system says.
    fn plugins(&self) -> io::Result<Vec<String>> {
        let mut plugins = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let name = entry?.file_name().into_string().unwrap_or_default();
            if self.count(&name) > 0 {
                plugins.push(name);
            }
        }
        plugins.sort();
        Ok(plugins)
    }

    /// The failed events of a plugin, or of all of them, oldest first. All are in memory then, with their data. Files
    /// that are damaged are left out, and each of them is logged once.
    #[must_use]
    pub fn list(&self, plugin: Option<&str>) -> Vec<Entry> {
        let plugins = match plugin {
            Some(plugin) => vec![plugin.to_owned()],
            None => self.plugins().unwrap_or_else(|error| {
                tracing::warn!(folder = %self.folder.display(), "the quarantine cannot be read: {error}");
                Vec::new()
            }),
        };
        let shelves = plugins.iter().filter_map(|plugin| self.shelf(plugin));
        let mut entries: Vec<Entry> = shelves.flat_map(|shelf| shelf.entries()).collect();
        entries.sort_by_key(|entry| entry.id);
        entries
    }

    /// One failed event, if it is there and can be read.
    #[must_use]
    pub fn get(&self, plugin: &str, id: Id) -> Option<Entry> {
        self.shelf(plugin)?.get(id)
    }

    /// Removes one failed event, readable or not, and says whether it was there.
    ///
    /// # Errors
    /// What the system says; it is still there then.
    pub fn remove(&self, plugin: &str, id: Id) -> io::Result<bool> {
        self.shelf(plugin).map_or(Ok(false), |shelf| shelf.remove(id))
    }

    /// Removes all failed events of a plugin, unreadable ones too, and says how many there were.
    ///
    /// # Errors
    /// What the system says; some may be left then.
    pub fn drop_all(&self, plugin: &str) -> io::Result<usize> {
        self.shelf(plugin).map_or(Ok(0), |shelf| shelf.clear())
    }

    /// The folder of a plugin; none for a name that no plugin can have, which could be a way out of the quarantine.
    fn shelf(&self, plugin: &str) -> Option<Arc<Shelf>> {
        let mut shelves = locked(&self.shelves);
        if let Some(shelf) = shelves.get(plugin) {
            return Some(Arc::clone(shelf));
        }
        let shelf = is_plugin_name(plugin).then(|| Arc::new(Shelf::of(plugin, self.folder.join(plugin))))?;
        shelves.insert(plugin.to_owned(), Arc::clone(&shelf));
        Some(shelf)
    }

    /// An id after `at_least` and after all that were given since the start.
    fn next_id(&self, failed: &Failed<'_>, at_least: Option<Id>) -> Id {
        let next = |latest: u64| Id::of(failed.at).max_after(latest).max_after(at_least.map_or(0, Id::number));
        let latest = self.latest.update(Ordering::Relaxed, Ordering::Relaxed, |latest| next(latest).number());
        next(latest)
    }

    fn say_not_kept(&self, plugin: &str, error: &io::Error) {
        if let Some(times) = locked(&self.not_kept).pass() {
            tracing::error!(
                plugin,
                times,
                "failed events cannot be kept in {} and are lost: {error}; make room there, and let the service's user \
                 write there",
                self.folder.display()
            );
        }
    }

    fn say_dropped(&self, plugin: &str, dropped: usize, most: usize) {
        if let Some(times) = locked(&self.too_many).pass_many(dropped as u64) {
            tracing::warn!(
                plugin,
                times,
                "the quarantine is full, its oldest events are dropped: `quarantine-events` is {most}"
            );
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
