//! WebAssembly text: cometbot assembles it itself.

use std::path::{Path, PathBuf};

use super::{BUILT, ToolchainError, make_build_folder};
use crate::kit::language::Language;

pub(super) fn build(folder: &Path) -> Result<PathBuf, ToolchainError> {
    let source = folder.join(Language::Wat.source());
    let binary = wat::parse_file(&source).map_err(|error| ToolchainError::Text(error.to_string()))?;
    make_build_folder(folder)?;
    let path = folder.join(BUILT);
    match std::fs::write(&path, binary) {
        Ok(()) => Ok(path),
        Err(source) => Err(ToolchainError::File { path, source }),
    }
}
