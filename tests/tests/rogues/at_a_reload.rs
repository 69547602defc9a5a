//! Those that wait for a new version, or are one.

use cometbot_tests::Plugin;

use crate::scene::{PIPE, Scene, at_best};

const TRAP: &str = "it trapped: wasm trap: wasm `unreachable` instruction executed";

/// A version that does nothing wrong, carries its memory over, and answers what it hears.
fn tame() -> Vec<u8> {
    let answer =
        r#"(call $send (local.get $pipe) (local.get $pipe_bytes) "tame" (local.get $data) (local.get $data_bytes))"#;
    let plugin = Plugin::new().hears(PIPE, []).sends(PIPE).handle(answer);
    plugin.state("(i32.const 0x1f0) (i32.const 8)", "").text().into_bytes()
}

/// The rogue waits for a version that does nothing wrong: it does not take over, and the log says why.
async fn replaced(name: &'static str, words: &str) {
    at_best(async || {
        let scene = Scene::open(name).await;
        scene.enters();
        scene.starts().await;
        scene.puts("wat", &tame());
        let line = scene.says("the new file does not run, the old version goes on").await;
        assert!(line.says(words), "`{words}` is not in: {}", line.raw);

        scene.ends().await
    })
    .await;
}

/// The rogue comes in the place of a version that does nothing wrong, which goes on, and the log says why.
async fn replacing(name: &'static str, words: &str) {
    at_best(async || {
        let mut scene = Scene::open(name).await;
        scene.puts("wat", &tame());
        scene.starts().await;
        scene.hears(1);
        assert_eq!(scene.client.next_lines(1).await, ["tame go"]);
        scene.enters();
        let line = scene.says("the new file does not run, the old version goes on").await;
        assert!(line.says(words), "`{words}` is not in: {}", line.raw);
        scene.hears(1);
        assert_eq!(scene.client.next_lines(1).await, ["tame go"]);

        scene.ends().await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loop_in_save() {
    replaced("loop_in_save", "`save` failed: it ran longer than 1000 ms and was stopped").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trap_in_save() {
    replaced("trap_in_save", &format!("`save` failed: {TRAP}")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trap_in_restore() {
    replacing("trap_in_restore", &format!("its `restore` failed: {TRAP}")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_version_whose_start_never_ends() {
    replacing("loop_in_start_function", "it does not start: it ran longer than 500 ms and was stopped").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_version_whose_setup_never_ends() {
    replacing("loop_in_setup", "its `setup` failed: it ran longer than 500 ms and was stopped").await;
}
