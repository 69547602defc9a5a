//! What is generated from the contract and kept is what would be generated now.

//!
//! A crate of the plugins' workspace, which has the generators anyway: in the bot's they would have its largest
//! dependencies built twice.
#![cfg(test)]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::{fs, path::Path};

use wit_bindgen_core::{
    Files,
    wit_parser::{Resolve, Type, WorldId, WorldItem},
};

/// The bindings for C: `UPDATE_BINDINGS=1` writes them anew.
#[test]
fn the_bindings_for_c_are_those_of_the_contract() {
    let kits = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugin-sdk");
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(kits.join("wit")).unwrap();
    let world = resolve.select_world(&[package], Some("stateful")).unwrap();
    share_results(&mut resolve, world);
    let mut files = Files::default();
    // The world of those that save and restore; by the shorter name, since every plugin in C is of it.
    let rename_world = Some("plugin".to_owned());
    let options = wit_bindgen_c::Opts { no_object_file: true, rename_world, ..Default::default() };
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

/// Lets the functions of a world share the types of their results. The generator names a type by what it is, and so would
/// make one twice of which an included world has its own.
fn share_results(resolve: &mut Resolve, world: WorldId) {
    let mut known = Vec::new();
    for export in resolve.worlds[world].exports.values_mut() {
        let WorldItem::Function(function) = export else { continue };
        let Some(Type::Id(result)) = &mut function.result else { continue };
        let kind = &resolve.types[*result].kind;
        match known.iter().find(|(_, same)| *same == kind) {
            Some((first, _)) => *result = *first,
            None => known.push((*result, kind)),
        }
    }
}
