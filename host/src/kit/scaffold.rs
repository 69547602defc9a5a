//! A new plugin's folder: the template of its language, and the language's kit beside it.
//!
//! The kit is copied into `sdk/`, so that the folder has all that it needs: it builds wherever it goes, and with a later
//! cometbot as it did with this one. [`refresh`] puts the present kit there.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{language::Language, project::Project, shipped};

/// Where the kit lies in a plugin's folder.
const KIT_FOLDER: &str = "sdk";

/// Files that a template brings under another name, because its own would mean something in this repository too.
const RENAMED: [(&str, &str); 1] = [("gitignore", ".gitignore")];

/// Why there is no new folder.
#[derive(Debug, thiserror::Error)]
pub enum ScaffoldError {
    /// The name cannot be everywhere where it has to be: file, package, module.
    #[error(
        "`{0}` cannot be the name of a new plugin: it begins with a letter and has a-z 0-9 - and _ only, at most 64"
    )]
    Name(String),
    /// Something is there already.
    #[error("{} is there already: choose another name, or renew its kit with `cometbot new --renew-kit {}`", _0.display(), _0.display())]
    Exists(PathBuf),
    /// It could not be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// Makes the folder `path` for a plugin in `language`; the plugin's name is the folder's.
///
/// # Errors
/// A [`ScaffoldError`]: nothing that is there already is touched.
pub fn create(path: &Path, language: Language) -> Result<Project, ScaffoldError> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if !is_new_name(name) {
        return Err(ScaffoldError::Name(path.display().to_string()));
    }
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        fs::create_dir_all(parent).map_err(|source| ScaffoldError::Write { path: parent.to_owned(), source })?;
    }
    match fs::create_dir(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(ScaffoldError::Exists(path.to_owned()));
        }
        Err(source) => return Err(ScaffoldError::Write { path: path.to_owned(), source }),
    }
    for (file, bytes) in language.templates().iter().flat_map(|template| shipped::below(template)) {
        write(&path.join(own_name(file)), &filled_in(bytes, name))?;
    }
    write_kit(path, language)?;
    let folder = path.canonicalize().map_err(|source| ScaffoldError::Write { path: path.to_owned(), source })?;
    Ok(Project { folder, name: name.to_owned(), language })
}

/// Puts this cometbot's kit in the place of the one that a project has.
///
/// # Errors
/// A [`ScaffoldError`] if it cannot be written; the old kit may then be gone in part, and another try mends that.
pub fn refresh(project: &Project) -> Result<(), ScaffoldError> {
    let kit = project.folder.join(KIT_FOLDER);
    match fs::remove_dir_all(&kit) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            return Err(ScaffoldError::Write { path: kit, source });
        }
        _ => {}
    }
    write_kit(&project.folder, project.language)
}

fn write_kit(folder: &Path, language: Language) -> Result<(), ScaffoldError> {
    for kit in language.kit() {
        for (file, bytes) in shipped::below(kit).filter(|(file, _)| !file.starts_with("template/")) {
            let bytes = if file == "Cargo.toml" { without_workspace(bytes) } else { bytes.to_owned() };
            write(&folder.join(KIT_FOLDER).join(kit).join(file), &bytes)?;
        }
    }
    Ok(())
}

/// The kit for Rust belongs to a workspace here, and to the plugin's own there.
fn without_workspace(manifest: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(manifest);
    let lines = text.lines().filter(|line| !line.starts_with("workspace = "));
    lines.flat_map(|line| [line, "\n"]).collect::<String>().into_bytes()
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), ScaffoldError> {
    let folder = path.parent().map_or(Ok(()), fs::create_dir_all);
    folder
        .and_then(|()| fs::write(path, bytes))
        .map_err(|source| ScaffoldError::Write { path: path.to_owned(), source })
}

/// The file's place in the new folder.
fn own_name(file: &str) -> &str {
    RENAMED.iter().find(|(ours, _)| *ours == file).map_or(file, |(_, theirs)| theirs)
}

/// Puts the plugin's name where the template has a place for it.
fn filled_in(bytes: &[u8], name: &str) -> Vec<u8> {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.replace("{{name}}", name).replace("{{ident}}", &name.replace('-', "_")).into_bytes(),
        Err(_) => bytes.to_owned(),
    }
}

/// The least that all languages allow in their packages' names.
fn is_new_name(name: &str) -> bool {
    name.len() <= 64
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn every_file(folder: &Path) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { files.extend(every_file(&path)) } else { files.push(path) }
        }
        files
    }

    #[test]
    fn a_new_folder_is_a_project_of_its_language_in_which_no_place_is_left_open() {
        for language in Language::ALL {
            let directory = tempfile::tempdir().unwrap();
            let made = create(&directory.path().join("my-plugin"), language).unwrap();
            assert_eq!(Project::find(&made.folder).unwrap().as_slice(), std::slice::from_ref(&made));
            for file in ["test.toml", ".gitignore", "README.md", language.source()] {
                assert!(made.folder.join(file).is_file(), "{language} has no {file}");
            }
            for file in every_file(&made.folder) {
                let bytes = fs::read(&file).unwrap();
                let text = String::from_utf8_lossy(&bytes);
                assert!(!text.contains("{{name}}") && !text.contains("{{ident}}"), "{}", file.display());
            }
        }
    }

    #[test]
    fn a_folder_that_is_there_is_not_touched() {
        let directory = tempfile::tempdir().unwrap();
        let words = create(directory.path().join("taken").as_path(), Language::Wat)
            .and_then(|made| create(&made.folder, Language::C))
            .unwrap_err()
            .to_string();
        assert!(words.contains("is there already"), "{words}");
        assert!(!directory.path().join("taken/plugin.c").exists());
    }

    #[test]
    fn a_name_that_some_language_does_not_take_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["1st", "Hello", "привет", "a b", "-a", ""] {
            assert!(matches!(
                create(&directory.path().join(name), Language::Wat),
                Err(ScaffoldError::Name(_)) | Err(ScaffoldError::Exists(_))
            ));
        }
    }

    #[test]
    fn a_renewed_kit_is_whole_and_the_rest_stays() {
        let directory = tempfile::tempdir().unwrap();
        let made = create(&directory.path().join("hello"), Language::C).unwrap();
        let header = made.folder.join("sdk/c/cometbot.h");
        fs::write(&header, "broken").unwrap();
        fs::write(made.folder.join("sdk/c/old.h"), "").unwrap();
        fs::write(made.folder.join("plugin.c"), "mine").unwrap();
        refresh(&made).unwrap();
        assert_ne!(fs::read_to_string(header).unwrap(), "broken");
        assert!(!made.folder.join("sdk/c/old.h").exists());
        assert_eq!(fs::read_to_string(made.folder.join("plugin.c")).unwrap(), "mine");
    }
}
