//! A folder with a plugin's source.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::language::Language;
use crate::config::is_plugin_name;

/// A folder with a plugin's source, of which the language is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// The folder, as an absolute path.
    pub folder: PathBuf,
    /// The plugin's name, which is the folder's.
    pub name: String,
    /// What it is written in.
    pub language: Language,
}

/// Why a folder is no project.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// It cannot be looked into.
    #[error("cannot look into {}: {source}", path.display())]
    Unreadable {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Neither it nor a folder in it has a recipe.
    #[error(
        "there is no plugin's source in {}: name its folder, or make one with `cometbot new --lang LANGUAGE NAME`; a \
         folder is known by its recipe ({})",
        _0.display(), recipes()
    )]
    None(PathBuf),
    /// Its name is none for a plugin.
    #[error("{} cannot be a plugin's name: it has A-Z a-z 0-9 _ and - only, and at most 64 of them", _0.display())]
    Name(PathBuf),
}

impl Project {
    /// The project in `path`, or, if it is a folder of projects, all of them in the order of their names.
    ///
    /// # Errors
    /// A [`ProjectError`] that says what was looked for.
    pub fn find(path: &Path) -> Result<Vec<Self>, ProjectError> {
        let unreadable = |source| ProjectError::Unreadable { path: path.to_owned(), source };
        let folder = path.canonicalize().map_err(unreadable)?;
        if let Some(language) = language_of(&folder) {
            return Ok(vec![Self::named(folder, language)?]);
        }
        let mut projects = Vec::new();
        for entry in fs::read_dir(&folder).map_err(unreadable)? {
            let inner = entry.map_err(unreadable)?.path();
            if let Some(language) = language_of(&inner) {
                projects.push(Self::named(inner, language)?);
            }
        }
        if projects.is_empty() {
            return Err(ProjectError::None(path.to_owned()));
        }
        projects.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(projects)
    }

    /// Where the built plugin goes: beside the folder, with its name.
    #[must_use]
    pub fn plugin_file(&self) -> PathBuf {
        self.folder.with_file_name(format!("{}.wasm", self.name))
    }

    /// Where its author may say what it will ask for at most.
    #[must_use]
    pub fn manifest_file(&self) -> PathBuf {
        self.folder.join("manifest.toml")
    }

    fn named(folder: PathBuf, language: Language) -> Result<Self, ProjectError> {
        match folder.file_name().and_then(|name| name.to_str()).filter(|name| is_plugin_name(name)) {
            Some(name) => Ok(Self { name: name.to_owned(), folder, language }),
            None => Err(ProjectError::Name(folder)),
        }
    }
}

/// What the recipe in a folder says; the more telling ones first.
fn language_of(folder: &Path) -> Option<Language> {
    let has = |language: Language| folder.join(language.recipe()).is_file();
    let has_source = |ending: &str| {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).any(|path| path.extension().is_some_and(|found| found == ending))
    };
    if has(Language::Rust) && is_package(&folder.join(Language::Rust.recipe())) {
        return Some(Language::Rust);
    }
    if has(Language::Go) {
        return Some(if has(Language::TinyGo) { Language::TinyGo } else { Language::Go });
    }
    if has(Language::C) {
        let is_cpp = ["cpp", "cc", "cxx"].into_iter().any(has_source);
        return Some(if is_cpp { Language::Cpp } else { Language::C });
    }
    if has(Language::AssemblyScript) {
        return Some(Language::AssemblyScript);
    }
    if has(Language::JavaScript) {
        return Some(if has(Language::TypeScript) { Language::TypeScript } else { Language::JavaScript });
    }
    [Language::Zig, Language::Python, Language::Wat].into_iter().find(|language| has(*language))
}

/// A manifest may also be that of a workspace alone.
fn is_package(manifest: &Path) -> bool {
    let text = fs::read_to_string(manifest).unwrap_or_default();
    text.parse::<toml::Table>().is_ok_and(|table| table.contains_key("package"))
}

fn recipes() -> String {
    Language::ALL
        .map(Language::recipe)
        .iter()
        .fold(Vec::new(), |mut recipes, recipe| {
            if !recipes.contains(recipe) {
                recipes.push(recipe);
            }
            recipes
        })
        .join(", ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use super::*;

    fn folder(files: &[&str]) -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let folder = directory.path().join("hello");
        fs::create_dir(&folder).unwrap();
        for file in files {
            let text = if *file == "Cargo.toml" { "[package]\nname = \"hello\"" } else { "" };
            fs::write(folder.join(file), text).unwrap();
        }
        (directory, folder)
    }

    #[test]
    fn a_folder_is_known_by_its_recipe() {
        for (files, language) in [
            (&["Cargo.toml"][..], Language::Rust),
            (&["compile_flags.txt", "plugin.c"], Language::C),
            (&["compile_flags.txt", "plugin.cpp", "more.c"], Language::Cpp),
            (&["build.zig"], Language::Zig),
            (&["package.json", "asconfig.json", "tsconfig.json"], Language::AssemblyScript),
            (&["package.json"], Language::JavaScript),
            (&["package.json", "tsconfig.json"], Language::TypeScript),
            (&["requirements.txt"], Language::Python),
            (&["go.mod"], Language::Go),
            (&["go.mod", "tinygo.flags"], Language::TinyGo),
            (&["plugin.wat"], Language::Wat),
        ] {
            let (_directory, folder) = folder(files);
            let found = Project::find(&folder).unwrap();
            assert_eq!((found.len(), found[0].language, found[0].name.as_str()), (1, language, "hello"));
        }
    }

    #[test]
    fn a_folder_of_projects_gives_all_of_them_and_a_workspace_is_none_itself() {
        let (directory, _folder) = folder(&["go.mod"]);
        fs::create_dir(directory.path().join("docs")).unwrap();
        fs::create_dir(directory.path().join("another")).unwrap();
        fs::write(directory.path().join("another/plugin.wat"), "").unwrap();
        fs::write(directory.path().join("Cargo.toml"), "[workspace]").unwrap();
        let found = Project::find(directory.path()).unwrap();
        assert_eq!(found.iter().map(|project| project.name.as_str()).collect::<Vec<_>>(), ["another", "hello"]);
    }

    #[test]
    fn a_folder_without_a_recipe_is_told_what_to_do() {
        let (directory, folder) = folder(&["notes.txt"]);
        let words = Project::find(&folder).unwrap_err().to_string();
        assert!(words.contains("make one with `cometbot new --lang LANGUAGE NAME`"), "{words}");
        assert!(matches!(Project::find(&directory.path().join("gone")), Err(ProjectError::Unreadable { .. })));
    }
}
