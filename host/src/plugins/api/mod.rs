//! The host's side of the contract `cometbot:plugin@1.1.0`: its types, and the functions that a plugin can call.
//!
//! [`types`] has what passes between host and plugin; then one file an interface. `sandbox` puts them into the linker, `slot` makes the [`State`] that they work on. What a call
//! does outside the plugin goes through [`Asks`] and [`Outgoing`], so that this module knows no connection.

use std::sync::Arc;

use wasmtime::component::{Linker, ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_config::{WasiConfig, WasiConfigVariables};

use super::{
    grants::{Grants, Refused, Verb},
    limits::{self, Budget},
    outgoing::{Committed, Outgoing},
};
use crate::{
    comet::{asks::Asks, commands::Commands},
    config::PluginTerms,
    metrics::PluginTally,
};

mod comet;
mod lines;
mod logging;
mod output;
pub mod types;
mod wasi;

pub use lines::Tag;
pub use types::{Event, Hearing, Wants};

/// The name of the export that starts an instance.
pub const SETUP: &str = "setup";
/// The name of the export that handles one event.
pub const HANDLE: &str = "handle";
/// The name of the export that hands over what the next version shall know.
pub const SAVE: &str = "save";
/// The name of the export that takes what an earlier version saved.
pub const RESTORE: &str = "restore";

/// What belongs to one instance: the data of its store.
pub struct State {
    pub(in crate::plugins) tag: Tag,
    /// What it asked for.
    pub(in crate::plugins) wanted: Arc<Grants>,
    /// What of it is granted, and nothing else: that it may do.
    pub(in crate::plugins) grants: Arc<Grants>,
    pub(in crate::plugins) budget: Budget,
    asks: Arc<Asks>,
    outgoing: Arc<Outgoing>,
    /// Sends of the handler that runs now; they leave only if it returns ok.
    staged: Commands,
    wasi: WasiCtx,
    table: ResourceTable,
    config: Arc<WasiConfigVariables>,
    tally: PluginTally,
    /// Whether it is asked for its memory, or given it, and can do nothing else.
    is_between_events: bool,
}

impl State {
    pub(in crate::plugins) fn new(
        tag: Tag,
        asks: Arc<Asks>,
        outgoing: Arc<Outgoing>,
        config: Arc<WasiConfigVariables>,
        tally: PluginTally,
        terms: &PluginTerms,
    ) -> Self {
        let budget = Budget::new(terms, tally.clone());
        let wasi = wasi::context(&tag, terms);
        let mut table = ResourceTable::new();
        table.set_max_capacity(limits::RESOURCES);
        Self {
            tag,
            wanted: Arc::default(),
            grants: Arc::default(),
            budget,
            asks,
            outgoing,
            staged: Commands::default(),
            wasi,
            table,
            config,
            tally,
            is_between_events: false,
        }
    }

    /// Commits the sends of the handler that has just returned ok.
    pub(in crate::plugins) fn commit(&mut self) -> Committed {
        self.outgoing.commit(&mut self.staged)
    }

    /// Whether it can use the comet server from now on: not in `save` and `restore`.
    pub(in crate::plugins) const fn set_between_events(&mut self, is_between_events: bool) {
        self.is_between_events = is_between_events;
    }

    /// Checks whether a verb may be used on a pipe now.
    fn may(&self, verb: Verb, pipe: &str) -> Result<(), String> {
        if self.is_between_events {
            return Err(format!(
                "`{SAVE}` and `{RESTORE}` pass on memory and nothing else: {} in `{HANDLE}`",
                verb.name()
            ));
        }
        if self.grants.covers(verb, pipe) {
            return Ok(());
        }
        // A candidate is granted what its plugin is, whose name stands before the `~` of its own.
        let plugin = self.tag.name.split('~').next().unwrap_or_default();
        let words = Refused::of(&self.wanted, verb, pipe).words(plugin, verb, pipe);
        let secrets = &self.tag.secrets;
        self.tally.call_refused(verb.name(), &secrets.hide(pipe), &secrets.hide(&words));
        Err(words)
    }

    /// Takes the sends of the handler that has just returned, so that they do not leave.
    pub(in crate::plugins) fn take_staged(&mut self) -> Commands {
        std::mem::take(&mut self.staged)
    }

    /// Drops the sends of a handler that failed.
    pub(in crate::plugins) fn roll_back(&mut self) {
        self.staged.clear();
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

/// Puts every interface that a plugin may import into `linker`.
///
/// # Errors
/// Those of wasmtime when an interface is put in twice, which would be a mistake of ours.
pub fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    wasmtime_wasi_config::add_to_linker(linker, |state| WasiConfig::from(&*state.config))?;
    logging::link(linker)?;
    comet::link(linker)
}
