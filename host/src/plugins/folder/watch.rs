//! Waiting for changes in a folder.
//!
//! The folder is watched, not the files: editors and copies replace files, and a watch on a file would follow the old
//! one. And it is looked at now and then anyway, for file systems that report nothing and for links to files elsewhere.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use notify::RecursiveMode;
use tokio::time::sleep_until;

use super::{Change, Folder, FolderError, is_plugin_file};
use crate::{
    report::Throttle,
    watch::{self, Stirred, Word},
};

/// The folder is looked at so often even if nothing is reported.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// What is reported is taken in at most so often: a long write is thousands of reports. Well below the time in which a
/// file settles, so that it delays nothing.
const HEAR_EVERY: Duration = Duration::from_millis(5);

/// Waits for changes in a folder.
pub struct Watch {
    folder: Folder,
    system: watch::Watch,
    /// Troubles with the folder itself, which come with every look.
    unreadable: Throttle,
    /// When everything is looked at, whatever is reported.
    look_at: Instant,
}

impl Watch {
    /// Watches `folder` from now on. What has changed since it was last looked at is found as well.
    #[must_use]
    pub fn start(folder: Folder) -> Self {
        // Of other names it only matters that they took the place of something.
        let wanted = |path: &Path, word| is_plugin_file(path) || word == Word::Whole;
        let system = watch::Watch::start_or_poll(&folder.path, RecursiveMode::NonRecursive, wanted);
        Self::with(folder, system)
    }

    /// Follows `folder` by what `system` reports of it, and without it where it reports nothing.
    pub(super) fn with(folder: Folder, system: watch::Watch) -> Self {
        Self { folder, system, unreadable: Throttle::lines_per_second(1), look_at: Instant::now() }
    }

    /// Waits until something has changed and settled. May be dropped while it waits: nothing is lost, and the next call
    /// goes on where this one was.
    pub async fn changes(&mut self) -> Vec<Change> {
        loop {
            self.hear();
            let now = Instant::now();
            if self.look_due() <= now {
                let changes = self.look(now);
                if !changes.is_empty() {
                    return changes;
                }
            }
            let (look_due, hear_due) = (self.look_due(), now + HEAR_EVERY);
            let heard = async {
                sleep_until(hear_due.into()).await;
                self.system.stirred().await;
            };
            tokio::select! {
                () = heard => {}
                () = sleep_until(look_due.into()) => {}
            }
        }
    }

    /// Gives everything at once that is not as it was reported last, without waiting for it to settle: for one who says
    /// himself that the files are complete.
    ///
    /// # Errors
    /// If the folder cannot be listed.
    pub fn look_now(&mut self) -> Result<Vec<Change>, FolderError> {
        self.hear();
        self.folder.look()
    }

    /// Reports this plugin's file again in 2 seconds, or sooner if it changes: for one that could not be read.
    pub fn try_again(&mut self, name: &str) {
        self.folder.try_again(name, Instant::now());
    }

    fn look_due(&self) -> Instant {
        self.folder.due().map_or(self.look_at, |due| due.min(self.look_at))
    }

    /// Takes in what the system has reported.
    fn hear(&mut self) {
        let Stirred { paths, is_anything } = self.system.take();
        let mut is_look_wanted = is_anything;
        for (path, stir) in paths {
            is_look_wanted |= self.folder.stir(path, stir);
        }
        if is_look_wanted {
            self.look_at = self.look_at.min(Instant::now());
        }
    }

    fn look(&mut self, now: Instant) -> Vec<Change> {
        self.look_at = now + LOOK_EVERY;
        match self.folder.look_for_settled(now) {
            Ok(changes) => changes,
            Err(error) => {
                if let Some(times) = self.unreadable.pass() {
                    tracing::warn!(times, "{error}; what runs goes on");
                }
                Vec::new()
            }
        }
    }
}
