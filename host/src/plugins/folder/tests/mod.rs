#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::{fs, time::SystemTime};

use super::{Change, Folder, state::Stamp, *};

mod properties;
mod replacing;
mod settling;

fn present(name: &str, path: PathBuf) -> Change {
    Change::Present { name: name.into(), path }
}

fn removed(name: &str) -> Change {
    Change::Removed { name: name.into() }
}

/// The state of a made-up file: another number of bytes, inode or change is another state.
fn state(bytes: u64, inode: u64, change: i64) -> State {
    State::File(Stamp { bytes, modified: None, inode: Some((0, inode)), changed: (change, 0), link: None })
}

#[test]
fn files_that_come_change_and_go_are_seen_once_each() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("karma.wasm");
    let mut folder = Folder::new(directory.path());
    assert_eq!(folder.look().unwrap(), []);
    fs::write(&file, "1").unwrap();
    assert_eq!(folder.look().unwrap(), [present("karma", file.clone())]);
    assert_eq!(folder.look().unwrap(), []);
    fs::write(&file, "longer").unwrap();
    assert_eq!(folder.look().unwrap(), [present("karma", file.clone())]);
    fs::remove_file(&file).unwrap();
    assert_eq!(folder.look().unwrap(), [removed("karma")]);
}

#[test]
fn only_plugins_are_taken_and_what_is_left_out_is_named() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["README.md", ".karma.wasm", "kar ma.wasm", "echo.wat", "echo.wasm"] {
        fs::write(directory.path().join(name), "").unwrap();
    }
    fs::create_dir(directory.path().join("folder.wasm")).unwrap();
    let changes = Folder::new(directory.path()).look().unwrap();
    let taken: Vec<_> = changes.iter().filter(|change| matches!(change, Change::Present { .. })).collect();
    assert_eq!(taken, [&present("echo", directory.path().join("echo.wasm"))]);
    let ignored = changes.iter().filter(|change| matches!(change, Change::Ignored { .. })).count();
    assert_eq!(ignored, 2, "{changes:?}");
}

#[test]
fn a_folder_that_is_away_for_a_moment_removes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let (here, away) = (directory.path().join("plugins"), directory.path().join("away"));
    fs::create_dir(&here).unwrap();
    fs::write(here.join("karma.wasm"), "1").unwrap();
    let mut folder = Folder::new(&here);
    folder.look().unwrap();
    fs::rename(&here, &away).unwrap();
    assert!(folder.look().is_err());
    let now = Instant::now();
    folder.stir(here.join("karma.wasm"), Stir { at: now, word: Word::Gone });
    assert!(folder.look_for_settled(now).is_err());
    assert_eq!(folder.due(), None, "there is nothing to look at");
    fs::rename(&away, &here).unwrap();
    assert_eq!(folder.look_for_settled(now + Duration::from_secs(60)).unwrap(), []);
    assert_eq!(folder.look_for_settled(folder.due().unwrap()).unwrap(), [present("karma", here.join("karma.wasm"))]);
    assert_eq!(folder.look().unwrap(), []);
}

#[test]
fn a_folder_that_comes_back_empty_may_be_filled_before_anything_is_removed() {
    let directory = tempfile::tempdir().unwrap();
    let (here, file) = (directory.path().join("plugins"), directory.path().join("plugins/karma.wasm"));
    fs::create_dir(&here).unwrap();
    fs::write(&file, "1").unwrap();
    let mut folder = Folder::new(&here);
    folder.look().unwrap();
    fs::remove_dir_all(&here).unwrap();
    let gone_at = Instant::now();
    folder.stir(file.clone(), Stir { at: gone_at, word: Word::Gone });
    assert!(folder.look_for_settled(gone_at).is_err());
    fs::create_dir(&here).unwrap();
    let back_at = gone_at + Duration::from_secs(60);
    assert_eq!(folder.look_for_settled(back_at).unwrap(), []);
    fs::write(&file, "2").unwrap();
    folder.stir(file.clone(), Stir { at: back_at, word: Word::Whole });
    assert_eq!(folder.look_for_settled(folder.due().unwrap()).unwrap(), [present("karma", file)]);
}

#[cfg(unix)]
#[test]
fn a_file_of_which_nothing_can_be_known_is_not_gone() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("karma.wasm");
    fs::write(&file, "1").unwrap();
    let mut folder = Folder::new(directory.path());
    folder.look().unwrap();
    fs::remove_file(&file).unwrap();
    std::os::unix::fs::symlink(&file, &file).unwrap();
    // Whoever tries to read it says what the matter is.
    assert_eq!(folder.look().unwrap(), [present("karma", file.clone())]);
    assert_eq!(folder.look().unwrap(), []);
    // A link to nothing is gone.
    fs::remove_file(&file).unwrap();
    std::os::unix::fs::symlink("nowhere", &file).unwrap();
    assert_eq!(folder.look().unwrap(), [removed("karma")]);
}

#[test]
fn the_other_file_of_the_same_name_takes_over_when_the_first_is_gone_for_good() {
    let directory = tempfile::tempdir().unwrap();
    let (binary, text) = (directory.path().join("karma.wasm"), directory.path().join("karma.wat"));
    fs::write(&binary, "1").unwrap();
    fs::write(&text, "1").unwrap();
    let mut folder = Folder::new(directory.path());
    folder.look().unwrap();
    fs::remove_file(&binary).unwrap();
    let now = Instant::now();
    assert_eq!(folder.look_for_settled(now).unwrap(), [], "it may come back");
    assert_eq!(folder.look_for_settled(folder.due().unwrap()).unwrap(), [present("karma", text)]);
}
