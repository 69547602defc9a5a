//! One instance of a plugin: started, called, thrown away after a trap.

use std::sync::Arc;

use wasmtime::{Store, component::TypedFunc};

use self::crash::Act;
pub use self::crash::Crash;

use crate::plugins::{
    api::{Event, State, Wants},
    grants::{Grants, WantsError},
    limits::{START_TIME, START_WAIT, TimeBudget},
    package::{Package, landmarks::Landmarks},
    sandbox::Sandbox,
};
use crate::report::brief;

mod crash;

/// A plugin that has been set up.
pub(super) struct Instance {
    store: Store<State>,
    handle: TypedFunc<(Arc<Event>,), (Result<(), String>,)>,
    /// How long a call may run.
    time: TimeBudget,
    /// For the words about a crash.
    landmarks: Arc<Landmarks>,
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
        begin_call(&mut store, start_time);
        let wants = match setup.call_async(&mut store, ()).await {
            Ok((wants,)) => wants.map_err(StartError::Refused)?,
            Err(error) => return Err(StartError::Setup(crash(&store, &error, Act::Setup, start_time, &landmarks))),
        };
        let grants = Arc::new(Grants::from_wants(&wants)?);
        store.data_mut().grants = Arc::clone(&grants);
        Ok((Self { store, handle, time, landmarks }, wants, grants))
    }

    /// Handles one event. Its sends are committed when it returns ok, and dropped otherwise.
    ///
    /// Gives how many bytes of sends are committed and not flushed.
    pub(super) async fn handle(&mut self, event: Arc<Event>) -> Result<usize, Failure> {
        begin_call(&mut self.store, self.time);
        let outcome = self.handle.call_async(&mut self.store, (event,)).await;
        match outcome {
            Ok((Ok(()),)) => Ok(self.store.data_mut().commit()),
            Ok((Err(words),)) => {
                self.store.data_mut().roll_back();
                Err(Failure::Returned(words))
            }
            Err(error) => {
                self.store.data_mut().roll_back();
                Err(Failure::Crashed(Box::new(crash(&self.store, &error, Act::Handle, self.time, &self.landmarks))))
            }
        }
    }

    /// Gives it the grants of the instance that it stands in for: routes were made of those.
    pub(super) fn keep_grants(&mut self, grants: Arc<Grants>) {
        self.store.data_mut().grants = grants;
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
