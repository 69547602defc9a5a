//! Rust: the compiler's own way is `rustup target add`; where that is out of reach, Debian's compiler is another.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{Missing, Remedy, Say, ToolchainError, apt, find, major};
use crate::kit::invocation::Invocation;

const TARGET: &str = "wasm32-unknown-unknown";

/// If this is set, nothing is downloaded with rustup.
const NO_RUSTUP: &str = "COMETBOT_NO_RUSTUP";

/// The linker of the LLVM that Debian's compiler has.
const DEBIAN_LINKER: &str = "lld-22";

/// Which compiler is used.
enum Compiler {
    /// The one in PATH, which has the target.
    Ordinary { cargo: PathBuf },
    /// Debian's, which has the target's library as source: cargo builds it too. It brings no linker.
    Debian { cargo: PathBuf, linker: PathBuf },
}

pub(super) async fn look() -> Result<String, Missing> {
    Ok(match compiler(Path::new(".")).await? {
        Compiler::Ordinary { cargo } => {
            let version = Invocation::new(cargo).argument("-V").answer().await.unwrap_or_default();
            format!("{version}, with its target {TARGET}")
        }
        Compiler::Debian { linker, .. } => {
            let version = apt::version("rustc-web").await.unwrap_or_default();
            format!("Debian's rustc-web {version}, linking with {}", linker.display())
        }
    })
}

/// What cargo says of a thing that it made.
#[derive(Deserialize)]
struct Message {
    reason: String,
    #[serde(default)]
    manifest_path: PathBuf,
    #[serde(default)]
    filenames: Vec<PathBuf>,
}

pub(super) async fn build(folder: &Path, say: Say<'_>) -> Result<PathBuf, ToolchainError> {
    let compiler = compiler(folder).await?;
    let build = match compiler {
        Compiler::Ordinary { cargo } => Invocation::new(cargo).argument("build"),
        Compiler::Debian { cargo, linker } => Invocation::new(cargo)
            .arguments(["build", "-Zbuild-std=std,panic_abort"])
            // Building the library is unstable; the second variable makes this one released compiler take it.
            .variable("RUSTC", "/usr/bin/rustc")
            .variable("RUSTC_BOOTSTRAP", "1")
            .variable("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker),
    };
    let mut build = build.arguments(["--release", "--target", TARGET, "--message-format=json-render-diagnostics"]);
    // Where nothing is new, nothing may change.
    if std::env::var_os("CI").is_some() && has_lock_file(folder).await {
        build = build.argument("--locked");
    }
    say("cargo build");
    let messages = build.within(folder).output().await?;
    let manifest = folder.join("Cargo.toml");
    let made = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Message>(line).ok())
        .filter(|message| message.reason == "compiler-artifact" && message.manifest_path == manifest)
        .flat_map(|message| message.filenames)
        .find(|file| file.extension().is_some_and(|ending| ending == "wasm"));
    made.ok_or_else(|| {
        ToolchainError::NothingMade(".wasm file (has its Cargo.toml `crate-type = [\"cdylib\"]`?)".into())
    })
}

/// Whether the workspace that the folder belongs to, which may be itself, has a lock file.
async fn has_lock_file(folder: &Path) -> bool {
    let Some(cargo) = find("cargo", &rustup_folder()) else { return false };
    let ask = Invocation::new(cargo).arguments(["locate-project", "--workspace", "--message-format", "plain"]);
    let manifest = ask.within(folder).answer().await;
    manifest.is_some_and(|manifest| Path::new(&manifest).with_file_name("Cargo.lock").exists())
}

async fn compiler(folder: &Path) -> Result<Compiler, Missing> {
    let cargo = find("cargo", &rustup_folder());
    if let Some(cargo) = cargo.clone()
        && has_target(folder).await
    {
        return Ok(Compiler::Ordinary { cargo });
    }
    if let Some(cargo) = cargo.clone()
        && has_debian_compiler().await
        && let Some(linker) = linker().await
    {
        return Ok(Compiler::Debian { cargo, linker });
    }
    Err(Missing { what: format!("there is no Rust compiler for {TARGET}"), remedies: remedies(cargo.is_some()).await })
}

/// rustup's way first: its server is not reached from everywhere, and then Debian's packages are another.
async fn remedies(has_cargo: bool) -> Vec<Remedy> {
    let mut remedies = Vec::new();
    if std::env::var_os(NO_RUSTUP).is_none_or(|value| value.is_empty())
        && let Some(rustup) = find("rustup", &rustup_folder())
    {
        remedies.push(Remedy::Run(vec![Invocation::new(rustup).arguments(["target", "add", TARGET])]));
    }
    if apt::is_here() {
        let mut packages = vec!["rustc-web", "rust-web-src"];
        if !has_cargo {
            packages.push("cargo-web");
        }
        if linker_of_rustup().await.is_none() {
            packages.push(DEBIAN_LINKER);
        }
        remedies.push(apt::install(packages));
    }
    if remedies.is_empty() {
        let words = format!("install rustup, as Rust's own page says, and then run `rustup target add {TARGET}`");
        remedies.push(Remedy::ByHand(words));
    }
    remedies
}

/// Services and sudo start without rustup's folder in PATH.
fn rustup_folder() -> Vec<PathBuf> {
    let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo"));
    std::env::var_os("CARGO_HOME").map(PathBuf::from).or_else(home).map(|home| home.join("bin")).into_iter().collect()
}

/// rustc names the target's folder whether or not it is there, so look for what must be in it.
async fn has_target(folder: &Path) -> bool {
    let Some(rustc) = find("rustc", &rustup_folder()) else { return false };
    let ask = Invocation::new(rustc).arguments(["--print", "target-libdir", "--target", TARGET]).within(folder);
    let Some(libraries) = ask.answer().await else { return false };
    let mut files = std::fs::read_dir(libraries).into_iter().flatten().flatten();
    files.any(|file| file.file_name().to_string_lossy().starts_with("libstd-"))
}

/// The library has to be the compiler's own source, and nothing in the packages' dependencies says so.
async fn has_debian_compiler() -> bool {
    let Some(compiler) = apt::version("rustc-web").await else { return false };
    Path::new("/usr/bin/rustc").exists() && apt::version("rust-web-src").await == Some(compiler)
}

/// Debian's compiler brings no linker; that of rustup's compiler does as well as Debian's own.
async fn linker() -> Option<PathBuf> {
    let version = Invocation::new("/usr/bin/rustc").arguments(["-vV"]).answer().await?;
    let llvm = version.lines().find_map(|line| line.strip_prefix("LLVM version: "))?;
    let debian = PathBuf::from(format!("/usr/bin/wasm-ld-{}", major(llvm)?));
    if debian.exists() { Some(debian) } else { linker_of_rustup().await }
}

async fn linker_of_rustup() -> Option<PathBuf> {
    let rustc = find("rustc", &rustup_folder())?;
    let libraries = PathBuf::from(Invocation::new(rustc).arguments(["--print", "sysroot"]).answer().await?);
    let hosts = std::fs::read_dir(libraries.join("lib/rustlib")).ok()?.flatten();
    hosts.map(|host| host.path().join("bin/rust-lld")).find(|linker| linker.exists())
}
