//! What is generated from the contract and kept is what would be generated now.

//!
//! A crate of the plugins' workspace, which has the generators anyway: in the bot's they would have its largest
//! dependencies built twice.
#![cfg(test)]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::{fs, path::Path};

use wit_bindgen_core::Files;

/// The bindings for C: `UPDATE_BINDINGS=1` writes them anew.
#[test]
fn the_bindings_for_c_are_those_of_the_contract() {
    let kits = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugin-sdk");
    let mut resolve = wit_bindgen_core::wit_parser::Resolve::default();
    let (package, _) = resolve.push_dir(kits.join("wit")).unwrap();
    let world = resolve.select_world(&[package], Some("plugin")).unwrap();
    let mut files = Files::default();
    let options = wit_bindgen_c::Opts { no_object_file: true, ..Default::default() };
    options.build().generate(&mut resolve, world, &mut files).unwrap();
    let folder = kits.join("c/generated");
    assert_eq!(files.iter().count(), fs::read_dir(&folder).unwrap().count());
    for (name, generated) in files.iter() {
        let path = folder.join(name);
        if std::env::var_os("UPDATE_BINDINGS").is_some() {
            fs::write(&path, generated).unwrap();
        }
        let kept = fs::read(&path).unwrap();
        assert!(kept == generated, "{name} is out of date: cd plugins && UPDATE_BINDINGS=1 cargo test -p bindings");
    }
}
