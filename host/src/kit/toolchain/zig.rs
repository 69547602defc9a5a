//! Zig: its own build, with the compiler in PATH or the one that comes as a Python package.

use std::path::Path;

use super::{Missing, Say, ToolFolder, ToolchainError, find, make_build_folder, python};
use crate::kit::invocation::Invocation;

/// The version that the kit is written for: the language still changes between versions.
const VERSION: &str = "0.17";
/// The Python package that brings it.
const PACKAGE: &str = "ziglang==0.17.1";

pub(super) async fn look(tools: &ToolFolder) -> Result<String, Missing> {
    let zig = compiler(tools).await?;
    Ok(format!("zig {} ({zig})", zig.clone().argument("version").answer().await.unwrap_or_default()))
}

pub(super) async fn build(folder: &Path, tools: &ToolFolder, say: Say<'_>) -> Result<(), ToolchainError> {
    let zig = compiler(tools).await?;
    make_build_folder(folder)?;
    say("zig build");
    Ok(zig.arguments(["build", "--prefix", "build", "--prefix-exe-dir", "."]).within(folder).run().await?)
}

/// What runs the compiler.
async fn compiler(tools: &ToolFolder) -> Result<Invocation, Missing> {
    let python = python::programs(&tools.python()).join("python");
    let mut what = "there is no zig".to_owned();
    for zig in [
        find("zig", &[]).map(Invocation::new),
        Some(Invocation::new("python3").arguments(["-m", "ziglang"])),
        Some(Invocation::new(python).arguments(["-m", "ziglang"])),
    ]
    .into_iter()
    .flatten()
    {
        match zig.clone().argument("version").answer().await {
            Some(version) if version.starts_with(VERSION) => return Ok(zig),
            Some(version) => what = format!("zig {version} is not the {VERSION} that the kit is written for"),
            None => {}
        }
    }
    Err(Missing { what, remedies: python::install(&tools.python(), PACKAGE).await })
}
