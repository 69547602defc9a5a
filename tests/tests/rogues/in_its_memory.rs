//! Those that lie about what is where in their memory.

use crate::scene::{Scene, at_best, failing, failing_in};

const SEND: &str = "its call of `send` of `cometbot:plugin/comet@1.1.0` failed";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_outside_of_it() {
    failing("string_outside", &format!("{SEND}: a string lies outside of its memory")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_that_is_none() {
    failing("string_not_utf8", &format!("{SEND}: a string is not UTF-8")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_of_nearly_4_gib() {
    failing("string_near_4_gib", &format!("{SEND}: a string lies outside of its memory")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_of_nearly_4_gib() {
    let words = "it answered what is no `result<_, string>`: a string lies outside of its memory";
    failing("answer_near_4_gib", words).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_in_itself() {
    failing("answer_in_itself", "it returned an error: \\u{1}\\u{1b}[\\n").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn room_outside_of_it() {
    failing("realloc_outside", "its `cabi_realloc` gave room that lies outside of its memory").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn room_that_is_not_aligned() {
    let words = "its `cabi_realloc` gave room at an address that is not a multiple of the alignment";
    failing_in("realloc_crooked", words, |home| home.set("plugin.realloc_crooked.config", "key = \"value\"")).await;
}

/// The name of the pipe, then that of the event, then the data, all in the same place.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_room_for_everything() {
    failing("realloc_null", "it returned an error: gog_rogue").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_allocator_that_calls_back() {
    failing("realloc_calls_back", "its `cabi_realloc` called an import, and must not").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cleaner_that_calls_back() {
    failing("post_return_calls_back", "its `cabi_post_handle` called an import, and must not").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_of_a_mebibyte() {
    at_best(async || {
        let scene = Scene::open("version_of_a_mebibyte").await;
        scene.enters();
        let line = scene.says("plugin started").await;
        assert!(line.field("version").contains("[31mred") && line.raw.len() < 1000, "{}", line.raw);
        scene.ends().await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_of_a_mebibyte() {
    at_best(async || {
        let scene = Scene::open("refusal_of_a_mebibyte").await;
        scene.enters();
        let line = scene.says("it refuses to run: \\u{1b}[31mred\\n\\u{1b}").await;
        assert!(line.raw.len() < 100_000, "{} bytes are too many", line.raw.len());
        scene.ends().await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_of_a_mebibyte() {
    at_best(async || {
        let scene = Scene::open("error_of_a_mebibyte").await;
        scene.enters();
        scene.starts().await;
        scene.hears(3);
        let line = scene.says("it returned an error: \\u{1b}[31mred\\n\\u{1b}").await;
        assert!(line.raw.len() < 100_000, "{} bytes are too many", line.raw.len());
        scene.ends().await
    })
    .await;
}
