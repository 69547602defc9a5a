//! AssemblyScript, JavaScript and TypeScript: npm runs what the plugin's package.json says.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{Missing, Remedy, Say, ToolchainError, apt, find, major, make_build_folder};
use crate::kit::invocation::Invocation;

/// The oldest Node.js with which all the tools run.
const NODE_MAJOR: u32 = 20;

pub(super) async fn look() -> Result<String, Missing> {
    let (npm, version) = npm().await?;
    let npm = Invocation::new(npm).argument("--version").answer().await.unwrap_or_default();
    Ok(format!("Node.js {version}, npm {npm}; the compiler comes with the build"))
}

pub(super) async fn build(folder: &Path, say: Say<'_>) -> Result<(), ToolchainError> {
    let (npm, _) = npm().await?;
    let recipe = folder.join("package.json");
    let done = folder.join("node_modules/.package.json");
    if !matches!((fs::read(&recipe), fs::read(&done)), (Ok(now), Ok(then)) if now == then) {
        say("npm install");
        let install = Invocation::new(&npm).arguments(["install", "--no-audit", "--no-fund", "--loglevel=error"]);
        install.within(folder).run().await?;
        // A package without dependencies has no such folder yet.
        let kept = fs::create_dir_all(folder.join("node_modules")).and_then(|()| fs::copy(&recipe, &done));
        kept.map_err(|source| ToolchainError::File { path: done, source })?;
    }
    make_build_folder(folder)?;
    say("npm run build");
    Ok(Invocation::new(npm).arguments(["run", "--silent", "build"]).within(folder).run().await?)
}

/// npm, and the version of the Node.js that runs it.
async fn npm() -> Result<(PathBuf, String), Missing> {
    let mut what = "there is no Node.js with npm".to_owned();
    if let Some(node) = find("node", &[])
        && let Some(npm) = find("npm", &[])
        && let Some(version) = Invocation::new(node).argument("--version").answer().await
    {
        if major(&version).is_some_and(|major| major >= NODE_MAJOR) {
            return Ok((npm, version));
        }
        what = format!("Node.js {version} is too old: it takes {NODE_MAJOR} or newer");
    }
    let by_hand = Remedy::ByHand(format!("install Node.js {NODE_MAJOR} or newer, with npm"));
    let remedies = if apt::is_here() { vec![apt::install(["nodejs", "npm"]), by_hand] } else { vec![by_hand] };
    Err(Missing { what, remedies })
}
