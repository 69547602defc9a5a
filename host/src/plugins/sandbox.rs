//! The engine that runs plugins, and the bounds that it keeps: memory, time, and what can be reached at all.
//!
//! There is one sandbox a process. `package` compiles with it, `slot` makes instances in it. Time is cut into ticks: one
//! ticker advances the engine's epoch, and each store counts for itself the ticks in which its plugin really ran
//! ([`limits`]), so that no plugin's deadline depends on another's.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};

use wasmtime::{
    Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store, UpdateDeadline,
    component::{Component, InstancePre, Linker},
};

use super::{
    api::{self, State},
    limits::{self, EPOCH_TICK, Overrun},
};

/// The engine could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("the WebAssembly engine does not start here: {0:#}")]
pub struct SandboxError(wasmtime::Error);

/// The engine, with everything a plugin may import.
pub struct Sandbox {
    engine: Engine,
    linker: Linker<State>,
    ticker: Option<Ticker>,
}

impl Sandbox {
    /// Starts the engine for at most `plugins` plugins with at most `memory_bytes` of memory each.
    ///
    /// # Errors
    /// If the machine does not give the address space, or the ticker's thread.
    pub fn new(plugins: usize, memory_bytes: usize) -> Result<Self, SandboxError> {
        let engine = Engine::new(&config(plugins, memory_bytes)).map_err(SandboxError)?;
        let mut linker = Linker::new(&engine);
        api::link(&mut linker).map_err(SandboxError)?;
        let ticker = Ticker::start(engine.clone()).map_err(|error| SandboxError(error.into()))?;
        Ok(Self { engine, linker, ticker: Some(ticker) })
    }

    /// The engine.
    #[must_use]
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Resolves a component's imports.
    ///
    /// # Errors
    /// Names the import that nobody gives, or that has another type here.
    pub fn link(&self, component: &Component) -> wasmtime::Result<InstancePre<State>> {
        self.linker.instantiate_pre(component)
    }

    /// A store in which one instance will live, with its bounds in force.
    #[must_use]
    pub fn store(&self, state: State) -> Store<State> {
        let mut store = Store::new(&self.engine, state);
        store.limiter(|state| &mut state.budget.memory);
        store.epoch_deadline_callback(|mut store| {
            let state = store.data_mut();
            match state.budget.time.checked_sub_tick() {
                Some(left) => {
                    state.budget.time = left;
                    Ok(UpdateDeadline::Yield(1))
                }
                None => Err(Overrun.into()),
            }
        });
        store
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if let Some(ticker) = self.ticker.take() {
            ticker.stop();
        }
    }
}

/// An engine that compiles what a [`Sandbox`] runs, and cannot run it. It reserves nothing.
///
/// # Errors
/// If there is no compiler for this machine.
pub(super) fn compiler() -> wasmtime::Result<Engine> {
    Engine::new(&tuned())
}

fn config(plugins: usize, memory_bytes: usize) -> Config {
    let mut config = tuned();
    config.max_wasm_stack(limits::WASM_STACK_BYTES);
    config.async_stack_size(limits::FIBER_STACK_BYTES);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(plugins, memory_bytes)));
    config
}

/// All that decides what code is made: an engine runs what one of the same settings has made, and nothing else.
fn tuned() -> Config {
    let mut config = Config::new();
    // The contract is synchronous, and this alone halves the cost of a call.
    config.concurrency_support(false);
    config.epoch_interruption(true);
    config.wasm_backtrace_details(wasmtime::WasmBacktraceDetails::Enable);
    config
}

/// The pool reserves address space, not memory, for as many instances as could ever live at once.
fn pool(plugins: usize, memory_bytes: usize) -> PoolingAllocationConfig {
    let instances = u32::try_from(plugins).unwrap_or(u32::MAX).saturating_mul(limits::INSTANCES_A_PLUGIN);
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
        .max_memory_size(memory_bytes);
    pool
}

/// The thread that advances the engine's epoch. A thread of its own, since a busy runtime must not stop the clock.
struct Ticker {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Ticker {
    fn start(engine: Engine) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let thread = std::thread::Builder::new().name("epoch-ticker".into()).spawn({
            let stop = Arc::clone(&stop);
            move || {
                while !stop.load(Ordering::Relaxed) {
                    std::thread::park_timeout(EPOCH_TICK);
                    engine.increment_epoch();
                }
            }
        })?;
        Ok(Self { stop, thread })
    }

    fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.thread().unpark();
        // A ticker that panicked has nothing left to stop.
        let _ = self.thread.join();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[tokio::test]
    async fn each_plugin_has_room_for_all_of_its_versions_at_once() {
        let sandbox = Sandbox::new(3, 1 << 20).unwrap();
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
        Sandbox::new(1000, 4 << 30).unwrap();
    }
}
