//! Builds the conformance plugin in a language as an author would: `cometbot new`, a source, `cometbot build`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use cometbot::{kit::language::Language, plugins::manifest::Manifest};
use cometbot_tests::binary;

/// What tools keep in a folder from build to build, and may take long to make again.
const KEPT: [&str; 4] = ["node_modules", ".venv", ".zig-cache", "Cargo.lock"];

/// The built plugin.
pub fn build(language: Language) -> Vec<u8> {
    match try_to_build(language) {
        Ok(plugin) => plugin,
        Err(words) => panic!("the conformance plugin in {language} was not built:\n{words}"),
    }
}

/// The built plugin, or what `cometbot build` says.
pub fn try_to_build(language: Language) -> Result<Vec<u8>, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap();
    let bench = root.join("target/conformance").join(language.name());
    fs::create_dir_all(&bench).unwrap();
    let folder = bench.join("conformance");
    make_folder(language, &folder);
    let name = if language == Language::TinyGo { Language::Go.name() } else { language.name() };
    let source = Path::new(language.source()).file_name().unwrap();
    let source = root.join("tests/conformance").join(name).join(source);
    fs::copy(&source, folder.join(language.source())).unwrap_or_else(|error| panic!("{}: {error}", source.display()));
    fs::copy(root.join("tests/conformance/manifest.toml"), folder.join("manifest.toml")).unwrap();
    let _ = fs::remove_file(bench.join("conformance.wasm"));
    let output = cometbot(&root).arg("build").arg(&folder).output().unwrap();
    if !output.status.success() {
        return Err(words(&output));
    }
    let plugin = fs::read(bench.join("conformance.wasm")).unwrap();
    let manifest = Manifest::of(&plugin).unwrap().map(|manifest| manifest.to_string());
    assert_eq!(manifest.as_deref(), Some("hear *; send *; log *; count *"), "{language}");
    Ok(plugin)
}

/// A folder as `cometbot new` makes it, with what tools have kept from last time.
fn make_folder(language: Language, folder: &Path) {
    let fresh = tempfile::tempdir_in(folder.parent().unwrap()).unwrap();
    let made = fresh.path().join("conformance");
    let output = cometbot(fresh.path()).args(["new", "--lang", language.name()]).arg(&made).output().unwrap();
    assert!(output.status.success(), "{}", words(&output));
    for kept in KEPT {
        // Some of it is not there, and none the first time.
        let _ = fs::rename(folder.join(kept), made.join(kept));
    }
    if folder.exists() {
        fs::remove_dir_all(folder).unwrap();
    }
    fs::rename(made, folder).unwrap();
}

fn cometbot(within: &Path) -> Command {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target");
    let mut command = Command::new(binary());
    // Where `make test` has put the tools, and where the other plugins in Rust are built.
    let tools = std::env::var_os("COMETBOT_TOOLS").unwrap_or_else(|| root.join("tools").into());
    command.current_dir(within).env("COMETBOT_TOOLS", tools).env("CARGO_TARGET_DIR", root.join("guests"));
    command
}

fn words(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
