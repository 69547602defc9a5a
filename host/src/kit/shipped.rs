//! The files of `plugin-sdk`, as the binary carries them: kits and templates.

/// A file's path below `plugin-sdk`, with `/` between its parts, and what is in it.
pub(super) type File = (&'static str, &'static [u8]);

const FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/shipped.rs"));

/// The files below a folder, each with its path from there.
pub(super) fn below(folder: &str) -> impl Iterator<Item = File> {
    FILES.iter().filter_map(move |(path, bytes)| {
        let rest = path.strip_prefix(folder)?.strip_prefix('/')?;
        Some((rest, *bytes))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kit::language::Language;

    #[test]
    fn every_language_has_a_kit_and_a_template_with_its_recipe_and_source() {
        for language in Language::ALL {
            for file in [language.recipe(), language.source(), "README.md"] {
                let mut files = language.templates().iter().flat_map(|template| below(template));
                assert!(files.any(|(path, _)| path == file), "the template for {language} has no {file}");
            }
            for kit in language.kit() {
                assert!(below(kit).next().is_some(), "plugin-sdk/{kit} is empty");
            }
        }
    }

    #[test]
    fn nothing_is_shipped_that_a_tool_left_behind() {
        for (path, _) in FILES {
            let is_leftover =
                ["__pycache__", "node_modules", ".zig-cache", "target/"].iter().any(|part| path.contains(part));
            assert!(!is_leftover, "{path}");
        }
    }
}
