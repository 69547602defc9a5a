//! The languages' own tools: where they are, how they are run, and what installs them.
//!
//! One file for each family. Called by `build` and by `doctor`.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use super::{invocation::Invocation, language::Language, project::Project};
use crate::kit::invocation::InvocationError;

mod apt;
mod clang;
mod go;
mod node;
mod python;
mod rust;
mod text;
mod zig;

/// Where a recipe puts the plugin, in the plugin's folder; cargo has a place of its own.
const BUILT: &str = "build/plugin.wasm";

/// Tells what happens next.
pub type Say<'a> = &'a (dyn Fn(&str) + Sync);

/// Where `cometbot doctor --install` puts tools that no package of the system brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolFolder(PathBuf);

impl ToolFolder {
    /// `COMETBOT_TOOLS`, or a folder of the user's own data.
    #[must_use]
    pub fn of_user() -> Self {
        let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let data = || {
            let data = set("XDG_DATA_HOME").or_else(|| Some(set("HOME")?.join(".local/share")));
            data.unwrap_or_else(std::env::temp_dir).join("cometbot/tools")
        };
        Self(set("COMETBOT_TOOLS").unwrap_or_else(data))
    }

    /// The Python environment in there.
    fn python(&self) -> PathBuf {
        self.0.join("python")
    }
}

/// A tool that is not there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}{}", first(.remedies))]
pub struct Missing {
    /// What is missing.
    pub what: String,
    /// What helps, the best first.
    pub remedies: Vec<Remedy>,
}

fn first(remedies: &[Remedy]) -> String {
    remedies.first().map(|remedy| format!("; {remedy}")).unwrap_or_default()
}

/// How a missing tool is had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remedy {
    /// These commands, one after the other.
    Run(Vec<Invocation>),
    /// By hand, as these words say.
    ByHand(String),
}

impl Remedy {
    /// The commands, if it is any.
    pub(super) fn into_commands(self) -> Option<Vec<Invocation>> {
        match self {
            Self::Run(commands) => Some(commands),
            Self::ByHand(_) => None,
        }
    }

    /// The commands, as they would be typed; or the words.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Run(commands) => commands.iter().map(ToString::to_string).collect::<Vec<_>>().join(" && "),
            Self::ByHand(words) => words.clone(),
        }
    }
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lead = if matches!(self, Self::Run(_)) { "this installs it: " } else { "" };
        write!(f, "{lead}{}", self.text())
    }
}

/// Why a plugin was not built.
#[derive(Debug, thiserror::Error)]
pub enum ToolchainError {
    /// A tool is not there.
    #[error("{0}; `cometbot doctor` shows what there is")]
    Missing(#[from] Missing),
    /// A tool failed, and has said why.
    #[error(transparent)]
    Failed(#[from] InvocationError),
    /// The text of a plugin has a mistake.
    #[error("{0}")]
    Text(String),
    /// The recipe ended well and left no plugin.
    #[error("its recipe ended well and made no {0}: the recipe has to put the plugin there")]
    NothingMade(String),
    /// A file of the folder cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

/// Says with what plugins in `language` are built here.
///
/// # Errors
/// What is missing.
pub async fn look(language: Language, tools: &ToolFolder) -> Result<String, Missing> {
    match language {
        Language::Rust => rust::look().await,
        Language::C | Language::Cpp => clang::look(language).await,
        Language::Zig => zig::look(tools).await,
        Language::AssemblyScript | Language::JavaScript | Language::TypeScript => node::look().await,
        Language::Python => python::look().await,
        Language::Go => go::look(tools).await,
        Language::TinyGo => go::look_for_tinygo().await,
        Language::Wat => Ok("cometbot itself".to_owned()),
    }
}

/// Builds a project with its language's tools; gives the file that was made.
///
/// # Errors
/// A [`ToolchainError`]; the tools' own words went to standard error.
pub async fn build(project: &Project, tools: &ToolFolder, say: Say<'_>) -> Result<PathBuf, ToolchainError> {
    let folder = &*project.folder;
    match project.language {
        Language::Rust => return rust::build(folder, say).await,
        Language::Wat => return text::build(folder),
        Language::C | Language::Cpp => clang::build(project, say).await?,
        Language::Zig => zig::build(folder, tools, say).await?,
        Language::AssemblyScript | Language::JavaScript | Language::TypeScript => node::build(folder, say).await?,
        Language::Python => python::build(folder, say).await?,
        Language::Go => go::build(folder, tools, say).await?,
        Language::TinyGo => go::build_with_tinygo(folder, say).await?,
    }
    let built = folder.join(BUILT);
    if built.is_file() { Ok(built) } else { Err(ToolchainError::NothingMade(BUILT.to_owned())) }
}

/// A program in PATH, or else in one of these folders.
fn find(program: &str, folders: &[PathBuf]) -> Option<PathBuf> {
    which::which(program).ok().or_else(|| folders.iter().find_map(|folder| which::which(folder.join(program)).ok()))
}

/// Makes the folder that a recipe builds into.
fn make_build_folder(folder: &Path) -> Result<(), ToolchainError> {
    let path = folder.join("build");
    std::fs::create_dir_all(&path).map_err(|source| ToolchainError::File { path, source })
}

/// The first number of a version: `20` of `v20.20.2`.
fn major(version: &str) -> Option<u32> {
    let digits = version.trim_start_matches(|character: char| !character.is_ascii_digit());
    digits.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_number_of_a_version_is_read() {
        assert_eq!(["v20.20.2", "go1.27", "zig"].map(major), [Some(20), Some(1), None]);
    }

    #[test]
    fn a_missing_tool_is_told_with_the_command_that_installs_it() {
        let install = Invocation::new("apt-get").arguments(["install", "clang"]);
        let missing = Missing { what: "there is no clang".into(), remedies: vec![Remedy::Run(vec![install])] };
        assert_eq!(missing.to_string(), "there is no clang; this installs it: apt-get install clang");
    }
}
