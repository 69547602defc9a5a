//! Every way of replacing a file, in real folders.

#![cfg(unix)]

use std::{
    fs::{File, OpenOptions},
    io::Write as _,
    os::unix::fs::{PermissionsExt as _, symlink},
};

use notify::RecursiveMode;
use tempfile::TempDir;
use tokio::time::timeout;

use super::*;

/// For what comes at once. Only a test that fails waits so long.
const ENOUGH: Duration = Duration::from_secs(20);

/// A plugin folder that is followed, with what a reader of the files that are reported knows.
struct Scene {
    directory: TempDir,
    watch: Watch,
    read: BTreeMap<String, String>,
}

impl Scene {
    /// With a file `karma.wasm` with the content `old`, beside whatever `prepare` makes.
    fn new(prepare: impl FnOnce(&Path)) -> Self {
        Self::watched_by(prepare, Watch::start)
    }

    fn watched_by(prepare: impl FnOnce(&Path), watch: impl FnOnce(Folder) -> Watch) -> Self {
        let directory = TempDir::new().unwrap();
        prepare(directory.path());
        let plugins = directory.path().join("plugins");
        if !plugins.exists() {
            fs::create_dir(&plugins).unwrap();
        }
        if !plugins.join("karma.wasm").exists() {
            fs::write(plugins.join("karma.wasm"), "old").unwrap();
        }
        let mut folder = Folder::new(&plugins);
        let changes = folder.look().unwrap();
        let mut scene = Self { directory, watch: watch(folder), read: BTreeMap::new() };
        scene.take_in(changes);
        assert_eq!(scene.read["karma"], "old");
        scene
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn plugin(&self, name: &str) -> PathBuf {
        self.path("plugins").join(name)
    }

    fn karma(&self) -> PathBuf {
        self.plugin("karma.wasm")
    }

    async fn changes(&mut self) -> Vec<Change> {
        timeout(ENOUGH, self.watch.changes()).await.expect("nothing was reported")
    }

    fn take_in(&mut self, changes: Vec<Change>) {
        for change in changes {
            match change {
                Change::Present { name, path } => {
                    self.read.insert(name, fs::read_to_string(path).unwrap_or_default());
                }
                other => panic!("{other:?}"),
            }
        }
    }

    /// Waits until a plugin's file has been reported with this content, and nothing as removed meanwhile.
    async fn is_read(&mut self, name: &str, content: &str) {
        while self.read.get(name).is_none_or(|read| read != content) {
            let changes = self.changes().await;
            self.take_in(changes);
        }
    }

    /// Waits for the next report, which is of karma.
    async fn is_reported_again(&mut self) {
        assert_eq!(self.changes().await, [present("karma", self.karma())]);
    }
}

#[tokio::test]
async fn a_file_that_is_renamed_over_it() {
    let mut scene = Scene::new(|_| {});
    fs::write(scene.plugin(".karma.new"), "new").unwrap();
    fs::rename(scene.plugin(".karma.new"), scene.karma()).unwrap();
    scene.is_read("karma", "new").await;
}

#[tokio::test]
async fn a_file_that_is_copied_over_it() {
    let mut scene = Scene::new(|_| {});
    fs::write(scene.path("source"), "new").unwrap();
    fs::copy(scene.path("source"), scene.karma()).unwrap();
    scene.is_read("karma", "new").await;
}

#[tokio::test]
async fn an_editor_that_moves_the_old_file_away_first() {
    let mut scene = Scene::new(|_| {});
    fs::rename(scene.karma(), scene.plugin("karma.wasm~")).unwrap();
    fs::write(scene.karma(), "new").unwrap();
    scene.is_read("karma", "new").await;
}

#[tokio::test]
async fn a_file_that_is_deleted_and_made_anew() {
    let mut scene = Scene::new(|_| {});
    fs::remove_file(scene.karma()).unwrap();
    fs::write(scene.karma(), "new").unwrap();
    scene.is_read("karma", "new").await;
}

#[tokio::test]
async fn a_file_that_is_deleted_is_removed() {
    let mut scene = Scene::new(|_| {});
    fs::remove_file(scene.karma()).unwrap();
    assert_eq!(scene.changes().await, [removed("karma")]);
}

#[tokio::test]
async fn a_plugin_with_a_new_name_never_runs_twice() {
    let mut scene = Scene::new(|_| {});
    fs::rename(scene.karma(), scene.plugin("echo.wasm")).unwrap();
    assert_eq!(scene.changes().await, [removed("karma"), present("echo", scene.plugin("echo.wasm"))]);
}

#[tokio::test]
async fn a_hard_link_to_a_file() {
    let mut scene = Scene::new(|_| {});
    fs::write(scene.path("built"), "new").unwrap();
    fs::hard_link(scene.path("built"), scene.plugin("echo.wasm")).unwrap();
    scene.is_read("echo", "new").await;
    // Written through the other name, of which this folder's watch hears nothing.
    fs::write(scene.path("built"), "newer").unwrap();
    scene.is_read("echo", "newer").await;
}

#[tokio::test]
async fn a_link_that_leads_to_another_file_now() {
    let mut scene = Scene::new(|directory| {
        fs::create_dir(directory.join("plugins")).unwrap();
        fs::write(directory.join("version1"), "old").unwrap();
        symlink("../version1", directory.join("plugins/karma.wasm")).unwrap();
    });
    fs::write(scene.path("version2"), "new").unwrap();
    symlink("../version2", scene.plugin("temporary")).unwrap();
    fs::rename(scene.plugin("temporary"), scene.karma()).unwrap();
    scene.is_read("karma", "new").await;
    // And the file that it leads to is replaced.
    fs::write(scene.path("version2"), "newer").unwrap();
    scene.is_read("karma", "newer").await;
}

#[tokio::test]
async fn a_folder_with_the_files_that_is_switched_by_a_link_inside() {
    let mut scene = Scene::new(|directory| {
        for (folder, content) in [("..1", "old"), ("..2", "new")] {
            fs::create_dir_all(directory.join("plugins").join(folder)).unwrap();
            fs::write(directory.join("plugins").join(folder).join("karma.wasm"), content).unwrap();
        }
        symlink("..1", directory.join("plugins/..data")).unwrap();
        symlink("..data/karma.wasm", directory.join("plugins/karma.wasm")).unwrap();
    });
    symlink("..2", scene.plugin("..data_tmp")).unwrap();
    fs::rename(scene.plugin("..data_tmp"), scene.plugin("..data")).unwrap();
    scene.is_read("karma", "new").await;
}

#[tokio::test]
async fn a_plugin_folder_that_is_a_link_and_leads_elsewhere_now() {
    let mut scene = Scene::new(|directory| {
        for (folder, content) in [("release1", "old"), ("release2", "new")] {
            fs::create_dir(directory.join(folder)).unwrap();
            fs::write(directory.join(folder).join("karma.wasm"), content).unwrap();
        }
        symlink("release1", directory.join("plugins")).unwrap();
    });
    symlink("release2", scene.path("temporary")).unwrap();
    fs::rename(scene.path("temporary"), scene.path("plugins")).unwrap();
    scene.is_read("karma", "new").await;
    fs::write(scene.path("release2/karma.wasm"), "newer").unwrap();
    scene.is_read("karma", "newer").await;
}

#[tokio::test]
async fn a_plugin_folder_that_is_away_for_a_while() {
    let mut scene = Scene::new(|_| {});
    fs::rename(scene.path("plugins"), scene.path("away")).unwrap();
    // Looked into at least once while it is away.
    timeout(Duration::from_millis(2_500), scene.watch.changes()).await.unwrap_err();
    fs::create_dir(scene.path("plugins")).unwrap();
    fs::write(scene.karma(), "new").unwrap();
    scene.is_read("karma", "new").await;
    fs::write(scene.plugin("echo.wasm"), "new").unwrap();
    scene.is_read("echo", "new").await;
}

#[tokio::test]
async fn a_plugin_folder_that_is_deleted_and_made_anew() {
    let mut scene = Scene::new(|_| {});
    fs::remove_dir_all(scene.path("plugins")).unwrap();
    fs::create_dir(scene.path("plugins")).unwrap();
    fs::write(scene.karma(), "new").unwrap();
    scene.is_read("karma", "new").await;
}

#[tokio::test]
async fn a_file_that_is_written_with_a_long_pause_is_reported_when_it_is_whole() {
    let mut scene = Scene::new(|_| {});
    let mut file = File::create(scene.karma()).unwrap();
    file.write_all(b"half").unwrap();
    // After a second: nobody knows whether there comes more.
    scene.is_read("karma", "half").await;
    file.write_all(b" and half").unwrap();
    drop(file);
    scene.is_read("karma", "half and half").await;
}

#[tokio::test]
async fn a_file_that_is_being_written_holds_up_no_other() {
    let mut scene = Scene::new(|_| {});
    let mut file = File::create(scene.karma()).unwrap();
    file.write_all(b"half").unwrap();
    fs::write(scene.plugin("echo.wasm"), "new").unwrap();
    assert_eq!(scene.changes().await, [present("echo", scene.plugin("echo.wasm"))]);
    drop(file);
    scene.is_read("karma", "half").await;
}

#[tokio::test]
async fn the_same_content_a_touch_and_another_mode_are_reported() {
    let mut scene = Scene::new(|_| {});
    fs::write(scene.karma(), "old").unwrap();
    scene.is_reported_again().await;
    let file = OpenOptions::new().append(true).open(scene.karma()).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    drop(file);
    scene.is_reported_again().await;
    fs::set_permissions(scene.karma(), fs::Permissions::from_mode(0o600)).unwrap();
    scene.is_reported_again().await;
}

#[tokio::test]
async fn a_file_of_the_same_length_and_time_is_reported() {
    let mut scene = Scene::new(|_| {});
    let modified = fs::metadata(scene.karma()).unwrap().modified().unwrap();
    let mut file = OpenOptions::new().write(true).open(scene.karma()).unwrap();
    file.write_all(b"new").unwrap();
    file.set_modified(modified).unwrap();
    drop(file);
    scene.is_read("karma", "new").await;
}

#[tokio::test]
async fn a_caller_that_breaks_off_loses_nothing() {
    let mut scene = Scene::new(|_| {});
    for number in 0..20 {
        let content = format!("version {number}");
        fs::write(scene.karma(), &content).unwrap();
        while scene.read["karma"] != content {
            if let Ok(changes) = timeout(Duration::from_millis(1), scene.watch.changes()).await {
                scene.take_in(changes);
            }
        }
    }
}

#[tokio::test]
async fn a_look_that_does_not_wait_gives_what_has_not_settled() {
    let mut scene = Scene::new(|_| {});
    let mut file = File::create(scene.karma()).unwrap();
    file.write_all(b"half").unwrap();
    let echo = scene.plugin("echo.wasm");
    fs::write(&echo, "new").unwrap();
    assert_eq!(scene.watch.look_now().unwrap(), [present("echo", echo), present("karma", scene.karma())]);
    drop(file);
    // The end of the write is reported, whatever was before.
    scene.is_read("karma", "half").await;
    fs::remove_file(scene.karma()).unwrap();
    assert_eq!(scene.watch.look_now().unwrap(), [removed("karma")]);
    fs::remove_dir_all(scene.path("plugins")).unwrap();
    assert!(scene.watch.look_now().is_err());
}

#[tokio::test]
async fn a_file_that_could_not_be_read_is_reported_again() {
    let mut scene = Scene::new(|_| {});
    scene.watch.try_again("karma");
    scene.is_reported_again().await;
}

#[tokio::test]
async fn a_file_system_that_reports_nothing_is_looked_at() {
    let elsewhere = TempDir::new().unwrap();
    let silent = |folder| {
        Watch::with(
            folder,
            crate::watch::Watch::start_or_poll(elsewhere.path(), RecursiveMode::NonRecursive, |_, _| true),
        )
    };
    let mut scene = Scene::watched_by(|_| {}, silent);
    for content in ["new", "newer"] {
        fs::write(scene.karma(), content).unwrap();
        scene.is_read("karma", content).await;
    }
    fs::remove_file(scene.karma()).unwrap();
    assert_eq!(scene.changes().await, [removed("karma")]);
}
