//! Python: a virtual environment in the plugin's folder, with what its requirements name; and environments for tools
//! that come as Python packages.

use std::path::{Path, PathBuf};

use super::{BUILT, Missing, Remedy, Say, ToolchainError, apt, find, make_build_folder};
use crate::kit::{invocation::Invocation, language::Language};

/// The world of the contract, see `plugin-sdk/wit`; and that of kits from before there was another.
const WORLD: &str = "stateful";
const FIRST_WORLD: &str = "plugin";

pub(super) async fn look() -> Result<String, Missing> {
    let python = interpreter().await?;
    let version = Invocation::new(python).argument("-V").answer().await.unwrap_or_default();
    Ok(format!("{version}; componentize-py comes with the build"))
}

pub(super) async fn build(folder: &Path, say: Say<'_>) -> Result<(), ToolchainError> {
    let environment = folder.join(".venv");
    let requirements = folder.join(Language::Python.recipe());
    let done = environment.join("requirements.txt");
    if !is_same(&requirements, &done) {
        say("pip install -r requirements.txt");
        make_environment(&environment).await?;
        let install = pip(&environment).argument("-r").argument(&requirements).within(folder);
        install.run().await?;
        std::fs::copy(&requirements, &done).map_err(|source| ToolchainError::File { path: done, source })?;
    }
    make_build_folder(folder)?;
    say("componentize-py");
    let build = Invocation::new(programs(&environment).join("componentize-py"))
        .arguments(["-d", "sdk/wit", "-w", world(folder), "componentize", "plugin"])
        .arguments(["-p", ".", "-p", "sdk/python", "-o", BUILT])
        // Or it does not find what the requirements brought.
        .variable("VIRTUAL_ENV", &environment)
        // Its own backtrace says nothing of a mistake in Python.
        .variable("RUST_BACKTRACE", "0");
    Ok(build.within(folder).run().await?)
}

/// The world that the kit in a plugin's folder is for: a folder keeps the kit that it was made with.
fn world(folder: &Path) -> &'static str {
    let contract = std::fs::read_to_string(folder.join("sdk/wit/cometbot.wit")).unwrap_or_default();
    if contract.contains(&format!("world {WORLD} ")) { WORLD } else { FIRST_WORLD }
}

/// Makes an environment that does not exist yet.
async fn make_environment(environment: &Path) -> Result<(), ToolchainError> {
    if environment.join("pyvenv.cfg").exists() {
        return Ok(());
    }
    let python = interpreter().await?;
    Ok(Invocation::new(python).arguments(["-m", "venv"]).argument(environment).run().await?)
}

/// What puts a package of tools into an environment.
pub(super) async fn install(environment: &Path, package: &str) -> Vec<Remedy> {
    match interpreter().await {
        Ok(python) => vec![Remedy::Run(vec![
            Invocation::new(python).arguments(["-m", "venv"]).argument(environment),
            pip(environment).argument(package),
        ])],
        Err(missing) => missing.remedies,
    }
}

/// Where an environment has its programs.
pub(super) fn programs(environment: &Path) -> PathBuf {
    environment.join(if cfg!(windows) { "Scripts" } else { "bin" })
}

fn pip(environment: &Path) -> Invocation {
    let python = programs(environment).join("python");
    Invocation::new(python).arguments(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
}

/// A Python that can make environments, which Debian's cannot by itself.
async fn interpreter() -> Result<PathBuf, Missing> {
    let python = find("python3", &[]).or_else(|| find("python", &[]));
    if let Some(python) = python
        && Invocation::new(&python)
            .arguments(["-c", "import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 10))"])
            .answer()
            .await
            .is_some()
    {
        return Ok(python);
    }
    let what = "there is no Python 3.10 or newer with venv and pip".to_owned();
    let remedies = if apt::is_here() {
        vec![apt::install(["python3", "python3-venv"])]
    } else {
        vec![Remedy::ByHand("install Python 3.10 or newer".to_owned())]
    };
    Err(Missing { what, remedies })
}

fn is_same(one: &Path, other: &Path) -> bool {
    matches!((std::fs::read(one), std::fs::read(other)), (Ok(one), Ok(other)) if one == other)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_folder_is_built_for_the_world_of_the_kit_that_it_has() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(world(folder.path()), "plugin");
        let wit = folder.path().join("sdk/wit");
        std::fs::create_dir_all(&wit).unwrap();
        let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugin-sdk/wit/cometbot.wit");
        std::fs::copy(ours, wit.join("cometbot.wit")).unwrap();
        assert_eq!(world(folder.path()), "stateful");
    }
}
