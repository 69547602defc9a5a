//! Sources that change under an author's hands.

use std::{
    path::{Component, Path},
    time::Duration,
};

use notify::RecursiveMode;

use super::project::Project;
use crate::watch::Watch;

/// Folders that tools write into; hidden ones are left out as well.
const TOOLS_OWN: [&str; 6] = ["build", "target", "node_modules", "__pycache__", "zig-out", "dist"];

/// Files that tools write beside the sources.
const TOOLS_FILES: [&str; 3] = ["Cargo.lock", "package-lock.json", "go.sum"];

/// An editor's save is several events; it is over when there was none for so long.
const SETTLE: Duration = Duration::from_millis(100);

/// Watches the sources of one project.
pub struct Sources(Watch);

impl Sources {
    /// Watches from now on.
    ///
    /// # Errors
    /// If the system does not watch the folder.
    pub fn watch(project: &Project) -> notify::Result<Self> {
        let folder = project.folder.clone();
        let watch = Watch::start(&project.folder, RecursiveMode::Recursive, move |path, _| is_source(&folder, path))?;
        Ok(Self(watch))
    }

    /// Waits until a source has changed and the author's editor is done.
    pub async fn changed(&mut self) {
        // Which one it was is all the same to a compiler.
        let _ = self.0.settled(SETTLE).await;
    }
}

fn is_source(folder: &Path, path: &Path) -> bool {
    let Ok(inner) = path.strip_prefix(folder) else { return false };
    let mut parts = inner.components().filter_map(|part| match part {
        Component::Normal(name) => name.to_str(),
        _ => None,
    });
    let is_of_tools = parts.any(|name| name.starts_with('.') || TOOLS_OWN.contains(&name) || name.ends_with('~'));
    let name = path.file_name().unwrap_or_default();
    !is_of_tools && !TOOLS_FILES.iter().any(|file| name == *file)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::kit::{language::Language, scaffold};

    #[test]
    fn what_tools_write_is_no_source() {
        let is_source = |path| is_source(Path::new("/hello"), &Path::new("/hello").join(path));
        for source in ["plugin.c", "src/lib.rs", "sdk/c/cometbot.h", "test.toml"] {
            assert!(is_source(source), "{source}");
        }
        for other in
            ["build/plugin.wasm", "target/x", "node_modules/a/b.js", ".plugin.c.swp", "plugin.c~", "Cargo.lock"]
        {
            assert!(!is_source(other), "{other}");
        }
    }

    #[tokio::test]
    async fn a_saved_source_is_noticed() {
        let directory = tempfile::tempdir().unwrap();
        let project = scaffold::create(&directory.path().join("hello"), Language::Wat).unwrap();
        let mut sources = Sources::watch(&project).unwrap();
        std::fs::write(project.folder.join("plugin.wat"), "(module)").unwrap();
        tokio::time::timeout(Duration::from_secs(20), sources.changed()).await.unwrap();
    }
}
