//! Leaves out of a plugin what debuggers read. It is many times the code, the bot has no use for it, and the functions'
//! names, which a backtrace is read by, are in a section of their own.

use std::borrow::Cow;

use wasmparser::BinaryReader;

/// What begins the names of such sections.
const DEBUG: &str = ".debug_";
/// Magic, version and layer: those of a core module.
const MODULE: &[u8] = b"\0asm\x01\0\0\0";
const CUSTOM: u8 = 0;

/// The same plugin without them. Only a core module has them at its top; whatever cannot be read stays as it is.
pub(super) fn slim(plugin: &[u8]) -> Cow<'_, [u8]> {
    match without_debug(plugin) {
        Some(slim) if slim.len() < plugin.len() => Cow::Owned(slim),
        _ => Cow::Borrowed(plugin),
    }
}

fn without_debug(plugin: &[u8]) -> Option<Vec<u8>> {
    let mut slim = MODULE.to_vec();
    let mut sections = BinaryReader::new(plugin.strip_prefix(MODULE)?, MODULE.len());
    while !sections.eof() {
        let start = sections.original_position();
        let id = sections.read_u8().ok()?;
        let length = usize::try_from(sections.read_var_u32().ok()?).ok()?;
        let content = sections.read_bytes(length).ok()?;
        let is_debug =
            id == CUSTOM && BinaryReader::new(content, 0).read_string().is_ok_and(|name| name.starts_with(DEBUG));
        if !is_debug {
            slim.extend_from_slice(plugin.get(start..sections.original_position())?);
        }
    }
    Some(slim)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_debuggers_read_goes_and_everything_else_stays() {
        let with = r#"(module (func $named (export "f")) (@custom ".debug_info" "xyz") (@custom "kept" "abc"))"#;
        let without = r#"(module (func $named (export "f")) (@custom "kept" "abc"))"#;
        let (with, without) = (wat::parse_str(with).unwrap(), wat::parse_str(without).unwrap());
        assert_eq!(slim(&with), without);
        assert!(matches!(slim(&without), Cow::Borrowed(_)));
    }

    proptest! {
        #[test]
        fn whatever_is_no_module_stays_as_it_is(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            prop_assert_eq!(&*slim(&bytes), &*bytes);
            let module = [MODULE, &bytes].concat();
            prop_assert!(slim(&module).len() <= module.len());
        }
    }
}
