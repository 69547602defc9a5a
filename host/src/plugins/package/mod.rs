//! A plugin's file becomes a compiled component whose imports and exports are checked.
//!
//! [`Package::load`] takes what people drop into the folder: a component, a core module (with or without a component
//! type in it), or the text form of either. Whatever cannot be loaded gives one sentence: what it is, what is missing,
//! what to do. Called by `bot` and by `cli`; calls `sandbox` to compile and link.

use std::{path::Path, sync::Arc};

use wasmtime::component::{Component, ComponentExportIndex, InstancePre};

pub use self::{
    compiled::Compiled,
    hash::{ContentHash, HashError},
};
use self::{encode::Encoded, error::EncodeError, landmarks::Landmarks};
use super::{
    api::{self, State},
    manifest::{Manifest, ManifestError},
    sandbox::Sandbox,
};

mod brought;
mod compiled;
mod component;
mod contract;
mod encode;
mod error;
mod hash;
pub(in crate::plugins) mod landmarks;
mod module;
mod origin;
mod outline;
#[cfg(test)]
mod released;
#[cfg(test)]
mod tests;

/// The largest file that is taken for a plugin.
const FILE_MAX_BYTES: u64 = 128 * 1024 * 1024;

/// Why a file is no plugin.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// The file could not be read.
    #[error("cannot read it: {0}")]
    Read(#[from] std::io::Error),
    /// The file is larger than any sensible plugin.
    #[error("it is {0} bytes long; {FILE_MAX_BYTES} is the most that is loaded")]
    TooLarge(u64),
    /// It could not be made into a component.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// What it says in its manifest cannot be.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The component could not be compiled.
    #[error("it does not compile: {0:#}")]
    Compile(wasmtime::Error),
    /// An import is given here with another type, or in other versions.
    #[error("it imports what cometbot does not give in this way: {0:#}: build it with the contract's own WIT files")]
    Import(wasmtime::Error),
    /// An export is no function.
    #[error("its export `{0}` is no function: build it for the world of the contract")]
    Export(&'static str),
}

/// A compiled plugin, ready to be instantiated.
#[derive(Clone)]
pub struct Package {
    /// Which version of the file it is.
    pub hash: ContentHash,
    pub(super) instance: InstancePre<State>,
    pub(super) setup: ComponentExportIndex,
    pub(super) handle: ComponentExportIndex,
    /// Of plugins whose memory outlives a reload: `save` and `restore`.
    pub(super) state: Option<(ComponentExportIndex, ComponentExportIndex)>,
    pub(super) landmarks: Arc<Landmarks>,
    /// What it says that it will ask for at most.
    pub manifest: Option<Arc<Manifest>>,
}

impl Package {
    /// Reads a file; see [`Self::load`].
    ///
    /// # Errors
    /// A [`PackageError`] that says what to do.
    pub fn read(path: &Path) -> Result<Arc<[u8]>, PackageError> {
        let length = std::fs::metadata(path)?.len();
        if length > FILE_MAX_BYTES {
            return Err(PackageError::TooLarge(length));
        }
        Ok(std::fs::read(path)?.into())
    }

    /// Looks at a file's bytes without compiling them, which takes a moment where [`Self::load`] may take seconds.
    ///
    /// # Errors
    /// A [`PackageError`] that says what to do, for most of what would not load.
    pub fn examine(bytes: &[u8]) -> Result<(), PackageError> {
        encode::component(bytes)?;
        Manifest::of(bytes)?;
        Ok(())
    }

    /// Makes a package of a file's bytes. This compiles: call it where blocking for seconds is allowed.
    ///
    /// # Errors
    /// A [`PackageError`] that says what to do.
    pub fn load(sandbox: &Sandbox, bytes: &[u8]) -> Result<Self, PackageError> {
        Self::load_with(sandbox, None, bytes)
    }

    /// The same, but what was compiled before is taken from `kept`, and what is compiled now is put there.
    ///
    /// # Errors
    /// A [`PackageError`] that says what to do.
    pub fn load_with(sandbox: &Sandbox, kept: Option<&Compiled>, bytes: &[u8]) -> Result<Self, PackageError> {
        let hash = ContentHash::of(bytes);
        let manifest = Manifest::of(bytes)?.map(Arc::new);
        if let Some((component, landmarks)) = kept.and_then(|kept| kept.read(sandbox, hash)) {
            return Ok(Self { manifest, ..Self::link(sandbox, hash, &component, landmarks)? });
        }
        let Encoded { component, landmarks } = encode::component(bytes)?;
        let component = Component::new(sandbox.engine(), &component).map_err(PackageError::Compile)?;
        if let Some(kept) = kept {
            kept.write(hash, &component, &landmarks);
        }
        Ok(Self { manifest, ..Self::link(sandbox, hash, &component, landmarks)? })
    }

    fn link(
        sandbox: &Sandbox,
        hash: ContentHash,
        component: &Component,
        landmarks: Landmarks,
    ) -> Result<Self, PackageError> {
        let export = |name| component.get_export_index(None, name).ok_or(PackageError::Export(name));
        let (setup, handle) = (export(api::SETUP)?, export(api::HANDLE)?);
        let state = export(api::SAVE).ok().zip(export(api::RESTORE).ok());
        let instance = sandbox.link(component).map_err(PackageError::Import)?;
        Ok(Self { hash, instance, setup, handle, state, landmarks: Arc::new(landmarks), manifest: None })
    }
}
