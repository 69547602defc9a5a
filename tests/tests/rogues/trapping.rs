//! Those that give up, wherever they can.

use crate::scene::{failing, refused};

const TRAP: &str = "trapped: wasm trap: wasm `unreachable` instruction executed";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_setup() {
    refused("trap_in_setup", &format!("its `setup` failed: it {TRAP}")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_handle() {
    failing("trap_in_handle", &format!("it {TRAP}")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_its_allocator() {
    failing("trap_in_realloc", &format!("its `cabi_realloc` {TRAP}")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_what_cleans_up() {
    failing("trap_in_post_return", &format!("its `cabi_post_handle` {TRAP}")).await;
}
