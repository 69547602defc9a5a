//! Budgets from inside: what a plugin can use, and what it hears or costs at the bound.

use std::time::{Duration, Instant};

use cometbot::{
    config::PluginTerms,
    plugins::{sandbox::Room, slot::StartError},
};
use cometbot_tests::Plugin;

use crate::guest::{Guest, asked, probe};

/// Room for one plugin.
fn room() -> Room {
    Room::new(1, PluginTerms::default().memory_bytes)
}

/// Counts to `$i`, which is some work.
const COUNT: &str = "(loop $next
    (local.set $i (i32.add (local.get $i) (i32.const 1)))
    (br_if $next (i32.lt_u (local.get $i) (i32.const 10000))))";

#[tokio::test]
async fn the_same_event_uses_the_same_fuel() {
    let terms = PluginTerms { fuel_per_event: Some(1_000_000), ..PluginTerms::default() };
    let mut used = Vec::new();
    for _ in 0..2 {
        let mut guest = Guest::start(&probe(COUNT), terms.clone()).await;
        for _ in 0..2 {
            let before = guest.tally.fuel_used();
            assert_eq!(guest.ask().await, "ok");
            used.push(guest.tally.fuel_used() - before);
        }
    }
    assert!(used[0] > 10_000, "{used:?}");
    assert!(used.iter().all(|fuel| *fuel == used[0]), "{used:?}");
}

#[tokio::test]
async fn too_much_fuel_costs_the_instance_and_the_next_event_has_all_of_it_again() {
    let body = format!(
        "(if (i32.eq (local.get $data_bytes) (i32.const 5)) (then {COUNT}))
        (return (call $say (i64.const 1)))"
    );
    let enough = PluginTerms { fuel_per_event: Some(1_000_000), ..PluginTerms::default() };
    let mut guest = Guest::start(&probe(&body), enough).await;
    for _ in 0..30 {
        assert_eq!(guest.ask().await, "1", "each event has its own");
    }
    let little = PluginTerms { fuel_per_event: Some(1000), ..PluginTerms::default() };
    let words = asked(&body, little).await;
    assert!(words.starts_with("it used more than 1000 units of fuel and was stopped (`fuel-per-event`)"), "{words}");
}

#[tokio::test]
async fn what_is_not_metered_counts_no_fuel_and_one_plugins_bound_is_not_anothers() {
    let mut guest = Guest::start(&probe(COUNT), PluginTerms::default()).await;
    assert_eq!((guest.ask().await.as_str(), guest.tally.fuel_used()), ("ok", 0));
    let metered = Room { is_metered: true, ..room() };
    let mut guest = Guest::try_start(&probe(COUNT), PluginTerms::default(), metered).await.ok().unwrap();
    assert_eq!(guest.ask().await, "ok", "it has no bound of its own");
    assert!(guest.tally.fuel_used() > 10_000);
}

#[tokio::test]
async fn a_message_that_is_too_long_is_an_error_value_and_costs_nothing() {
    let terms = PluginTerms { message_bytes: 4, ..PluginTerms::default() };
    let send = |message: &str| {
        format!(
            r#"(call $try_send "web_chat" "a" "{message}" (i32.const 0x100))
            (if (i32.eqz (i32.load8_u (i32.const 0x100))) (then (return (i32.const 0x1c0))))
            (if (i32.load8_u (i32.const 0x104)) (then (unreachable)))
            (return (call $fail (i32.load (i32.const 0x108)) (i32.load (i32.const 0x10c))))"#
        )
    };
    assert_eq!(asked(&send("1234"), terms.clone()).await, "ok");
    let words = asked(&send("12345"), terms).await;
    assert_eq!(words, "a message of this plugin has at most 4 bytes, and this one has 5 (`message-kib`)");
}

#[tokio::test]
async fn a_table_grows_up_to_its_bound() {
    let grow = probe("(return (call $say (i64.extend_i32_s (table.grow (ref.null func) (i32.const 10)))))")
        .function("(table 200 funcref)");
    let terms = |table_elements| PluginTerms { table_elements, ..PluginTerms::default() };
    assert_eq!(Guest::start(&grow, terms(210)).await.ask().await, "200");
    assert_eq!(Guest::start(&grow, terms(209)).await.ask().await, u64::MAX.to_string());
    let Err(StartError::Instantiate(why)) = Guest::try_start(&grow, terms(199), room()).await else {
        panic!("a table that begins too large")
    };
    assert!(why.reason.contains("it had asked for more memory than it may have"), "{why}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn starting_has_a_time_of_its_own() {
    let slow = Plugin::new().setup("(loop $again (br $again))");
    let terms = PluginTerms { time_to_start: Duration::from_millis(50), ..PluginTerms::default() };
    let since = Instant::now();
    let Err(StartError::Setup(why)) = Guest::try_start(&slow, terms, room()).await else { panic!("it never ends") };
    assert!(why.reason.contains("it ran longer than 50 ms"), "{why}");
    assert!(since.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn the_stack_is_as_deep_as_it_is_said_to_be() {
    let deep = probe("(call $down (i64.const 10000)) (return (call $say (i64.const 1)))").function(
        "(func $down (param i64)
            (if (i64.ne (local.get 0) (i64.const 0)) (then (call $down (i64.sub (local.get 0) (i64.const 1))))))",
    );
    let mut told = Vec::new();
    for stack_bytes in [64 * 1024, 1024 * 1024] {
        let room = Room { stack_bytes, ..room() };
        told.push(Guest::try_start(&deep, PluginTerms::default(), room).await.ok().unwrap().ask().await);
    }
    assert!(told[0].contains("call stack exhausted"), "{told:?}");
    assert_eq!(told[1], "1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loop_of_host_calls_is_stopped_as_any_other() {
    let calls = [
        "(call $random_bytes (i64.const 65536) (i32.const 0x200)) (global.set $free (i32.const 0x1000))",
        r#"(call $try_send "web_chat" "a" "b" (i32.const 0x100))"#,
        r#"(call $log (i32.const 0) "" "a line that nobody sees")"#,
        "(drop (call $monotonic))",
    ];
    for call in calls {
        let plugin = probe(&format!("(loop $again {call} (br $again))")).writes_log();
        let terms = PluginTerms { time_per_event: Duration::from_millis(50), ..PluginTerms::default() };
        let words = Guest::start(&plugin, terms).await.ask().await;
        assert!(words.contains("it ran longer than 50 ms and was stopped"), "{call}: {words}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_host_makes_no_room_for_more_than_its_bound() {
    // 60 MiB that are there, and 4 GiB that are not.
    let grown = "(drop (memory.grow (i32.const 980)))";
    for (call, words) in [
        ("(call $random_bytes (i64.const 65537) (i32.const 0x200))", "requested len 65537 exceeds limit 65536"),
        ("(call $random_bytes (i64.const 4294967296) (i32.const 0x200))", "exceeds limit 65536"),
        ("(call $write_zeroes (call $stdout) (i64.const 4294967296) (i32.const 0x200))", "cannot write more zeroes"),
        (
            "(call $write (call $stdout) (i32.const 0x1000) (i32.const 62914560) (i32.const 0x200))",
            "more than the host takes",
        ),
        (
            "(call $write (call $stdout) (i32.const 0x1000) (i32.const 200000) (i32.const 0x200))",
            "more than it was permitted",
        ),
        (
            "(call $write (call $stdout) (i32.const 0x1000) (i32.const 0xfffff000) (i32.const 0x200))",
            "outside of its memory",
        ),
        ("(call $poll (i32.const 0x1000) (i32.const 10000000) (i32.const 0x200))", "more than the host takes"),
        ("(call $poll (i32.const 0x1000) (i32.const 0x3fffffff) (i32.const 0x200))", "outside of its memory"),
        ("(return (call $fail (i32.const 0x1000) (i32.const 62914560)))", "more than the host takes"),
    ] {
        let told = asked(&format!("{grown} {call}"), PluginTerms::default()).await;
        assert!(told.contains(words), "{call}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handles_come_to_an_end() {
    let words = asked(
        "(loop $again (drop (call $after (i64.const 1))) (br $again))",
        PluginTerms { time_per_event: Duration::from_secs(5), ..PluginTerms::default() },
    )
    .await;
    assert!(words.contains("resource table") || words.contains("handles"), "{words}");
}
