//! A plugin's file becomes a compiled component whose imports and exports are checked.
//!
//! [`Package::load_with`] takes what people drop into the folder: a component, a core module (with or without a component
//! type in it), or the text form of either. Whatever cannot be loaded gives one sentence: what it is, what is missing,
//! what to do. Called by `bot` and by `cli`; calls `sandbox` to compile and link. The bot compiles in a process of its own
//! ([`apart`]), so that no file can take it down.

use std::{path::Path, sync::Arc};

use wasmtime::component::{Component, ComponentExportIndex, InstancePre};

use self::{apart::ApartError, entry::Known, error::EncodeError, landmarks::Landmarks};
pub use self::{
    compiled::Compiled,
    compiler::Compiler,
    hash::{ContentHash, HashError},
};
use super::{
    api::{self, State},
    manifest::{Manifest, ManifestError},
    sandbox::Sandbox,
};
use crate::report::brief;

pub mod apart;
mod brought;
mod compiled;
mod compiler;
mod component;
mod contract;
mod encode;
mod entry;
mod error;
mod file;
mod hash;
pub(in crate::plugins) mod landmarks;
mod module;
mod origin;
mod outline;
#[cfg(test)]
mod released;
#[cfg(test)]
mod tests;

/// Why a file is no plugin.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// The file could not be read.
    #[error("cannot read it: {0}")]
    Read(#[from] std::io::Error),
    /// It is a folder, a pipe or a device.
    #[error("it is no file, but something else of that name: put the plugin's file there")]
    NoFile,
    /// The file is larger than any sensible plugin.
    #[error(
        "it is larger than {most_mib} MiB, so it is not read: build it without what it does not need, or raise \
         `file-mib` in [plugins]"
    )]
    TooLarge {
        /// What is read at most, in MiB.
        most_mib: u64,
    },
    /// It could not be made into a component.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// What it says in its manifest cannot be.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The component could not be compiled.
    #[error("it does not compile: {}", brief(&format!("{:#}", .0)))]
    Compile(wasmtime::Error),
    /// The process that compiled it made no component of it.
    #[error(transparent)]
    Apart(#[from] ApartError),
    /// An import is given here with another type, or in other versions.
    #[error(
        "it imports what cometbot does not give in this way: {}: build it with the contract's own WIT files",
        brief(&format!("{:#}", .0))
    )]
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
    /// Reads a file of at most `most_bytes`; see [`Self::load`]. Waits for nobody, whatever has the name.
    ///
    /// # Errors
    /// A [`PackageError`] that says what to do.
    pub fn read(path: &Path, most_bytes: u64) -> Result<Arc<[u8]>, PackageError> {
        file::read(path, most_bytes)
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

    /// Makes a package of a file's bytes, in this process and as long as it takes: for files that somebody here has made.
    ///
    /// # Errors
    /// A [`PackageError`] that says what to do.
    pub fn load(sandbox: &Sandbox, bytes: &[u8]) -> Result<Self, PackageError> {
        Self::load_with(sandbox, &Compiler::Here, None, bytes)
    }

    /// Makes a package of a file's bytes. What was compiled before is taken from `kept`, and what `compiler` makes now is
    /// put there. Call it where blocking for as long as compiling may take is allowed.
    ///
    /// # Errors
    /// A [`PackageError`] that says what to do.
    pub fn load_with(
        sandbox: &Sandbox,
        compiler: &Compiler,
        kept: Option<&Compiled>,
        bytes: &[u8],
    ) -> Result<Self, PackageError> {
        let hash = ContentHash::of(bytes);
        let found = kept.and_then(|kept| kept.read(sandbox, hash));
        let (component, known) = match found {
            Some(found) => found,
            None => compiler.make(sandbox, kept, hash, bytes)?,
        };
        Self::link(sandbox, hash, &component, known)
    }

    fn link(
        sandbox: &Sandbox,
        hash: ContentHash,
        component: &Component,
        Known { landmarks, manifest }: Known,
    ) -> Result<Self, PackageError> {
        let export = |name| component.get_export_index(None, name).ok_or(PackageError::Export(name));
        let (setup, handle) = (export(api::SETUP)?, export(api::HANDLE)?);
        let state = export(api::SAVE).ok().zip(export(api::RESTORE).ok());
        let instance = sandbox.link(component).map_err(PackageError::Import)?;
        Ok(Self {
            hash,
            instance,
            setup,
            handle,
            state,
            landmarks: Arc::new(landmarks),
            manifest: manifest.map(Arc::new),
        })
    }
}
