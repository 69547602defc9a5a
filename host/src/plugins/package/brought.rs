//! Looks into the component types that a module brings, before the tools do that take them for well-formed: what goes
//! round in a circle there would end the whole process, and not only the plugin.

use std::collections::{HashMap, HashSet};

use wasmparser::{BinaryReader, Parser, Payload};
use wit_parser::{
    PackageId, Resolve,
    decoding::{decode, decode_world},
};

use super::{error::EncodeError, outline::TYPE_SECTION};

/// How many packages a component type may name: WASI in whole has some twenty. The tools walk them by recursion.
const PACKAGES: usize = 256;
/// The first byte of a component type of 2023, which has a name before it.
const OF_2023: u8 = 3;

/// Looks at each of a module's component types.
///
/// # Errors
/// If one of them cannot be read, or is none.
pub(super) fn check(module: &[u8]) -> Result<(), EncodeError> {
    for payload in Parser::new(0).parse_all(module) {
        let Payload::CustomSection(section) = payload.map_err(EncodeError::damaged)? else { continue };
        if section.name().starts_with(TYPE_SECTION) {
            check_packages(&read(section.data())?)?;
        }
    }
    Ok(())
}

fn read(section: &[u8]) -> Result<Resolve, EncodeError> {
    if section.first() != Some(&OF_2023) {
        return Ok(decode_world(section).map_err(EncodeError::contract)?.0);
    }
    let mut reader = BinaryReader::new(section, 0);
    let skip = |reader: &mut BinaryReader<'_>| {
        reader.read_u8()?;
        reader.read_u8()?;
        reader.read_string().map(drop)
    };
    skip(&mut reader).map_err(EncodeError::damaged)?;
    let package = section.get(reader.original_position()..).unwrap_or_default();
    Ok(decode(package).map_err(EncodeError::contract)?.resolve().clone())
}

/// Makes sure that packages use each other in one direction only.
///
/// # Errors
/// If two use each other, or there are too many.
pub(super) fn check_packages(resolve: &Resolve) -> Result<(), EncodeError> {
    let damaged = |what: &str| Err(EncodeError::Damaged(format!("in its component type {what}")));
    if resolve.packages.len() > PACKAGES {
        return damaged(&format!("there are more than {PACKAGES} packages"));
    }
    let mut uses: HashMap<PackageId, HashSet<PackageId>> =
        resolve.packages.iter().map(|(id, _)| (id, resolve.package_direct_deps(id).collect())).collect();
    // Takes away what uses nothing that is left, until nothing is left.
    while !uses.is_empty() {
        let before = uses.len();
        let left: HashSet<PackageId> = uses.keys().copied().collect();
        uses.retain(|_, used| used.iter().any(|used| left.contains(used)));
        if uses.len() == before {
            return damaged("packages use each other in a circle");
        }
    }
    Ok(())
}
