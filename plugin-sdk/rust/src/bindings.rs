//! The contract of `plugin-sdk/wit` as Rust, generated. Not for plugins: they use what the crate's root has.
//!
//! A module of its own, because the macro that it exports also lands in the crate's root and would clash there.

#![allow(unsafe_code, reason = "calls across the border of WebAssembly; all of it is generated")]
#![allow(missing_docs, unreachable_pub, clippy::indexing_slicing, clippy::all, reason = "generated")]

wit_bindgen::generate!({
    path: "../wit",
    world: "stateful",
    generate_all,
    additional_derives: [PartialEq, Eq],
    pub_export_macro: true,
    export_macro_name: "export_plugin",
    default_bindings_module: "cometbot_plugin::bindings",
});
