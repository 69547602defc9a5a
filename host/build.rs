//! Lists the files of `plugin-sdk` for `src/kit/shipped.rs`: the binary carries them, so that `cometbot new` needs
//! nothing else. A list of our own, because the crates for this do not notice a file that is new.

use std::{
    env,
    error::Error,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

/// What tools leave behind in there.
const LEFTOVERS: [&str; 8] =
    ["target", "build", "node_modules", "__pycache__", "Cargo.lock", "package-lock.json", "zig-out", "wit_world"];

fn main() -> Result<(), Box<dyn Error>> {
    let kits = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../plugin-sdk").canonicalize()?;
    println!("cargo:rerun-if-changed={}", kits.display());
    let mut files = Vec::new();
    collect(&kits, &mut files)?;
    files.sort();
    let mut list = String::from("&[\n");
    for file in files {
        let name = file.strip_prefix(&kits)?.to_str().ok_or("a file of plugin-sdk has no name in UTF-8")?;
        writeln!(list, "    ({:?}, include_bytes!({:?})),", name.replace('\\', "/"), file.display().to_string())?;
    }
    list.push_str("]\n");
    fs::write(Path::new(&env::var("OUT_DIR")?).join("shipped.rs"), list)?;
    Ok(())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        // Hidden files of a template belong to it; hidden folders are caches, but for cargo's configuration.
        let is_leftover = LEFTOVERS.contains(&name) || (path.is_dir() && name.starts_with('.') && name != ".cargo");
        if is_leftover {
            continue;
        }
        if path.is_dir() { collect(&path, files)? } else { files.push(path) }
    }
    Ok(())
}
