//! Those that never come to an end.

use crate::scene::{failing, refused};

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
