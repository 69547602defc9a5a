//! The bot is a guest on the machine: a user without rights is enough for it, and what it leaves there is its own.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use cometbot_tests::{Client, Comet, Home, Plugin};

/// Everything in a folder, at any depth, and the folder.
fn everything_in(folder: &Path) -> Vec<PathBuf> {
    let inside = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let inside = inside.flat_map(|path| if path.is_dir() { everything_in(&path) } else { vec![path] });
    inside.chain([folder.to_owned()]).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_the_bot_makes_are_its_users_alone_whatever_the_umask() {
    let comet = Comet::start().await;
    let failing = Plugin::new().hears("web_chat", ["msg"]).sends("web_chat").handle("unreachable");
    let home = Home::at(&comet)
        .set("service", "outbox = \"disk\"")
        .set("defaults", "probation-events = 0\nretries = 0")
        .plugin("failing.wat", failing.text())
        .plugin("echo.wat", Plugin::answering("web_chat", "answer").text());
    let bot = home.start_behind("umask 000");
    bot.wait_until_it_says("live: events reach the plugins").await;
    let mut client = Client::join(&comet, ["web_chat"]).await;
    client.send("web_chat", "msg", "hello");
    assert_eq!(client.next_lines(1).await, ["answer hello"]);
    bot.failed("failing").await;
    let kept = home.path().join("state/quarantine/failing");
    assert!(home.run(["quarantine", "list"]).await.out.contains("failing") && kept.exists());
    let made: Vec<PathBuf> =
        ["state", "outbox"].iter().flat_map(|name| everything_in(&home.path().join(name))).collect();
    assert!(made.len() > 8, "{made:?}");
    for path in made {
        // A file that was there for a moment only is no file that stays.
        let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
        let mode = metadata.permissions().mode() & 0o777;
        assert_eq!(mode & 0o077, 0, "{} has the mode {mode:o}", path.display());
    }
    assert_eq!(bot.stop().await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bot_that_runs_as_root_says_that_it_should_not() {
    let comet = Comet::start().await;
    let home = Home::at(&comet);
    let bot = home.live().await;
    let is_root = rustix::process::geteuid().is_root();
    assert_eq!(
        bot.lines(|line| line.is("WARN") && line.says("run it as a user of its own")).len(),
        usize::from(is_root)
    );
    assert_eq!(bot.stop().await.code, Some(0));
}
