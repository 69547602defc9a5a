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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_it_did_not_ask_to() {
    at_best(async || {
        let scene = Scene::open("send_without_asking").await;
        scene.enters();
        scene.starts().await;
        scene.hears(3);
        scene.says("a call was refused: `setup` did not ask to send in the pipe \"web_neighbour\"").await;
        scene.ends().await
    })
    .await;
}
