//! Those that are no plugins, or too much of one.

use crate::{
    made,
    scene::{Scene, at_best, refused},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exports_of_another_type() {
    refused("exports_of_another_type", "its export `handle` is `(func (param i32 i32) (result i32))`").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn imports_of_nobody() {
    refused("imports_of_nobody", "it imports `system` of `env`").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_component_of_ten_thousand_instances() {
    at_best(async || {
        let scene = Scene::open("many_instances").await;
        scene.puts("wat", made::component_of_instances(10_000).as_bytes());
        let line = scene.says("the file does not run").await;
        assert!(line.says("instances count exceeds limit of 1000"), "{}", line.raw);
        scene.ends().await
    })
    .await;
}

/// That is not more than is allowed: it runs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_module_of_a_hundred_thousand_functions() {
    at_best(async || {
        let scene = Scene::open("many_functions").await;
        scene.puts("wat", made::module_of_functions(100_000).as_bytes());
        scene.says("plugin started").await;
        scene.ends().await
    })
    .await;
}
