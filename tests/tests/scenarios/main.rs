//! Scenarios: the real binary, on real sockets and files, as users and operators meet it. One file a scenario.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "tests: a panic is how they fail"
)]

mod an_ordinary_user;
mod asks_a_running_bot;
mod attempts_that_cross;
mod authors;
mod bots_that_answer_each_other;
mod breaker;
mod built_for_earlier_contracts;
mod built_for_something_else;
mod catch_up;
mod client_commands;
mod clock_jumps;
mod compile_bombs;
mod configuration_is_reloaded;
mod cut_off;
mod echo_answers;
mod every_kind_of_file_is_loaded;
mod example_plugins;
mod failures_are_tried_again;
mod first_steps;
mod flood;
mod folder_is_followed;
mod fuel;
mod full_queues;
mod gaps_are_told;
mod grants;
mod half_open;
mod host_functions;
mod killed_while_reloading;
mod link_lost;
mod logs_in;
mod many_pipes;
mod misdeeds_cost_one_call;
mod mistakes_at_run_time;
mod mistakes_of_core_modules;
mod old_server;
mod outbox_is_bounded;
mod outbox_on_disk;
mod own_words;
mod personal_messages;
mod plugins_log;
mod quarantine;
mod reload_of_half_files;
mod reload_that_fails;
mod reload_under_load;
mod reloaded_many_times;
mod rollback_and_restart;
mod scrape;
mod scribe;
mod secrets_stay_secret;
mod sends_are_confirmed;
mod sends_keep_a_pace;
mod server_misbehaves;
mod server_restarts;
mod service_manager;
mod several_servers;
mod shadow;
mod soak;
mod spinning_neighbours;
mod stops_in_order;
mod subscription;
mod tls;
mod tokens;
mod what_cannot_be_loaded;
mod wire_faults;
