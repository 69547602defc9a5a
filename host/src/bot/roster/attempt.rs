//! What is tried with a plugin, and the part of it that takes time: reading, compiling, starting.

use std::{panic::AssertUnwindSafe, path::PathBuf, sync::Arc};

use futures_util::FutureExt as _;
use tokio::sync::Semaphore;

use super::{Roster, Workshop, room::PIPES_MAX};
use crate::plugins::{
    kept::Record,
    package::{ContentHash, Package, PackageError},
    slot::{StartError, Starter, SwapError, Version},
};

/// Something to try with a plugin.
#[derive(Debug, Clone)]
pub(super) struct Try {
    pub(super) source: Source,
    pub(super) why: Why,
    /// Whether the new version begins without what the old one knows.
    pub(super) without_state: bool,
    /// Which attempt of all it is.
    pub(super) number: u64,
}

/// Where a version comes from.
#[derive(Debug, Clone)]
pub(super) enum Source {
    /// A file.
    File(PathBuf),
    /// One that ran before.
    Kept(ContentHash),
}

/// Why something is tried, which decides how much is asked of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// The bot starts.
    Start,
    /// The bot starts, and the file is not the version that ran last: that one runs first.
    Restore,
    /// The operator has switched it on again.
    Enable,
    /// The file has changed.
    Folder,
    /// The operator wants it tried again, or has just granted what it asks for.
    Wish,
    /// The operator wants the candidate to take over.
    Promote,
    /// The operator wants an earlier version.
    Rollback,
    /// The plugin's settings have changed.
    Terms,
    /// It shall run beside the running version.
    Shadow,
}

/// What came of it.
pub(super) struct Loaded {
    pub(super) name: String,
    pub(super) attempt: Try,
    pub(super) result: Result<Ready, Rejection>,
}

/// How far an attempt came.
pub(super) enum Ready {
    /// A version could take over.
    Version(Box<Version>),
    /// It is what ran already when it was looked at.
    Unchanged(ContentHash),
    /// It is what the bot itself or the operator has taken back; it stays so until the file is another one.
    HeldBack,
    /// Another version ran last: that one shall run before this is tried.
    After(ContentHash),
}

/// Why a file or version does not run.
#[derive(Debug, thiserror::Error)]
pub enum Rejection {
    /// It cannot be loaded.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// It cannot be started.
    #[error(transparent)]
    Start(#[from] StartError),
    /// What the running version knows could not be carried over.
    #[error(transparent)]
    Swap(#[from] SwapError),
    /// A candidate has nothing to be compared with.
    #[error("no version runs that it could be compared with")]
    NothingRuns,
    /// There are too many.
    #[error("no more than {0} plugins may run: remove one, or raise `max` in [plugins]")]
    TooMany(usize),
    /// So many connections would be too many for a server. The pipes of those that run already come first.
    #[error(
        "it hears pipes that make {0} with those of the plugins that run, and {PIPES_MAX} is the most: let it hear \
         fewer, or run it in a bot of its own"
    )]
    TooManyPipes(usize),
    /// An earlier version is not there any more.
    #[error("the version {0} is not kept any more: put its file into the folder")]
    NotKept(ContentHash),
    /// Loading it ended in a way that should not be possible.
    #[error("loading it broke off: {0}")]
    BrokeOff(String),
}

impl Try {
    pub(super) const fn new(source: Source, why: Why) -> Self {
        Self { source, why, without_state: false, number: 0 }
    }
}

impl Roster {
    /// Tries something with a plugin, now or when what is under way has come to an end. The newest counts. Gives the
    /// number of the attempt.
    pub(super) fn try_it(&mut self, name: &str, attempt: Try) -> u64 {
        let number = self.next_number();
        let attempt = Try { number, ..attempt };
        match self.plugins.get_mut(name) {
            Some(plugin) if plugin.is_busy() => match attempt.why {
                // These are on the new terms as well, but may come to nothing.
                Why::Terms => plugin.next_terms = Some(attempt),
                _ => plugin.next = Some(attempt),
            },
            _ => self.try_now(name, attempt),
        }
        number
    }

    /// Numbers what follows from here on.
    pub(super) const fn next_number(&mut self) -> u64 {
        self.attempts += 1;
        self.attempts
    }

    pub(super) fn try_now(&mut self, name: &str, mut attempt: Try) {
        let starter = self.starter(name);
        let Some(plugin) = self.plugins.get_mut(name) else { return };
        plugin.is_trying = true;
        plugin.tried = attempt.number;
        if let (Why::Terms, Some(running)) = (attempt.why, &plugin.running) {
            // Another version may have taken over since the settings have changed.
            attempt.source = Source::Kept(running.hash);
        }
        let is_new = matches!(attempt.why, Why::Folder | Why::Wish);
        if is_new && starter.terms().shadow && plugin.running.is_some() {
            attempt.why = Why::Shadow;
        }
        let known = Known {
            running: plugin.running.as_ref().map(|running| running.hash),
            record: plugin.record.clone(),
            packages: plugin.packages.clone(),
            file_bytes: self.settings.file_bytes,
        };
        let mut workshop = self.workshop.clone();
        workshop.compiler = workshop.compiler.within(self.settings.compile);
        let (turns, name) = (Arc::clone(&self.turns), name.to_owned());
        self.loads.spawn(async move {
            let result = unbroken(load(workshop, &starter, attempt.clone(), known, turns)).await;
            Loaded { name, attempt, result }
        });
    }

    /// Makes a plugin's versions: the way out of it stays the same from one to the next.
    fn starter(&self, name: &str) -> Starter {
        let (terms, granted) = (self.settings.terms(name).clone(), self.granted(name));
        if let Some(running) = self.plugins.get(name).and_then(|plugin| plugin.running.as_ref()) {
            return running.starter.on(terms).granting(granted);
        }
        let Workshop { sandbox, port, bounds, metrics, kept, .. } = &self.workshop;
        let starter = Starter::new(Arc::clone(sandbox), name, terms, port, *bounds, metrics.plugin(name));
        starter.granting(granted).keeping_failed_in(kept.clone())
    }
}

/// What is known of the plugin when an attempt begins.
struct Known {
    running: Option<ContentHash>,
    record: Record,
    packages: Vec<Package>,
    /// The largest file that is read.
    file_bytes: u64,
}

/// Makes a rejection of a panic, which would be a mistake of the engine's or ours: the plugin must not wait for an end of
/// its attempt that does not come.
async fn unbroken(loading: impl Future<Output = Result<Ready, Rejection>>) -> Result<Ready, Rejection> {
    let outcome = AssertUnwindSafe(loading).catch_unwind().await;
    outcome.unwrap_or_else(|_| Err(Rejection::BrokeOff("it panicked".to_owned())))
}

/// Reads, compiles and sets up.
async fn load(
    workshop: Workshop,
    starter: &Starter,
    attempt: Try,
    known: Known,
    turns: Arc<Semaphore>,
) -> Result<Ready, Rejection> {
    // The semaphore is never closed; without a permit it would only compile sooner.
    let turn = turns.acquire_owned().await.ok();
    let why = attempt.why;
    let compiled = tokio::task::spawn_blocking(move || compile(&workshop, attempt, &known));
    let compiled = compiled.await.map_err(|error| Rejection::BrokeOff(error.to_string()))??;
    // A `setup` that waits holds up nobody's compiler.
    drop(turn);
    let package = match compiled {
        ToStart::Package(package) => package,
        ToStart::Nothing(ready) => return Ok(ready),
    };
    let version = match why {
        Why::Shadow => starter.apart().start(package).await?,
        _ => starter.start(package).await?,
    };
    Ok(Ready::Version(Box::new(version)))
}

/// What compiling comes to.
enum ToStart {
    Package(Package),
    /// There is nothing to start: the attempt has come as far as it will.
    Nothing(Ready),
}

fn compile(workshop: &Workshop, attempt: Try, known: &Known) -> Result<ToStart, Rejection> {
    let at_hand = |hash| known.packages.iter().find(|package| package.hash == hash).cloned();
    let Workshop { sandbox, compiler, compiled, kept, .. } = workshop;
    let (bytes, hash) = match attempt.source {
        Source::File(path) => {
            let bytes = Package::read(&path, known.file_bytes)?;
            let hash = ContentHash::of(&bytes);
            (bytes, hash)
        }
        Source::Kept(hash) => {
            if let Some(package) = at_hand(hash) {
                return Ok(ToStart::Package(package));
            }
            let bytes = kept.versions().get(hash).map_err(PackageError::Read)?;
            (bytes.ok_or(Rejection::NotKept(hash))?.into(), hash)
        }
    };
    if let Some(ready) = is_settled(attempt.why, hash, known) {
        return Ok(ToStart::Nothing(ready));
    }
    let package = match at_hand(hash) {
        Some(package) => package,
        None => Package::load_with(sandbox, compiler, Some(compiled), &bytes)?,
    };
    // So that it can come back, also after a restart. Without that it runs all the same.
    if let Err(error) = kept.versions().put(hash, &bytes) {
        tracing::warn!("a version cannot be kept, so there may be no way back to it: {error}");
    }
    Ok(ToStart::Package(package))
}

/// Whether nothing has to be loaded.
fn is_settled(why: Why, hash: ContentHash, known: &Known) -> Option<Ready> {
    let Known { running, record, .. } = known;
    if *running == Some(hash) && why != Why::Terms {
        return Some(Ready::Unchanged(hash));
    }
    let is_held_back = record.held_back.as_ref().is_some_and(|held| held.hash == hash);
    match why {
        Why::Folder if is_held_back && running.is_some() => Some(Ready::HeldBack),
        Why::Enable if is_held_back => record.good.first().map(|good| Ready::After(good.hash)),
        Why::Start => {
            let newest = record.good.first().map(|good| good.hash);
            newest.filter(|_| is_held_back || record.good.iter().all(|good| good.hash != hash)).map(Ready::After)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic, reason = "tests")]
    use super::*;

    #[tokio::test]
    async fn an_attempt_that_panics_ends_in_a_rejection() {
        let panics = async {
            tokio::task::yield_now().await;
            panic!("on purpose");
        };
        assert!(matches!(unbroken(panics).await, Err(Rejection::BrokeOff(_))));
        assert!(matches!(unbroken(async { Ok(Ready::HeldBack) }).await, Ok(Ready::HeldBack)));
    }
}
