//! Those that ask the server.

use std::time::Duration;

use cometbot_tests::Comet;

use crate::{
    mute::Mute,
    scene::{Scene, at_best},
};

/// How long this takes is the host's to say; by its name it comes first, so that the others run meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn for_a_log_that_never_comes() {
    at_best(async || {
        let comet = Comet::start().await;
        let mute = Mute::before(&comet).await;
        let scene =
            Scene::open_at("wait_for_a_log", comet, &mute.url(), |home| home.set("defaults", "retries = 0")).await;
        let scene = scene.patient(Duration::from_secs(70));
        scene.enters();
        scene.starts().await;
        scene.hears(1);
        scene.says("it waited longer than 60 s and was stopped").await;
        scene.ends().await
    })
    .await;
}
