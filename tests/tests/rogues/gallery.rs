//! The files of the gallery.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("rogues")
}

/// The text of a rogue.
pub fn text(name: &str) -> Vec<u8> {
    let path = folder().join(format!("{name}.wat"));
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All that ends in `ending` in a folder, without that.
fn names(folder: &Path, ending: &str) -> BTreeSet<String> {
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    files.filter_map(|file| file.strip_suffix(ending).map(str::to_owned)).collect()
}

#[test]
fn each_rogue_has_a_test_and_a_line_in_the_readme() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rogues");
    let tests: String =
        names(&here, ".rs").iter().map(|file| fs::read_to_string(here.join(format!("{file}.rs"))).unwrap()).collect();
    let readme = fs::read_to_string(folder().join("README.md")).unwrap();
    let rogues = names(&folder(), ".wat");
    assert!(!rogues.is_empty());
    for rogue in rogues {
        assert!(tests.contains(&format!("\"{rogue}\"")), "no test is about {rogue}");
        assert!(readme.contains(&format!("| `{rogue}.wat` |")), "README.md has no line for {rogue}");
        let text = String::from_utf8(text(&rogue)).unwrap();
        assert!(text.starts_with(";; ") && text.contains(";; Must happen: "), "{rogue} does not say what it is for");
    }
}
