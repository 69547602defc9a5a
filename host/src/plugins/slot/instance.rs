//! One instance of a plugin: started, called, thrown away after a trap.

use std::sync::Arc;

use tokio::time::timeout;
use wasmtime::{Store, component::TypedFunc};

use self::crash::Act;
pub use self::{crash::Crash, state::StateError};

use crate::comet::commands::Commands;
use crate::plugins::{
    api::{Event, State, Wants},
    grants::{Grants, WantsError},
    limits::{START_TIME, START_WAIT, STATE_TIME, STATE_WAIT, TimeBudget},
    outgoing::Committed,
    package::{Package, landmarks::Landmarks},
    sandbox::Sandbox,
};
use crate::report::brief;

mod crash;
mod state;

/// A plugin that has been set up.
pub(super) struct Instance {
    store: Store<State>,
    handle: TypedFunc<(Arc<Event>,), (Result<(), String>,)>,
    /// Of a plugin whose memory outlives a reload.
    carriers: Option<Carriers>,
    /// How long a call may run.
    time: TimeBudget,
    /// For the words about a crash.
    landmarks: Arc<Landmarks>,
}

/// The exports that carry a plugin's memory over a reload.
#[derive(Clone)]
struct Carriers {
    save: TypedFunc<(), (Result<Vec<u8>, String>,)>,
    restore: TypedFunc<(Vec<u8>,), (Result<(), String>,)>,
}

/// Why an instance did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// It could not be instantiated.
    #[error("it does not start: {0}")]
    Instantiate(Crash),
    /// An export has another type than in the contract.
    #[error("its export `{export}` does not have the type of the contract `cometbot:plugin@1.1.0`: {reason}")]
    Type {
        /// The export.
        export: &'static str,
        /// What the engine says.
        reason: String,
    },
    /// `setup` trapped or ran too long.
    #[error("its `setup` failed: {0}")]
    Setup(Crash),
    /// `setup` waited for something that did not come.
    #[error("its `setup` waited longer than {} s", START_WAIT.as_secs())]
    TooSlow,
    /// `setup` returned an error.
    #[error("it refuses to run: {}", brief(.0))]
    Refused(String),
    /// `setup` asks for what cannot be.
    #[error(transparent)]
    Wants(#[from] WantsError),
}

/// Why an event was not handled.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// `handle` returned an error. The instance goes on.
    #[error("it returned an error: {}", brief(.0))]
    Returned(String),
    /// `handle` trapped or ran too long. The instance is gone.
    #[error("{0}")]
    Crashed(Box<Crash>),
    /// There is no instance, and none could be made.
    #[error("its instance cannot be made anew: {0}")]
    NotRestarted(Box<StartError>),
}

impl Instance {
    /// Makes an instance and calls `setup`.
    pub(super) async fn start(
        sandbox: &Sandbox,
        package: &Package,
        state: State,
        time: TimeBudget,
    ) -> Result<(Self, Wants, Arc<Grants>), StartError> {
        let start_time = TimeBudget::new(START_TIME);
        let landmarks = Arc::clone(&package.landmarks);
        let mut store = sandbox.store(state);
        begin_call(&mut store, start_time);
        let instance = match package.instance.instantiate_async(&mut store).await {
            Ok(instance) => instance,
            Err(error) => {
                return Err(StartError::Instantiate(crash(&store, &error, Act::Start, start_time, &landmarks)));
            }
        };
        let mistyped = |export| move |error: wasmtime::Error| StartError::Type { export, reason: format!("{error:#}") };
        let setup = instance
            .get_typed_func::<(), (Result<Wants, String>,)>(&mut store, package.setup)
            .map_err(mistyped("setup"))?;
        let handle = instance.get_typed_func(&mut store, package.handle).map_err(mistyped("handle"))?;
        // Something else of the same names is no mistake: the contract 1.0.0 did not have them.
        let carriers = package.state.and_then(|(save, restore)| {
            let save = instance.get_typed_func(&mut store, save).ok()?;
            let restore = instance.get_typed_func(&mut store, restore).ok()?;
            Some(Carriers { save, restore })
        });
        begin_call(&mut store, start_time);
        let wants = match setup.call_async(&mut store, ()).await {
            Ok((wants,)) => wants.map_err(StartError::Refused)?,
            Err(error) => return Err(StartError::Setup(crash(&store, &error, Act::Setup, start_time, &landmarks))),
        };
        let grants = Arc::new(Grants::from_wants(&wants)?);
        store.data_mut().grants = Arc::clone(&grants);
        Ok((Self { store, handle, carriers, time, landmarks }, wants, grants))
    }

    /// Handles one event. Its sends are committed when it returns ok, and dropped otherwise.
    pub(super) async fn handle(&mut self, event: Arc<Event>) -> Result<Committed, Failure> {
        match self.call(event).await {
            Ok(()) => Ok(self.store.data_mut().commit()),
            Err(failure) => {
                self.store.data_mut().roll_back();
                Err(failure)
            }
        }
    }

    /// Handles one event and gives what it would send.
    pub(super) async fn rehearse(&mut self, event: Arc<Event>) -> Result<Commands, Failure> {
        let outcome = self.call(event).await;
        let staged = self.store.data_mut().take_staged();
        outcome.map(|()| staged)
    }

    async fn call(&mut self, event: Arc<Event>) -> Result<(), Failure> {
        begin_call(&mut self.store, self.time);
        match self.handle.call_async(&mut self.store, (event,)).await {
            Ok((outcome,)) => outcome.map_err(Failure::Returned),
            Err(error) => Err(Failure::Crashed(Box::new(self.crash(&error, Act::Handle, self.time)))),
        }
    }

    /// Whether the plugin's memory outlives a reload.
    pub(super) const fn carries_state(&self) -> bool {
        self.carriers.is_some()
    }

    /// Lets it hand over what the next version shall know, at most `most` bytes; none if that is nothing.
    ///
    /// # Errors
    /// A [`StateError`]. After a [`StateError::Crashed`] this instance is of no more use.
    pub(super) async fn save(&mut self, most: usize) -> Result<Option<Vec<u8>>, StateError> {
        let Some(Carriers { save, .. }) = self.carriers.clone() else { return Ok(None) };
        let time = TimeBudget::new(STATE_TIME);
        begin_call(&mut self.store, time);
        self.store.data_mut().set_between_events(true);
        let outcome = timeout(STATE_WAIT, save.call_async(&mut self.store, ())).await;
        self.store.data_mut().set_between_events(false);
        match outcome {
            Ok(Ok((Ok(state),))) if state.len() > most => Err(StateError::TooLarge { bytes: state.len(), most }),
            Ok(Ok((Ok(state),))) => Ok(Some(state).filter(|state| !state.is_empty())),
            Ok(Ok((Err(words),))) => Err(StateError::Returned(words)),
            Ok(Err(error)) => Err(StateError::Crashed(Box::new(self.crash(&error, Act::Save, time)))),
            Err(_) => Err(StateError::Crashed(Box::new(Crash::waited(STATE_WAIT)))),
        }
    }

    /// Gives it what an earlier version has saved.
    ///
    /// # Errors
    /// A [`StateError`]; this instance is of no more use then.
    pub(super) async fn restore(&mut self, state: Vec<u8>) -> Result<(), StateError> {
        let Some(Carriers { restore, .. }) = self.carriers.clone() else { return Ok(()) };
        let time = TimeBudget::new(STATE_TIME);
        begin_call(&mut self.store, time);
        self.store.data_mut().set_between_events(true);
        let outcome = timeout(STATE_WAIT, restore.call_async(&mut self.store, (state,))).await;
        self.store.data_mut().set_between_events(false);
        match outcome {
            Ok(Ok((outcome,))) => outcome.map_err(StateError::Returned),
            Ok(Err(error)) => Err(StateError::Crashed(Box::new(self.crash(&error, Act::Restore, time)))),
            Err(_) => Err(StateError::Crashed(Box::new(Crash::waited(STATE_WAIT)))),
        }
    }

    /// Gives it the grants of the instance that it stands in for: routes were made of those.
    pub(super) fn keep_grants(&mut self, grants: Arc<Grants>) {
        self.store.data_mut().grants = grants;
    }

    #[cold]
    fn crash(&self, error: &wasmtime::Error, act: Act, time: TimeBudget) -> Crash {
        crash(&self.store, error, act, time, &self.landmarks)
    }
}

fn begin_call(store: &mut Store<State>, time: TimeBudget) {
    let budget = &mut store.data_mut().budget;
    budget.time = time;
    budget.memory.was_denied = false;
    store.set_epoch_deadline(1);
}

#[cold]
fn crash(store: &Store<State>, error: &wasmtime::Error, act: Act, time: TimeBudget, landmarks: &Landmarks) -> Crash {
    Crash::new(error, act, time, store.data().budget.memory.was_denied, landmarks)
}
