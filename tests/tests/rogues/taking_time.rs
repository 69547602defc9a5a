//! Those that never come to an end.

use crate::scene::{failing, refused};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loop_in_the_start_function() {
    refused("loop_in_start_function", "it does not start: it ran longer than 500 ms and was stopped").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loop_in_setup() {
    refused("loop_in_setup", "its `setup` failed: it ran longer than 500 ms and was stopped").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loop_in_handle() {
    failing("loop_in_handle", "it ran longer than 100 ms and was stopped").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recursion() {
    failing("recursion", "call stack exhausted").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sleep_of_a_year() {
    refused("sleep_for_a_year", "its `setup` waited longer than").await;
}
