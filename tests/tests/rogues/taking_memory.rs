//! Those that want more than there is for them.

use crate::{
    made,
    scene::{Scene, at_best, failing, refused},
};

/// What explains their traps.
const DENIED: &str = "it had asked for more memory than it may have";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_in_steps() {
    failing("grow_in_steps", DENIED).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_at_once() {
    failing("grow_at_once", DENIED).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_from_the_start() {
    refused("memory_of_a_gibibyte", "memory has a minimum byte size of 1073741824 which exceeds the limit of").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_grows() {
    failing("table_grown", DENIED).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_from_the_start() {
    refused("table_declared", "has a minimum element size of 10000000 which exceeds the limit of 100000").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn data_of_a_gibibyte_that_are_not_in_the_file() {
    at_best(async || {
        let scene = Scene::open("data_that_are_missing").await;
        scene.puts("wasm", &made::beginning_of_data());
        scene.says("it is a damaged or unfinished WebAssembly binary").await;
        scene.ends().await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn data_of_a_gibibyte_in_a_file_with_holes() {
    at_best(async || {
        let scene = Scene::open("file_of_a_gibibyte").await;
        let beginning = made::beginning_of_data();
        scene.puts_sparse(&beginning, made::end_of_data(&beginning));
        scene.says("it is larger than 64 MiB, so it is not read").await;
        scene.ends().await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handles_of_the_host() {
    failing("many_handles", "it holds more handles of the host than it may, such as streams and pollables").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_bytes() {
    failing("random_bytes_of_4_gib", "its call of `get-random-bytes` of `wasi:random/random@0.2.12` failed").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_pipes() {
    refused("ten_thousand_pipes", "`setup` asks for 10000 names in `hear`; 128 is the most").await;
}
