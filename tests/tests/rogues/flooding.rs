//! Those that write more than anybody reads.

use crate::scene::{Scene, at_best};

/// A burst of ten seconds' worth of lines, what is let through meanwhile, and what the host says itself.
const LINES: usize = 10 * 10 + 20 * 10 + 100;

async fn flooding(name: &'static str) {
    at_best(async || {
        let mut scene =
            Scene::open_in(name, |home| home.set(&format!("plugin.{name}"), "log-lines-per-second = 10")).await;
        scene.lines(LINES);
        scene.enters();
        scene.starts().await;
        scene.hears(10);
        scene.says("lines of the plugin are dropped").await;
        scene.ends().await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_log_with_escapes() {
    flooding("log_flood").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_output_without_a_line_break() {
    flooding("output_flood").await;
}
