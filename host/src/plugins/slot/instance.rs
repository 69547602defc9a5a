//! One instance of a plugin: started, called, thrown away after a trap.

use std::{sync::Arc, time::Duration};

use tokio::time::timeout;
use wasmtime::{Store, component::TypedFunc};

use self::crash::Act;
pub use self::{crash::Crash, state::StateError};

use crate::comet::commands::Commands;
use crate::plugins::{
    api::{Event, State, Wants},
    grants::{Grants, WantsError},
    limits::{CallBudget, HOST_CALL_BYTES, STATE_TIME, STATE_WAIT},
    outgoing::Committed,
    package::{Package, landmarks::Landmarks},
    sandbox::{Sandbox, Turn},
};
use crate::report::brief;

mod crash;
mod state;

/// A plugin that has been set up.
pub(super) struct Instance {
    store: Store<State>,
    /// Runs its calls.
    turn: Arc<Turn>,
    /// Whether it is metered what it computes.
    is_metered: bool,
    handle: TypedFunc<(Arc<Event>,), (Result<(), String>,)>,
    /// Of a plugin whose memory outlives a reload.
    carriers: Option<Carriers>,
    /// What `handle` may use for an event.
    budget: CallBudget,
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
    #[error("its `setup` waited longer than {} s", .0.as_secs())]
    TooSlow(Duration),
    /// `setup` returned an error.
    #[error("it refuses to run: {}", brief(.0))]
    Refused(String),
    /// `setup` asks for what the file does not announce.
    #[error("its `setup` asks for what its manifest does not name: {0}: add that to manifest.toml, or ask for less")]
    BeyondManifest(String),
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
    /// Makes an instance and calls `setup`, all within `start`; gives it with what it wants, also as what it asks for. Its
    /// events get `budget` each.
    pub(super) async fn start(
        sandbox: &Sandbox,
        package: &Package,
        state: State,
        start: CallBudget,
        budget: CallBudget,
    ) -> Result<(Self, Wants, Arc<Grants>), StartError> {
        let landmarks = Arc::clone(&package.landmarks);
        let is_metered = sandbox.is_metered();
        let (mut store, turn) = sandbox.store(state);
        begin_call(&mut store, &turn, start, is_metered);
        let instance = match turn.run(package.instance.instantiate_async(&mut store)).await {
            Ok(instance) => instance,
            Err(error) => {
                return Err(StartError::Instantiate(crash(&store, &error, Act::Start, start, &landmarks)));
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
        let outcome = turn.run(setup.call_async(&mut store, ())).await;
        end_call(&store, start, is_metered);
        let wants = match outcome {
            Ok((wants,)) => wants.map_err(|words| StartError::Refused(store.data().tag.secrets.hidden_in(words)))?,
            Err(error) => return Err(StartError::Setup(crash(&store, &error, Act::Setup, start, &landmarks))),
        };
        let asks = Arc::new(Grants::from_wants(&wants)?);
        store.data_mut().wanted = Arc::clone(&asks);
        Ok((Self { store, turn, is_metered, handle, carriers, budget, landmarks }, wants, asks))
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
        begin_call(&mut self.store, &self.turn, self.budget, self.is_metered);
        let outcome = self.turn.run(self.handle.call_async(&mut self.store, (event,))).await;
        end_call(&self.store, self.budget, self.is_metered);
        match outcome {
            Ok((outcome,)) => outcome.map_err(|words| Failure::Returned(self.hidden_in(words))),
            Err(error) => Err(Failure::Crashed(Box::new(self.crash(&error, Act::Handle, self.budget)))),
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
        let budget = CallBudget::of(STATE_TIME);
        begin_call(&mut self.store, &self.turn, budget, self.is_metered);
        self.store.data_mut().set_between_events(true);
        // So much that a plugin that gives too much is told how much it may give.
        self.store.set_hostcall_fuel(HOST_CALL_BYTES.saturating_add(most.saturating_mul(2)));
        let outcome = timeout(STATE_WAIT, self.turn.run(save.call_async(&mut self.store, ()))).await;
        self.store.set_hostcall_fuel(HOST_CALL_BYTES);
        self.store.data_mut().set_between_events(false);
        end_call(&self.store, budget, self.is_metered);
        match outcome {
            Ok(Ok((Ok(state),))) if state.len() > most => Err(StateError::TooLarge { bytes: state.len(), most }),
            Ok(Ok((Ok(state),))) => Ok(Some(state).filter(|state| !state.is_empty())),
            Ok(Ok((Err(words),))) => Err(StateError::Returned(self.hidden_in(words))),
            Ok(Err(error)) => Err(StateError::Crashed(Box::new(self.crash(&error, Act::Save, budget)))),
            Err(_) => Err(StateError::Crashed(Box::new(Crash::waited(STATE_WAIT)))),
        }
    }

    /// Gives it what an earlier version has saved.
    ///
    /// # Errors
    /// A [`StateError`]; this instance is of no more use then.
    pub(super) async fn restore(&mut self, state: Vec<u8>) -> Result<(), StateError> {
        let Some(Carriers { restore, .. }) = self.carriers.clone() else { return Ok(()) };
        let budget = CallBudget::of(STATE_TIME);
        begin_call(&mut self.store, &self.turn, budget, self.is_metered);
        self.store.data_mut().set_between_events(true);
        let outcome = timeout(STATE_WAIT, self.turn.run(restore.call_async(&mut self.store, (state,)))).await;
        self.store.data_mut().set_between_events(false);
        end_call(&self.store, budget, self.is_metered);
        match outcome {
            Ok(Ok((outcome,))) => outcome.map_err(|words| StateError::Returned(self.hidden_in(words))),
            Ok(Err(error)) => Err(StateError::Crashed(Box::new(self.crash(&error, Act::Restore, budget)))),
            Err(_) => Err(StateError::Crashed(Box::new(Crash::waited(STATE_WAIT)))),
        }
    }

    /// From now on it may do this, and nothing else. Until it is said, it may do nothing.
    pub(super) fn grant(&mut self, grants: Arc<Grants>) {
        self.store.data_mut().grants = grants;
    }

    /// Words of the plugin, without its secrets.
    #[cold]
    fn hidden_in(&self, words: String) -> String {
        self.store.data().tag.secrets.hidden_in(words)
    }

    #[cold]
    fn crash(&self, error: &wasmtime::Error, act: Act, budget: CallBudget) -> Crash {
        crash(&self.store, error, act, budget, &self.landmarks)
    }
}

fn begin_call(store: &mut Store<State>, turn: &Turn, call: CallBudget, is_metered: bool) {
    if is_metered {
        // It can fail only where nothing is metered.
        let _ = store.set_fuel(call.fuel.unwrap_or(u64::MAX));
    }
    let budget = &mut store.data_mut().budget;
    budget.time = call.time;
    budget.memory.was_denied = false;
    turn.begin();
    store.set_epoch_deadline(1);
}

/// Counts what the call has used.
fn end_call(store: &Store<State>, call: CallBudget, is_metered: bool) {
    if is_metered {
        let left = store.get_fuel().unwrap_or_default();
        store.data().budget.used_fuel(call.fuel.unwrap_or(u64::MAX).saturating_sub(left));
    }
}

#[cold]
fn crash(store: &Store<State>, error: &wasmtime::Error, act: Act, budget: CallBudget, landmarks: &Landmarks) -> Crash {
    Crash::new(error, act, budget, store.data().budget.memory.was_denied, landmarks)
}
