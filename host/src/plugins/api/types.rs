//! What passes between host and plugin, as `interface types` of the contract has it. Knows nothing of the rest.

use std::sync::Arc;

use wasmtime::component::{ComponentType, Lift, Lower};

/// An event as a plugin gets it; see `record event` in the contract.
///
/// Made once, when the event arrives, and shared by all plugins that hear it.
#[derive(Debug, Clone, PartialEq, Eq, ComponentType, Lower, Lift)]
#[component(record)]
#[allow(missing_docs, reason = "the contract documents its fields")]
pub struct Event {
    pub pipe: Arc<str>,
    pub name: Arc<str>,
    pub data: String,
    #[component(name = "user-id")]
    pub user_id: Option<u64>,
    pub time: Option<u64>,
    pub history: bool,
}

/// A pipe that a plugin wants to hear; see `record hearing` in the contract.
#[derive(Debug, Clone, PartialEq, Eq, ComponentType, Lift)]
#[component(record)]
#[allow(missing_docs, reason = "the contract documents its fields")]
pub struct Hearing {
    pub pipe: String,
    pub events: Vec<String>,
}

/// The answer of `setup`; see `record wants` in the contract.
#[derive(Debug, Clone, PartialEq, Eq, ComponentType, Lift)]
#[component(record)]
#[allow(missing_docs, reason = "the contract documents its fields")]
pub struct Wants {
    pub version: String,
    pub hear: Vec<Hearing>,
    pub send: Vec<String>,
    pub log: Vec<String>,
    pub count: Vec<String>,
}
