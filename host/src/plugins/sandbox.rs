//! The engine that runs plugins, and the bounds that it keeps: memory, time, and what can be reached at all.
//!
//! There is one sandbox a process. `package` compiles with it, `slot` makes instances in it. Time is cut into ticks: one
//! `ticker` advances the engine's epoch, and each store counts for itself the ticks in which its plugin really ran
//! ([`limits`]), so that no plugin's deadline depends on another's. What runs for long goes on in `turns`.

use std::{num::NonZero, sync::Arc};

use tokio::sync::Semaphore;
use wasmtime::{
    Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store, UpdateDeadline,
    component::{Component, InstancePre, Linker},
};

use self::ticker::{Rhythm, Ticker};
use self::turns::Ticked;
pub use self::turns::{Pace, Turn};
use super::{
    api::{self, State},
    limits::{self, EPOCH_TICK, Overrun},
};
use crate::config::Plugins;

mod ticker;
mod turns;

/// A tick, and how the ticker goes to sleep and wakes.
const RHYTHM: Rhythm = Rhythm { tick: EPOCH_TICK, quiet_ticks: limits::QUIET_TICKS, asleep_tick: limits::ASLEEP_TICK };

/// The engine could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("the WebAssembly engine does not start here: {0:#}")]
pub struct SandboxError(wasmtime::Error);

/// What the engine has room for. It cannot have more while it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Plugins at the same time.
    pub plugins: usize,
    /// The memory of each, in bytes.
    pub memory_bytes: usize,
    /// The stack that a plugin's functions may use, in bytes.
    pub stack_bytes: usize,
    /// Whether it is metered what plugins compute, which makes them slower.
    pub is_metered: bool,
}

impl Room {
    /// Room for so many plugins of so much memory, with the stack that is usual.
    #[must_use]
    pub const fn new(plugins: usize, memory_bytes: usize) -> Self {
        Self { plugins, memory_bytes, stack_bytes: limits::STACK_BYTES, is_metered: false }
    }

    /// Room for everything that `plugins` says.
    #[must_use]
    pub fn wanted_by(plugins: &Plugins) -> Self {
        Self {
            plugins: plugins.max,
            memory_bytes: plugins.largest_memory_bytes(),
            stack_bytes: plugins.stack_bytes,
            is_metered: plugins.is_metered(),
        }
    }
}

/// The engine, with everything a plugin may import.
pub struct Sandbox {
    engine: Engine,
    linker: Linker<State>,
    is_metered: bool,
    turns: Arc<Semaphore>,
    ticker: Ticker,
}

impl Sandbox {
    /// Starts the engine.
    ///
    /// # Errors
    /// If the machine does not give the address space, or the ticker's thread.
    pub fn new(room: Room) -> Result<Self, SandboxError> {
        let engine = Engine::new(&config(room)).map_err(SandboxError)?;
        let mut linker = Linker::new(&engine);
        api::link(&mut linker).map_err(SandboxError)?;
        let ticker = Ticker::start(engine.clone(), RHYTHM).map_err(|error| SandboxError(error.into()))?;
        Ok(Self { engine, linker, is_metered: room.is_metered, turns: turns::turns(threads()), ticker })
    }

    /// The engine.
    #[must_use]
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Whether it is metered what plugins compute: each call needs its fuel then.
    #[must_use]
    pub const fn is_metered(&self) -> bool {
        self.is_metered
    }

    /// Resolves a component's imports.
    ///
    /// # Errors
    /// Names the import that nobody gives, or that has another type here.
    pub fn link(&self, component: &Component) -> wasmtime::Result<InstancePre<State>> {
        self.linker.instantiate_pre(component)
    }

    /// How the events of one plugin share the threads with those of others.
    #[must_use]
    pub fn pace(&self) -> Arc<Pace> {
        Arc::new(Pace::new(self.turn()))
    }

    fn turn(&self) -> Arc<Turn> {
        Arc::new(Turn::new(Arc::clone(&self.turns), Arc::clone(self.ticker.pulse())))
    }

    /// A store in which one instance will live, with its bounds in force, and its turns. Calls are run by the latter.
    #[must_use]
    pub fn store(&self, state: State) -> (Store<State>, Arc<Turn>) {
        let turn = self.turn();
        let mut store = Store::new(&self.engine, state);
        store.limiter(|state| &mut state.budget.memory);
        store.set_hostcall_fuel(limits::HOST_CALL_BYTES);
        store.set_max_component_handles(limits::RESOURCES);
        store.epoch_deadline_callback({
            let turn = Arc::clone(&turn);
            move |mut store| {
                let ticked = turn.ticked();
                let (ticks, update) = match ticked {
                    Ticked::First => (1, UpdateDeadline::Continue(1)),
                    Ticked::Another(ticks) => (ticks, UpdateDeadline::YieldCustom(1, turn.next())),
                };
                let budget = &mut store.data_mut().budget;
                budget.time = budget.time.checked_sub(ticks).ok_or(Overrun)?;
                Ok(update)
            }
        });
        (store, turn)
    }
}

/// How many threads run calls.
fn threads() -> usize {
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => runtime.metrics().num_workers(),
        Err(_) => std::thread::available_parallelism().map_or(1, NonZero::get),
    }
}

/// An engine that compiles what a [`Sandbox`] runs, and cannot run it. It reserves nothing.
///
/// # Errors
/// If there is no compiler for this machine.
pub(super) fn compiler(is_metered: bool) -> wasmtime::Result<Engine> {
    Engine::new(&tuned(is_metered))
}

fn config(room: Room) -> Config {
    let mut config = tuned(room.is_metered);
    config.max_wasm_stack(room.stack_bytes);
    // Host functions run on the same stack.
    config.async_stack_size(room.stack_bytes.saturating_mul(2));
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(room)));
    config
}

/// All that decides what code is made: an engine runs what one of the same settings has made, and nothing else.
fn tuned(is_metered: bool) -> Config {
    let mut config = Config::new();
    // The contract is synchronous, and this alone halves the cost of a call.
    config.concurrency_support(false);
    config.epoch_interruption(true);
    config.consume_fuel(is_metered);
    config.wasm_backtrace_details(wasmtime::WasmBacktraceDetails::Enable);
    config
}

/// The pool reserves address space, not memory, for as many instances as could ever live at once.
fn pool(room: Room) -> PoolingAllocationConfig {
    let instances = u32::try_from(room.plugins).unwrap_or(u32::MAX).saturating_mul(limits::INSTANCES_A_PLUGIN);
    // And what is set up only to find that there is no place for it.
    let instances = instances.saturating_add(2);
    let core_instances = instances.saturating_mul(limits::CORE_INSTANCES_A_PLUGIN);
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(instances)
        .total_core_instances(core_instances)
        .total_stacks(instances)
        .total_memories(instances.saturating_mul(limits::MEMORIES_A_PLUGIN))
        .total_tables(instances.saturating_mul(limits::TABLES_A_PLUGIN))
        .max_core_instances_per_component(limits::CORE_INSTANCES_A_PLUGIN)
        .max_memories_per_component(limits::MEMORIES_A_PLUGIN)
        .max_tables_per_component(limits::TABLES_A_PLUGIN)
        .table_elements(limits::TABLE_ELEMENTS)
        .max_component_instance_size(limits::INSTANCE_METADATA_BYTES)
        .max_core_instance_size(limits::INSTANCE_METADATA_BYTES)
        .max_memory_size(room.memory_bytes);
    pool
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[tokio::test]
    async fn each_plugin_has_room_for_all_of_its_versions_at_once() {
        let sandbox = Sandbox::new(Room::new(3, 1 << 20)).unwrap();
        let text = "(component (core module $m (memory 1)) (core instance (instantiate $m)))";
        let component = Component::new(sandbox.engine(), wat::parse_str(text).unwrap()).unwrap();
        let linker = Linker::<()>::new(sandbox.engine());
        let mut alive = Vec::new();
        for _ in 0..3 * 4 {
            let mut store = Store::new(sandbox.engine(), ());
            store.set_epoch_deadline(1_000_000);
            linker.instantiate_async(&mut store, &component).await.unwrap();
            alive.push(store);
        }
    }

    #[test]
    fn the_address_space_has_room_for_as_many_plugins_as_may_be_set() {
        Sandbox::new(Room::new(1000, 4 << 30)).unwrap();
    }
}
