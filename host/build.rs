//! Lists the files of `plugin-sdk` for `src/kit/shipped.rs`: the binary carries them, so that `cometbot new` needs
//! nothing else. A list of our own, because the crates for this do not notice a file that is new.
//!
//! And names the encoder for `src/plugins/package/compiled.rs`: what another one has made is compiled anew.

use std::{
    env,
    error::Error,
    fmt::Write as _,
    fs,
    hash::{DefaultHasher, Hasher as _},
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
    println!("cargo:rustc-env=COMETBOT_ENCODER={}", encoder()?);
    Ok(())
}

/// A name for all that decides what becomes of a plugin's file before it is compiled.
fn encoder() -> Result<String, Box<dyn Error>> {
    let host = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let mut hasher = DefaultHasher::new();
    for part in ["src/plugins/package", "../plugin-sdk/wit", "../Cargo.lock"] {
        let part = host.join(part);
        println!("cargo:rerun-if-changed={}", part.display());
        let mut files = Vec::new();
        if part.is_dir() {
            collect(&part, &mut files)?
        } else {
            files.push(part)
        }
        files.sort();
        for file in files {
            hasher.write(&fs::read(file)?);
        }
    }
    Ok(format!("{}-{:016x}", env::var("CARGO_PKG_VERSION")?, hasher.finish()))
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
