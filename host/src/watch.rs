//! What stirs in a folder, as the system reports it.
//!
//! A thin layer over `notify`. It leaves out reads, says what a report means for the file ([`Word`]), keeps the latest one
//! of each path until it is taken, and keeps the system's watch in place: one that is lost with its folder is set up anew.
//! Whoever follows files uses it: `plugins::folder`, `kit`, `bot`. It imports nothing of ours.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use notify::{
    Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _,
    event::{AccessKind, AccessMode, ModifyKind, RenameMode},
};
use tokio::{
    sync::Notify,
    time::{sleep_until, timeout},
};

/// So often it is checked whether the system's watch is in place still; without one, anything may have changed each time.
const CHECK_EVERY: Duration = Duration::from_secs(2);

/// What the system says of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// Whoever wrote it is done: it was closed after a write, or renamed to this name.
    Whole,
    /// Someone has written to it, and will be reported to close it.
    Open,
    /// It has changed in some way, and nothing says that it is whole.
    Changed,
    /// Its times, its owner or its mode have changed, its content has not.
    Touched,
    /// It is gone, or has another name now.
    Gone,
}

impl Word {
    /// What a report means; none if it says that something was read.
    fn of(kind: EventKind) -> Option<Self> {
        match kind {
            EventKind::Access(AccessKind::Close(AccessMode::Write)) => Some(Self::Whole),
            EventKind::Access(_) => None,
            // Both names have been reported singly.
            EventKind::Modify(ModifyKind::Name(RenameMode::Both)) => None,
            EventKind::Modify(ModifyKind::Name(RenameMode::To)) => Some(Self::Whole),
            EventKind::Modify(ModifyKind::Name(RenameMode::From)) | EventKind::Remove(_) => Some(Self::Gone),
            EventKind::Modify(ModifyKind::Metadata(_)) => Some(Self::Touched),
            // Only here does the system report that a file was closed.
            EventKind::Modify(ModifyKind::Data(_)) if cfg!(any(target_os = "linux", target_os = "android")) => {
                Some(Self::Open)
            }
            _ => Some(Self::Changed),
        }
    }

    /// What is known of a file of which this was said, and then `next`.
    #[must_use]
    pub const fn then(self, next: Self) -> Self {
        match next {
            // Copies set times and modes when they are done, and a file that is whole stays whole.
            Self::Touched => self,
            _ => next,
        }
    }
}

/// What was reported of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stir {
    /// When it was reported last.
    pub at: Instant,
    /// What is known by all that was reported.
    pub word: Word,
}

/// What has stirred since it was taken last.
#[derive(Debug, Default)]
pub struct Stirred {
    /// The paths that were reported: the watched folder's own, as it was given, with the rest joined to it.
    pub paths: BTreeMap<PathBuf, Stir>,
    /// Whether anything else may have changed as well: reports were lost, or there is no watch.
    pub is_anything: bool,
}

/// Which file or folder a path leads to at the moment; another one with the same name is not the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity(#[cfg(unix)] (u64, u64));

impl Identity {
    /// Of what `path` leads to, links followed; none if that is nothing.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        #[cfg(unix)]
        return Some(Self({
            use std::os::unix::fs::MetadataExt as _;
            (metadata.dev(), metadata.ino())
        }));
        #[cfg(not(unix))]
        return metadata.is_dir().then_some(Self());
    }
}

/// Whether a report of this path and word is of use. It is asked on the system's thread, for every report.
type Wanted = dyn Fn(&Path, Word) -> bool + Send + Sync;

/// Follows what stirs in a folder.
pub struct Watch {
    root: Root,
    wanted: Arc<Wanted>,
    heard: Arc<Heard>,
    /// Keeps the system's watch in place, on the folder with this identity; none if there is no watch.
    system: Option<(RecommendedWatcher, Identity)>,
    /// Whether it goes on without the system, by saying now and then that anything may have changed.
    polls: bool,
    /// Whether it was said that the system does not watch: once for each time that it begins.
    is_told: bool,
    check_at: Instant,
}

impl Watch {
    /// Watches the folder `path` from now on; only what is `wanted` is reported.
    ///
    /// # Errors
    /// If the system does not watch it.
    pub fn start(
        path: &Path,
        depth: RecursiveMode,
        wanted: impl Fn(&Path, Word) -> bool + Send + Sync + 'static,
    ) -> notify::Result<Self> {
        let mut watch = Self::new(path, depth, Arc::new(wanted), false);
        watch.set_up()?;
        Ok(watch)
    }

    /// The same for one who can look himself: if the system does not watch, a line in the log says so, and every
    /// 2 seconds anything may have changed.
    pub fn start_or_poll(
        path: &Path,
        depth: RecursiveMode,
        wanted: impl Fn(&Path, Word) -> bool + Send + Sync + 'static,
    ) -> Self {
        let mut watch = Self::new(path, depth, Arc::new(wanted), true);
        watch.renew();
        watch
    }

    fn new(path: &Path, depth: RecursiveMode, wanted: Arc<Wanted>, polls: bool) -> Self {
        // The system reports absolute paths. Without a current folder there is nothing to watch, which it will say itself.
        let absolute = if path.as_os_str().is_empty() { std::env::current_dir() } else { std::path::absolute(path) };
        let absolute = absolute.unwrap_or_else(|_| path.to_owned());
        let root = Root { path: path.to_owned(), absolute, depth };
        let check_at = Instant::now() + CHECK_EVERY;
        Self { root, wanted, heard: Arc::default(), system: None, polls, is_told: false, check_at }
    }

    /// Waits until something has stirred that was not taken yet. May be dropped: nothing is taken here.
    pub async fn stirred(&mut self) {
        loop {
            if self.heard.is_lost() {
                self.renew();
            }
            if self.heard.is_news() {
                return;
            }
            tokio::select! {
                () = self.heard.news.notified() => {}
                () = sleep_until(self.check_at.into()) => self.check(),
            }
        }
    }

    /// Takes what has stirred.
    #[must_use]
    pub fn take(&mut self) -> Stirred {
        std::mem::take(&mut self.heard.lock().stirred)
    }

    /// Waits until something has stirred and then nothing did for as long as `quiet`, and takes it. May be dropped:
    /// nothing is taken before it returns.
    pub async fn settled(&mut self, quiet: Duration) -> Stirred {
        self.stirred().await;
        while timeout(quiet, self.heard.news.notified()).await.is_ok() {}
        self.take()
    }

    /// Checks whether the watch is on the folder that is there now. The system does not report every way in which a
    /// folder is replaced: a link to it that leads elsewhere, or a file system that is mounted over it.
    fn check(&mut self) {
        self.check_at = Instant::now() + CHECK_EVERY;
        let watched = self.system.as_ref().map(|(_, identity)| *identity);
        if watched.is_none() || watched != Identity::of(&self.root.absolute) {
            self.renew();
        }
    }

    /// Sets the watch up anew.
    fn renew(&mut self) {
        match self.set_up() {
            Ok(()) => {
                self.is_told = false;
                self.heard.miss();
            }
            Err(error) => {
                // Whoever looks into a folder that is away says so better.
                let is_away = matches!(error.kind, notify::ErrorKind::PathNotFound);
                if self.polls && !is_away && !std::mem::replace(&mut self.is_told, true) {
                    tracing::warn!(
                        folder = %self.root.path.display(),
                        "the system does not report changes in this folder ({error}): it is looked at every {} s instead",
                        CHECK_EVERY.as_secs()
                    );
                }
                if self.polls {
                    self.heard.miss();
                }
            }
        }
    }

    fn set_up(&mut self) -> notify::Result<()> {
        // The old one may be on a folder that has another name now, of which nothing shall be heard any more.
        self.system = None;
        self.heard.lock().is_lost = false;
        // Asked before the watch: what is replaced in between is found at the next check.
        let identity = Identity::of(&self.root.absolute).ok_or_else(notify::Error::path_not_found)?;
        let (root, wanted, heard) = (self.root.clone(), Arc::clone(&self.wanted), Arc::clone(&self.heard));
        let mut watcher = notify::recommended_watcher(move |event| heard.hear(event, &root, &*wanted))?;
        watcher.watch(&self.root.absolute, self.root.depth)?;
        self.system = Some((watcher, identity));
        Ok(())
    }
}

/// What is watched.
#[derive(Debug, Clone)]
struct Root {
    /// As it was given.
    path: PathBuf,
    /// As the system reports it.
    absolute: PathBuf,
    depth: RecursiveMode,
}

/// What the system's thread has heard.
#[derive(Default)]
struct Heard {
    since_taken: Mutex<SinceTaken>,
    news: Notify,
}

#[derive(Default)]
struct SinceTaken {
    stirred: Stirred,
    /// Whether the watched folder itself has gone, and the watch with it.
    is_lost: bool,
}

impl Heard {
    fn lock(&self) -> MutexGuard<'_, SinceTaken> {
        self.since_taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_lost(&self) -> bool {
        self.lock().is_lost
    }

    fn is_news(&self) -> bool {
        let heard = self.lock();
        heard.stirred.is_anything || !heard.stirred.paths.is_empty()
    }

    /// Notes that something may have changed that was not reported.
    fn miss(&self) {
        self.lock().stirred.is_anything = true;
        self.news.notify_one();
    }

    fn hear(&self, event: notify::Result<Event>, root: &Root, wanted: &Wanted) {
        let Ok(event) = event else { return self.miss() };
        let Some(word) = Word::of(event.kind) else { return };
        if event.need_rescan() || event.paths.is_empty() {
            return self.miss();
        }
        for path in &event.paths {
            match path.strip_prefix(&root.absolute) {
                Ok(inner) if inner.as_os_str().is_empty() => {
                    self.lock().is_lost |= word == Word::Gone;
                    self.miss();
                }
                Ok(inner) => {
                    let path = root.path.join(inner);
                    if wanted(&path, word) {
                        self.stir(path, word);
                    }
                }
                Err(_) => self.miss(),
            }
        }
    }

    fn stir(&self, path: PathBuf, word: Word) {
        let at = Instant::now();
        self.lock()
            .stirred
            .paths
            .entry(path)
            .and_modify(|stir| *stir = Stir { at, word: stir.word.then(word) })
            .or_insert(Stir { at, word });
        self.news.notify_one();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "tests")]
    use std::{fs::File, io::Write as _};

    use tempfile::TempDir;

    use super::*;

    /// Only a test that fails waits so long.
    const ENOUGH: Duration = Duration::from_secs(20);

    /// Takes what stirs until all these files, and no others, were reported like this.
    async fn heard<const N: usize>(watch: &mut Watch, expected: [(PathBuf, Word); N]) {
        let expected = BTreeMap::from(expected);
        let mut words: BTreeMap<PathBuf, Word> = BTreeMap::new();
        let all = async {
            while words != expected {
                watch.stirred().await;
                for (path, Stir { word, .. }) in watch.take().paths {
                    words.entry(path).and_modify(|before| *before = before.then(word)).or_insert(word);
                }
            }
        };
        let is_in_time = timeout(ENOUGH, all).await.is_ok();
        assert!(is_in_time, "{words:?} instead of {expected:?}");
    }

    fn watch(path: &Path) -> Watch {
        Watch::start(path, RecursiveMode::NonRecursive, |_, _| true).unwrap()
    }

    #[test]
    fn what_is_whole_stays_whole_when_it_is_touched() {
        for (words, known) in [
            (vec![Word::Changed, Word::Open, Word::Whole, Word::Touched], Word::Whole),
            (vec![Word::Whole, Word::Open, Word::Touched], Word::Open),
            (vec![Word::Whole, Word::Gone], Word::Gone),
            (vec![Word::Gone, Word::Changed], Word::Changed),
            (vec![Word::Touched], Word::Touched),
        ] {
            assert_eq!(words.into_iter().reduce(Word::then), Some(known));
        }
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_file_is_open_until_it_is_closed() {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("a");
        let mut watch = watch(directory.path());
        let mut file = File::create(&path).unwrap();
        file.write_all(b"a").unwrap();
        heard(&mut watch, [(path.clone(), Word::Open)]).await;
        drop(file);
        heard(&mut watch, [(path, Word::Whole)]).await;
    }

    #[tokio::test]
    async fn a_file_is_whole_under_its_new_name_and_gone_under_the_old_one() {
        let directory = TempDir::new().unwrap();
        let (before, after) = (directory.path().join("a"), directory.path().join("b"));
        fs::write(&before, "a").unwrap();
        let mut watch = watch(directory.path());
        fs::rename(&before, &after).unwrap();
        heard(&mut watch, [(before, Word::Gone), (after.clone(), Word::Whole)]).await;
        fs::remove_file(&after).unwrap();
        heard(&mut watch, [(after, Word::Gone)]).await;
    }

    #[tokio::test]
    async fn reading_is_not_reported() {
        let directory = TempDir::new().unwrap();
        let (read, written) = (directory.path().join("a"), directory.path().join("b"));
        fs::write(&read, "a").unwrap();
        let mut watch = watch(directory.path());
        fs::read(&read).unwrap();
        fs::read_dir(directory.path()).unwrap().for_each(drop);
        fs::write(&written, "b").unwrap();
        heard(&mut watch, [(written, Word::Whole)]).await;
    }

    #[tokio::test]
    async fn what_is_not_wanted_is_not_reported() {
        let directory = TempDir::new().unwrap();
        let (unwanted, wanted) = (directory.path().join("a"), directory.path().join("b"));
        let mut watch =
            Watch::start(directory.path(), RecursiveMode::NonRecursive, |path, _| path.ends_with("b")).unwrap();
        fs::write(&unwanted, "a").unwrap();
        fs::write(&wanted, "b").unwrap();
        heard(&mut watch, [(wanted, Word::Whole)]).await;
    }

    #[tokio::test]
    async fn what_has_settled_is_taken_once_and_whole() {
        let directory = TempDir::new().unwrap();
        let mut watch = watch(directory.path());
        for name in ["a", "b", "a"] {
            fs::write(directory.path().join(name), name).unwrap();
        }
        let stirred = timeout(ENOUGH, watch.settled(Duration::from_millis(200))).await.unwrap();
        assert!(stirred.paths.keys().eq([&directory.path().join("a"), &directory.path().join("b")]));
        assert!(watch.take().paths.is_empty());
    }

    #[tokio::test]
    async fn a_folder_that_is_made_anew_is_watched_anew() {
        let directory = TempDir::new().unwrap();
        let folder = directory.path().join("folder");
        fs::create_dir(&folder).unwrap();
        let mut watch = watch(&folder);
        for _ in 0..3 {
            fs::remove_dir(&folder).unwrap();
            fs::create_dir(&folder).unwrap();
            timeout(ENOUGH, watch.stirred()).await.unwrap();
            assert!(watch.take().is_anything, "what was written meanwhile is not known");
            fs::write(folder.join("a"), "a").unwrap();
            heard(&mut watch, [(folder.join("a"), Word::Whole)]).await;
            fs::remove_file(folder.join("a")).unwrap();
        }
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_link_that_leads_to_another_folder_is_followed() {
        let directory = TempDir::new().unwrap();
        let link = directory.path().join("link");
        for folder in ["1", "2"] {
            fs::create_dir(directory.path().join(folder)).unwrap();
        }
        std::os::unix::fs::symlink("1", &link).unwrap();
        let mut watch = watch(&link);
        std::os::unix::fs::symlink("2", directory.path().join("temporary")).unwrap();
        fs::rename(directory.path().join("temporary"), &link).unwrap();
        timeout(ENOUGH, watch.stirred()).await.unwrap();
        assert!(watch.take().is_anything);
        fs::write(directory.path().join("2/a"), "a").unwrap();
        heard(&mut watch, [(link.join("a"), Word::Whole)]).await;
    }

    #[tokio::test]
    async fn a_folder_that_is_not_there_is_watched_as_soon_as_it_is() {
        let directory = TempDir::new().unwrap();
        let folder = directory.path().join("folder");
        let wanted = |_: &Path, _| true;
        assert!(Watch::start(&folder, RecursiveMode::NonRecursive, wanted).is_err());
        let mut watch = Watch::start_or_poll(&folder, RecursiveMode::NonRecursive, wanted);
        for _ in 0..2 {
            timeout(ENOUGH, watch.stirred()).await.unwrap();
            assert!(watch.take().is_anything, "it may be there already");
        }
        fs::create_dir(&folder).unwrap();
        timeout(ENOUGH, watch.stirred()).await.unwrap();
        assert!(watch.take().is_anything);
        fs::write(folder.join("a"), "a").unwrap();
        heard(&mut watch, [(folder.join("a"), Word::Whole)]).await;
    }
}
