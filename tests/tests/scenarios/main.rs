//! Scenarios: the real binary, on real sockets and files, as users and operators meet it. One file a scenario.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "tests: a panic is how they fail"
)]

mod client_commands;
mod echo_answers;
mod every_kind_of_file_is_loaded;
mod example_plugins;
mod first_steps;
mod folder_is_followed;
mod host_functions;
mod link_lost;
mod logs_in;
mod misdeeds_cost_one_call;
mod old_server;
mod secrets_stay_secret;
mod server_misbehaves;
mod service_manager;
mod several_servers;
mod stops_in_order;
mod subscription;
mod tls;
mod what_cannot_be_loaded;
