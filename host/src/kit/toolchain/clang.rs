//! C and C++: clang with a WASI library, from wasi-sdk or from Debian.
//!
//! The recipe is two files of options, `compile_flags.txt` (which editors read as well) and `link_flags.txt`. What
//! depends on the machine is added here.

use std::path::{Path, PathBuf};

use super::{BUILT, Missing, Remedy, Say, ToolchainError, apt, find, make_build_folder};
use crate::kit::{invocation::Invocation, language::Language, project::Project};

/// Names the folder of a wasi-sdk.
const WASI_SDK: &str = "WASI_SDK_PATH";
/// The options for linking, beside the recipe.
const LINK_FLAGS: &str = "link_flags.txt";
/// Where Debian's wasi-libc has its headers and libraries.
const DEBIAN_HEADERS: &str = "/usr/include/wasm32-wasi";
const DEBIAN_LIBRARIES: &str = "/usr/lib/wasm32-wasi";
/// The newest clang that this was tried with; and the oldest that knows the target by its name.
const NEWEST: u32 = 22;
const OLDEST: u32 = 16;

/// A compiler for WASI, with the options that it needs on this machine.
#[derive(Debug, Clone)]
struct Compiler {
    clang: Invocation,
    /// Options for compiling alone, and for linking alone.
    compiling: Vec<String>,
    linking: Vec<String>,
    /// For the log and for `doctor`.
    title: String,
}

impl Compiler {
    /// One that knows where its library is.
    fn at_home(clang: Invocation, title: String) -> Self {
        Self { clang, compiling: Vec::new(), linking: Vec::new(), title }
    }
}

pub(super) async fn look(language: Language) -> Result<String, Missing> {
    Ok(compiler(language).await?.title)
}

pub(super) async fn build(project: &Project, say: Say<'_>) -> Result<(), ToolchainError> {
    let folder = &*project.folder;
    let Compiler { clang, compiling, linking, title } = compiler(project.language).await?;
    make_build_folder(folder)?;
    say(&title);
    let clang = clang.within(folder);
    let mut objects = Vec::new();
    for source in sources(folder)? {
        let object = Path::new("build").join(source.to_string_lossy().replace(['/', '\\'], "-") + ".o");
        say(&format!("compile {}", source.display()));
        // The recipe comes last, so that it has the last word.
        let compile = clang.clone().arguments(&compiling).arguments(standard(&source));
        let compile = compile.argument(format!("@{}", Language::C.recipe()));
        compile.argument("-c").argument(&source).argument("-o").argument(&object).run().await?;
        objects.push(object);
    }
    say("link");
    let link = clang.arguments(&linking).argument(format!("@{LINK_FLAGS}")).arguments(&objects);
    let link = if project.language == Language::Cpp { link.arguments(["-lc++", "-lc++abi"]) } else { link };
    Ok(link.arguments(["-o", BUILT]).run().await?)
}

/// The language's version, if the recipe names no other; it depends on the file.
fn standard(source: &Path) -> &'static [&'static str] {
    if source.extension().is_some_and(|ending| ending == "c") {
        &["-std=gnu17"]
    } else {
        &["-std=c++23", "-fno-exceptions"]
    }
}

/// The sources of a folder and of the kit in it, as paths from the folder.
fn sources(folder: &Path) -> Result<Vec<PathBuf>, ToolchainError> {
    let mut sources = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(inner) = folders.pop() {
        let path = folder.join(&inner);
        let unreadable = |source| ToolchainError::File { path: path.clone(), source };
        for entry in std::fs::read_dir(&path).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let name = inner.join(entry.file_name());
            let is_hidden = entry.file_name().to_string_lossy().starts_with('.');
            if path.join(entry.file_name()).is_dir() {
                // What was built, and the sources of tests that run natively, are not of the plugin.
                if !is_hidden && name != Path::new("build") && !name.ends_with("test") {
                    folders.push(name);
                }
            } else if name
                .extension()
                .is_some_and(|ending| ["c", "cc", "cpp", "cxx"].iter().any(|ours| *ours == ending))
            {
                sources.push(name);
            }
        }
    }
    sources.sort();
    Ok(sources)
}

async fn compiler(language: Language) -> Result<Compiler, Missing> {
    if let Some(sdk) = std::env::var_os(WASI_SDK).map(PathBuf::from) {
        let clang = sdk.join("bin/clang");
        if clang.exists() {
            let title = format!("clang of the wasi-sdk in {}", sdk.display());
            return Ok(Compiler::at_home(Invocation::new(clang), title));
        }
    }
    if let Some(compiler) = debian(language).await {
        return Ok(compiler);
    }
    Err(Missing { what: format!("there is no clang with a WASI library for {language}"), remedies: remedies().await })
}

/// The newest clang of the system that has all the parts for this target.
async fn debian(language: Language) -> Option<Compiler> {
    let library = if language == Language::Cpp { "libc++.a" } else { "libc.a" };
    if !Path::new(DEBIAN_LIBRARIES).join(library).exists() {
        return None;
    }
    for number in (OLDEST..=NEWEST).rev() {
        let Some(path) = find(&format!("clang-{number}"), &[]) else { continue };
        let clang = Invocation::new(&path).argument("--target=wasm32-wasip1");
        // It names a file that the linker will want, whether or not that is there; a package of its own brings it.
        let runtime = clang.clone().arguments(["-rtlib=compiler-rt", "-print-libgcc-file-name"]).answer().await;
        let has_linker = find(&format!("wasm-ld-{number}"), &[]).is_some();
        if has_linker && runtime.is_some_and(|file| Path::new(&file).exists()) {
            let title = format!("{} with Debian's wasi-libc", path.display());
            let linking = [format!("-B{DEBIAN_LIBRARIES}"), format!("-L{DEBIAN_LIBRARIES}")].into();
            return Some(Compiler { clang, compiling: headers(language), linking, title });
        }
    }
    None
}

/// Debian keeps headers and libraries where clang does not look by itself.
fn headers(language: Language) -> Vec<String> {
    // Else the headers of the machine itself would be found as well.
    let mut options = vec!["-nostdlibinc".to_owned()];
    if language == Language::Cpp {
        options.push(format!("-isystem{DEBIAN_HEADERS}/c++/v1"));
    }
    options.push(format!("-isystem{DEBIAN_HEADERS}"));
    options
}

async fn remedies() -> Vec<Remedy> {
    let by_hand = format!("unpack a wasi-sdk and set {WASI_SDK} to its folder");
    let mut remedies = vec![Remedy::ByHand(by_hand)];
    if apt::is_here() {
        let number = apt::newest("libc++-", "-dev-wasm32").await.unwrap_or(NEWEST);
        let packages = [
            format!("clang-{number}"),
            format!("lld-{number}"),
            "wasi-libc".to_owned(),
            format!("libclang-rt-{number}-dev-wasm32"),
            format!("libc++-{number}-dev-wasm32"),
        ];
        remedies.insert(0, apt::install(packages));
    }
    remedies
}
