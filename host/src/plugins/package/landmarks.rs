//! What a trap is told by: where the functions lie that the host calls of itself, and which imports there are.

use serde::{Deserialize, Serialize};
use wasmtime::FrameInfo;

use super::{
    module::{POST_RETURN, REALLOC},
    outline::{Item, Outline},
};

/// What begins the names of modules and functions that the encoder puts around a plugin's own.
const ENCODER: &str = "wit-component:";
const SHIM: &str = "wit-component:shim";
const IMPORT: &str = "indirect-";

/// Known places in a plugin that was made of a core module. Of a component nothing is known.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(in crate::plugins) struct Landmarks {
    /// The exported functions that the host calls besides `setup` and `handle`, with their indices.
    functions: Vec<(String, u32)>,
    /// The imported functions: the interface and the name.
    imports: Vec<(String, String)>,
}

impl Landmarks {
    pub(super) fn of(module: &Outline) -> Self {
        let is_function = |item: &Item| matches!(item, Item::Function(_));
        let called = module.exports.iter().filter(|export| is_function(&export.item));
        let called = called.filter(|export| export.name == REALLOC || export.name.starts_with(POST_RETURN));
        let imported = module.imports.iter().filter(|import| is_function(&import.item));
        Self {
            functions: called.map(|export| (export.name.clone(), export.index)).collect(),
            imports: imported.map(|import| (import.module.clone(), import.name.clone())).collect(),
        }
    }

    /// The export that is running in a frame, if it is one that the host calls of itself in `call` (an export's name).
    pub(in crate::plugins) fn function<'a>(&'a self, frame: &'a FrameInfo, call: &str) -> Option<&'a str> {
        if frame.module().name().is_some_and(|name| name.starts_with(ENCODER)) {
            return None;
        }
        let fits = |name: &str| name == REALLOC || name.strip_prefix(POST_RETURN) == Some(call);
        let known = self.functions.iter().find(|(name, index)| *index == frame.func_index() && fits(name));
        known.map(|(name, _)| name.as_str()).or_else(|| frame.func_name().filter(|name| fits(name)))
    }

    /// The import that is called in a frame, if that is what the frame is for: the interface, if it is known, and the
    /// name.
    pub(in crate::plugins) fn import<'a>(&'a self, frame: &'a FrameInfo) -> Option<(Option<&'a str>, &'a str)> {
        if !is_shim(frame) {
            return None;
        }
        let called = frame.func_name()?.strip_prefix(IMPORT)?;
        // Both names may have a dash in them.
        let of = |module: &str, name: &str| {
            called.strip_prefix(module).and_then(|rest| rest.strip_prefix('-')).is_some_and(|rest| rest == name)
        };
        let known = self.imports.iter().find(|(module, name)| of(module, name));
        Some(known.map_or((None, called), |(module, name)| (Some(module), name)))
    }
}

/// Whether a frame is one of the functions that the encoder puts between a plugin and its imports.
pub(in crate::plugins) fn is_shim(frame: &FrameInfo) -> bool {
    frame.module().name() == Some(SHIM)
}
