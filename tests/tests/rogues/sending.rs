//! Those that send what they must not.

use crate::scene::{Scene, at_best};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_million_times_for_one_event() {
    at_best(async || {
        let scene = Scene::open("million_sends").await;
        scene.enters();
        scene.starts().await;
        scene.hears(1);
        // Which bound comes first depends on how fast the machine is.
        scene.says_one_of(&["one event may send at most", "it ran longer than 100 ms and was stopped"]).await;
        scene.ends().await
    })
    .await;
}
