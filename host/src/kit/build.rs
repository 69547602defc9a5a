//! A plugin's source becomes the plugin's file, beside its folder: where the bot looks, if the folder lies in there.

use std::{
    borrow::Cow,
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::{
    project::Project,
    slim::slim,
    toolchain::{self, Say, ToolFolder, ToolchainError},
};
use crate::plugins::{
    manifest::{Manifest, section::with_manifest},
    package::{Package, PackageError},
};

/// What a binary begins with.
const MAGIC: &[u8] = b"\0asm";

/// What a language's tools may have made; most of it is for debuggers and left out.
const MADE_MAX_BYTES: u64 = 1 << 30;

/// A plugin that was built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// Its file.
    pub file: PathBuf,
    /// How long that is.
    pub bytes: u64,
    /// Whether the file is another than before.
    pub is_new: bool,
    /// How long it took.
    pub took: Duration,
}

/// Why a plugin was not built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The language's tools did not.
    #[error(transparent)]
    Toolchain(#[from] ToolchainError),
    /// What the plugin says that it will ask for cannot be.
    #[error("{}: {why}", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// They did, and what they made is no plugin.
    #[error("it was built, and is no plugin: {0}")]
    NoPlugin(#[from] PackageError),
    /// It could not be put in its place.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// Where.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// Builds `project` and puts its plugin in place. What is there stays if that fails.
///
/// # Errors
/// A [`BuildError`]; the tools' own words went to standard error.
pub async fn build(project: &Project, tools: &ToolFolder, say: Say<'_>) -> Result<Built, BuildError> {
    let start = Instant::now();
    // Before anything takes time.
    let manifest = manifest(project)?;
    let made = toolchain::build(project, tools, say).await?;
    let made = Package::read(&made, MADE_MAX_BYTES)?;
    let bytes = slim(&made);
    let bytes = match &manifest {
        Some(manifest) if bytes.starts_with(MAGIC) => Cow::Owned(with_manifest(&bytes, manifest)),
        _ => bytes,
    };
    Package::examine(&bytes)?;
    let file = project.plugin_file();
    let is_new = publish(&bytes, &file).map_err(|source| BuildError::Write { path: file.clone(), source })?;
    Ok(Built { file, bytes: bytes.len() as u64, is_new, took: start.elapsed() })
}

/// What manifest.toml says, as it stands in the plugin; none if there is no such file.
fn manifest(project: &Project) -> Result<Option<Vec<u8>>, BuildError> {
    let path = project.manifest_file();
    let wrong = |why: String| BuildError::Manifest { path: path.clone(), why };
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(wrong(error.to_string())),
    };
    let manifest: Manifest = toml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    let json = serde_json::to_vec(&manifest).map_err(|error| wrong(error.to_string()))?;
    Manifest::parse(&json).map_err(|error| wrong(error.to_string()))?;
    Ok(Some(json))
}

/// A bot that watches the folder must see a whole file or none, and no change where there is none; says whether there
/// is one.
fn publish(bytes: &[u8], file: &Path) -> io::Result<bool> {
    if fs::read(file).is_ok_and(|present| present == bytes) {
        return Ok(false);
    }
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    // A name with a dot is out of a bot's sight; one of our own, should two builds run at once.
    let temporary = file.with_file_name(format!(".{name}.{}", std::process::id()));
    let outcome = fs::write(&temporary, bytes).and_then(|()| fs::rename(&temporary, file));
    if outcome.is_err() {
        // The first error is the one to tell.
        let _ = fs::remove_file(&temporary);
    }
    outcome.map(|()| true)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::kit::{language::Language, scaffold};

    async fn try_text(text: &str) -> (tempfile::TempDir, PathBuf, Result<Built, BuildError>) {
        let directory = tempfile::tempdir().unwrap();
        let project = scaffold::create(&directory.path().join("hello"), Language::Wat).unwrap();
        fs::write(project.folder.join("plugin.wat"), text).unwrap();
        let file = project.plugin_file();
        fs::write(&file, "the old one").unwrap();
        let built = build(&project, &ToolFolder::of_user(), &|_| {}).await;
        (directory, file, built)
    }

    #[tokio::test]
    async fn what_is_no_plugin_replaces_nothing() {
        let (_directory, file, built) = try_text("(module)").await;
        let words = built.unwrap_err().to_string();
        assert!(words.starts_with("it was built, and is no plugin: "), "{words}");
        assert_eq!(fs::read(file).unwrap(), b"the old one");
    }

    #[tokio::test]
    async fn a_mistake_in_the_source_is_told_with_its_place() {
        let (_directory, file, built) = try_text("(module\n  (func (export \"setup\")))\n)").await;
        let words = built.unwrap_err().to_string();
        assert!(words.contains("plugin.wat:3:"), "{words}");
        assert_eq!(fs::read(file).unwrap(), b"the old one");
    }

    #[tokio::test]
    async fn what_manifest_toml_says_stands_in_the_plugin() {
        let directory = tempfile::tempdir().unwrap();
        let project = scaffold::create(&directory.path().join("hello"), Language::Wat).unwrap();
        let text = fs::read_to_string(project.folder.join("plugin.wat")).unwrap();
        let older = text.replacen("(module", r#"(module (@custom "cometbot:manifest" "{}")"#, 1);
        fs::write(project.folder.join("plugin.wat"), older).unwrap();
        let built = build(&project, &ToolFolder::of_user(), &|_| {}).await.unwrap();
        let manifest = Manifest::of(&fs::read(built.file).unwrap()).unwrap().unwrap();
        assert_eq!(manifest.to_string(), "hear web_chat; send web_chat");

        for (text, why) in
            [("sent = []", "unknown field `sent`"), ("send = [\"a b\"]", "what cannot be"), ("=", "TOML")]
        {
            fs::write(project.manifest_file(), text).unwrap();
            let words = build(&project, &ToolFolder::of_user(), &|_| {}).await.unwrap_err().to_string();
            assert!(words.contains("manifest.toml: ") && words.contains(why), "{words}");
        }
    }

    #[test]
    fn the_same_bytes_are_not_written_again() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("hello.wasm");
        assert!(publish(b"1", &file).unwrap());
        assert!(!publish(b"1", &file).unwrap());
        assert!(publish(b"2", &file).unwrap());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
