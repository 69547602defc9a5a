//! Where a manifest stands in a file: in a custom section, at the top or, in a component, in a module inside.

use std::borrow::Cow;

use wasm_encoder::{CustomSection, Encode as _, Section as _};
use wasmparser::{Parser, Payload};

use super::ManifestError;

/// The section's name.
pub const SECTION: &str = "cometbot:manifest";

/// What every binary begins with.
const MAGIC: &[u8] = b"\0asm";
/// Before the sections: the magic, the version and the layer.
const HEAD_BYTES: usize = 8;

/// The content of the section; none if there is none. What is no whole binary has none: whoever compiles it says so.
///
/// # Errors
/// [`ManifestError::Several`].
pub(super) fn read(bytes: &[u8]) -> Result<Option<Vec<u8>>, ManifestError> {
    let binary = match bytes.starts_with(MAGIC) {
        true => Cow::Borrowed(bytes),
        false => match std::str::from_utf8(bytes).ok().and_then(|text| wat::parse_str(text).ok()) {
            Some(binary) => Cow::Owned(binary),
            None => return Ok(None),
        },
    };
    // Whoever built the file has the last word; what a compiler left inside counts without that.
    let (mut at_top, mut inside) = (Vec::new(), Vec::new());
    let mut depth = 0_u32;
    for payload in Parser::new(0).parse_all(&binary) {
        match payload {
            Ok(Payload::ModuleSection { .. } | Payload::ComponentSection { .. }) => depth += 1,
            Ok(Payload::End(_)) => depth = depth.saturating_sub(1),
            Ok(Payload::CustomSection(section)) if section.name() == SECTION => {
                if depth == 0 { &mut at_top } else { &mut inside }.push(section.data());
            }
            Ok(_) => {}
            Err(_) => return Ok(None),
        }
    }
    let mut found = if at_top.is_empty() { inside } else { at_top };
    found.dedup();
    match found.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(one.to_vec())),
        _ => Err(ManifestError::Several),
    }
}

/// The same binary with this manifest, in place of the one that it has at its top. Whatever cannot be read stays as it is.
#[must_use]
pub fn with_manifest(binary: &[u8], manifest: &[u8]) -> Vec<u8> {
    let mut with = without_manifest(binary).unwrap_or_else(|| binary.to_vec());
    let section = CustomSection { name: SECTION.into(), data: manifest.into() };
    with.push(section.id());
    section.encode(&mut with);
    with
}

fn without_manifest(binary: &[u8]) -> Option<Vec<u8>> {
    let mut without = binary.get(..HEAD_BYTES)?.to_vec();
    let mut depth = 0_u32;
    let mut from = HEAD_BYTES;
    for payload in Parser::new(0).parse_all(binary) {
        match payload.ok()? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::CustomSection(section) if depth == 0 && section.name() == SECTION => {
                let (start, end) = whole(binary, &section)?;
                without.extend_from_slice(binary.get(from..start)?);
                from = end;
            }
            _ => {}
        }
    }
    without.extend_from_slice(binary.get(from..)?);
    Some(without)
}

/// Where a custom section begins, with its number and its length, and where it ends.
fn whole(binary: &[u8], section: &wasmparser::CustomSectionReader<'_>) -> Option<(usize, usize)> {
    let range = section.range();
    // The reader tells of what follows the length, whose own length is one to five bytes.
    let length = u32::try_from(range.len()).ok()?;
    let lengths = 1..=5_usize;
    let start = lengths.filter_map(|bytes| range.start.checked_sub(bytes + 1)).find(|start| {
        let head = binary.get(*start..range.start).unwrap_or_default();
        let mut reader = wasmparser::BinaryReader::new(head, 0);
        reader.read_u8().is_ok_and(|id| id == 0)
            && reader.read_var_u32().is_ok_and(|read| read == length)
            && reader.eof()
    })?;
    Some((start, range.end))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use proptest::prelude::*;

    use super::*;

    fn of(text: &str) -> Result<Option<Vec<u8>>, ManifestError> {
        let binary = wat::parse_str(text).unwrap();
        assert_eq!(read(text.as_bytes()), read(&binary), "as text and as a binary");
        read(&binary)
    }

    #[test]
    fn a_manifest_is_found_in_a_module_and_in_a_component_and_the_outermost_counts() {
        let manifest = |text: &str| of(text).unwrap().map(|json| String::from_utf8(json).unwrap());
        assert_eq!(manifest("(module)"), None);
        assert_eq!(manifest(r#"(module (@custom "cometbot:manifest" "a"))"#).as_deref(), Some("a"));
        let inside = r#"(component (core module (@custom "cometbot:manifest" "b")))"#;
        assert_eq!(manifest(inside).as_deref(), Some("b"));
        let both = r#"(component (core module (@custom "cometbot:manifest" "b")) (@custom "cometbot:manifest" "c"))"#;
        assert_eq!(manifest(both).as_deref(), Some("c"));
        let several = r#"(module (@custom "cometbot:manifest" "a") (@custom "cometbot:manifest" "b"))"#;
        assert_eq!(of(several), Err(ManifestError::Several));
    }

    #[test]
    fn a_manifest_takes_the_place_of_an_older_one_and_nothing_else_changes() {
        for text in [
            r#"(module (@custom "cometbot:manifest" "old") (func (export "f")) (@custom "kept" "abc"))"#,
            r#"(component (@custom "cometbot:manifest" "old") (core module (func)) (@custom "kept" "abc"))"#,
        ] {
            let (old, bare) =
                (wat::parse_str(text).unwrap(), text.replace(r#"(@custom "cometbot:manifest" "old")"#, ""));
            assert_eq!(without_manifest(&old).unwrap(), wat::parse_str(bare).unwrap());
            let new = with_manifest(&old, b"new");
            assert_eq!(read(&new).unwrap().as_deref(), Some(b"new".as_slice()));
            assert_eq!(with_manifest(&new, b"new"), new, "once more changes nothing");
            wasmparser::Validator::new().validate_all(&new).unwrap();
            let long = with_manifest(&old, &[b'x'; 300]);
            assert_eq!(with_manifest(&long, b"new"), new);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_have_a_manifest_or_none(bytes in any::<Vec<u8>>()) {
            let module = [b"\0asm\x01\0\0\0".as_slice(), &bytes].concat();
            for bytes in [bytes, module] {
                let _ = read(&bytes);
                let _ = with_manifest(&bytes, b"x");
            }
        }
    }
}
