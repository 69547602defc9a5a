//! What a binary is that was built for something else than cometbot, and where an import comes from that nobody gives.

use super::outline::{Import, Outline};
use crate::report::brief;

/// What else WebAssembly is built for.
struct Origin {
    /// What such a file is.
    what: &'static str,
    /// Who gives what such files import.
    whose: &'static str,
    /// What to do about it.
    advice: &'static str,
    signs: &'static [Sign],
}

/// By what a file is known.
enum Sign {
    /// An import from this module.
    Module(&'static str),
    /// An import from a module whose name begins so.
    Modules(&'static str),
    /// An import from `env` whose name begins so.
    Env(&'static str),
    /// An export of this name, or of this interface in whatever version.
    Export(&'static str),
}

use Sign::{Env, Export, Module, Modules};

const WRITE_A_PLUGIN: &str = "write it against the contract cometbot:plugin (`cometbot new` makes one to start from)";
const EXPORT_INSTEAD: &str = "a plugin is a library: export `setup` and `handle` instead";

/// From the special to the general: a Spin application can be a component for `wasi:http` as well.
const ORIGINS: &[Origin] = &[
    Origin {
        what: "a Spin application",
        whose: "Spin",
        advice: WRITE_A_PLUGIN,
        signs: &[
            Modules("fermyon:spin/"),
            Modules("spin:"),
            Module("spin"),
            Module("spin-config"),
            Module("spin_config"),
            Module("spin-http"),
            Export("fermyon:spin/inbound-http"),
            Export("fermyon:spin/inbound-redis"),
        ],
    },
    Origin {
        what: "a wasmCloud component",
        whose: "wasmCloud",
        advice: WRITE_A_PLUGIN,
        signs: &[Modules("wasmcloud:"), Module("wasmbus"), Export("wasmcloud:messaging/handler")],
    },
    Origin {
        what: "a Zed extension",
        whose: "Zed",
        advice: WRITE_A_PLUGIN,
        signs: &[Modules("zed:extension/"), Export("init-extension")],
    },
    Origin {
        what: "an Extism plugin",
        whose: "Extism",
        advice: WRITE_A_PLUGIN,
        signs: &[Modules("extism:"), Env("extism_")],
    },
    Origin {
        what: "a waPC module",
        whose: "waPC",
        advice: WRITE_A_PLUGIN,
        signs: &[Module("wapc"), Export("__guest_call")],
    },
    Origin {
        what: "a proxy-wasm filter",
        whose: "an Envoy proxy",
        advice: WRITE_A_PLUGIN,
        signs: &[Env("proxy_"), Export("proxy_abi_version_0_2_1"), Export("proxy_abi_version_0_2_0")],
    },
    Origin {
        what: "a Go program for JavaScript",
        whose: "Go's JavaScript",
        advice: "build it with GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared (TinyGo: -target=wasip1)",
        signs: &[Module("gojs"), Module("go")],
    },
    Origin {
        what: "a module that wasm-bindgen made for JavaScript",
        whose: "wasm-bindgen's JavaScript",
        advice: "a plugin has no JavaScript around it: build it with cargo alone, without wasm-pack, and turn off what \
                 brings wasm-bindgen in, such as the features `js` and `wasmbind` of other crates",
        signs: &[Module("wbg"), Module("wbindgen"), Modules("__wbindgen_")],
    },
    Origin {
        what: "a program for emscripten's JavaScript",
        whose: "emscripten's JavaScript",
        advice: "a plugin has no JavaScript around it: build it with clang for wasm32-wasip1, or with \
                 emcc -sSTANDALONE_WASM --no-entry",
        signs: &[
            Env("emscripten_"),
            Env("_emscripten_"),
            Env("_embind_"),
            Env("__syscall_"),
            Env("__assert_fail"),
            Env("_abort_js"),
            Env("invoke_"),
        ],
    },
    Origin {
        what: "a program for WASIX",
        whose: "WASIX",
        advice: "build it for wasm32-wasip1",
        signs: &[Modules("wasix_")],
    },
    Origin {
        what: "a program with threads",
        whose: "a host with threads",
        advice: "a plugin runs in one thread: build it for wasm32-wasip1, not wasm32-wasip1-threads",
        signs: &[Module("wasi")],
    },
    Origin {
        what: "a web service",
        whose: "a web server",
        advice: WRITE_A_PLUGIN,
        signs: &[Export("wasi:http/incoming-handler"), Export("wasi:http/handler")],
    },
    Origin {
        what: "a program",
        whose: "WASI",
        advice: "build it for the world of the contract cometbot:plugin, as a library (Rust: crate-type cdylib)",
        signs: &[Export("wasi:cli/run")],
    },
    Origin {
        what: "a WASI program",
        whose: "WASI",
        advice: "a plugin is a library: build it as a reactor (clang: -mexec-model=reactor; Go: -buildmode=c-shared; \
                 Rust: crate-type cdylib) and export `setup` and `handle`",
        signs: &[Export("_start")],
    },
    Origin { what: "a program", whose: "", advice: EXPORT_INSTEAD, signs: &[Export("main"), Export("_main")] },
];

impl Sign {
    fn is_import(&self, import: &Import) -> bool {
        match self {
            Module(module) => import.module == *module,
            Modules(beginning) => import.module.starts_with(beginning),
            Env(beginning) => import.module == "env" && import.name.starts_with(beginning),
            Export(_) => false,
        }
    }

    fn is_export(&self, name: &str) -> bool {
        let Export(expected) = self else { return false };
        let is_interface = expected.contains(':');
        name.strip_prefix(expected).is_some_and(|rest| rest.is_empty() || (is_interface && rest.starts_with('@')))
    }
}

/// What a file is that has no function of a plugin, if it can be told.
pub(super) struct Foreign {
    /// With its article.
    pub(super) what: &'static str,
    /// By what it was known.
    pub(super) sign: String,
    /// What to do.
    pub(super) advice: &'static str,
}

impl Foreign {
    pub(super) fn of(outline: &Outline) -> Option<Self> {
        ORIGINS.iter().find_map(|Origin { what, advice, signs, .. }| {
            let sign = signs.iter().find_map(|sign| {
                let import = outline.imports.iter().find(|import| sign.is_import(import));
                let export = outline.exports.iter().find(|export| sign.is_export(&export.name));
                let import = import.map(|import| format!("it imports {import}"));
                import.or_else(|| export.map(|export| format!("it exports `{}`", brief(&export.name))))
            })?;
            Some(Self { what, sign, advice })
        })
    }
}

/// Where an import that nobody gives comes from, and what to do: what follows `it imports …, which`.
pub(super) fn advice(import: &Import) -> Option<String> {
    let of_others = ORIGINS.iter().find(|origin| origin.signs.iter().any(|sign| sign.is_import(import)));
    if let Some(Origin { whose, advice, .. }) = of_others {
        return Some(format!("{whose} gives; {advice}"));
    }
    let advice = match (import.module.as_str(), import.name.as_str()) {
        ("wasi_unstable", _) => {
            "is WASI from before wasi_snapshot_preview1: build it with a newer tool, for wasm32-wasip1"
        }
        ("env", "abort") if import.has_params(4) => {
            "AssemblyScript calls when it gives up: build it with --use abort= and a function of yours, or with the kit"
        }
        ("env", "seed" | "trace" | "console.log" | "performance.now" | "Date.now") => {
            "AssemblyScript takes from JavaScript, and a plugin has none around it: build it with --use and a function \
             of yours, or do without"
        }
        ("GOT.mem" | "GOT.func", _) | ("env", "__memory_base" | "__table_base" | "__stack_pointer") => {
            "a dynamic library gets from whoever loads it: link it without -shared, -pie and -sSIDE_MODULE"
        }
        ("env", _) => {
            "is where linkers leave what they did not find: define it or link what has it; without --allow-undefined, \
             --import-undefined and -sERROR_ON_UNDEFINED_SYMBOLS=0 the linker says so itself"
        }
        _ => return None,
    };
    Some(advice.to_owned())
}
