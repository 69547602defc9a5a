//! What is generated from the contract and kept is what would be generated now.

use std::{fs, path::Path};

use wit_bindgen_core::Files;

/// The bindings for C: `UPDATE_BINDINGS=1` writes them anew.
#[test]
fn the_bindings_for_c_are_those_of_the_contract() {
    let kits = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugin-sdk");
    let mut resolve = wit_parser::Resolve::default();
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
        assert!(kept == generated, "{name} is out of date: UPDATE_BINDINGS=1 cargo test --test conformance bindings");
    }
}
