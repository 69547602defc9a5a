//! WASI from inside: what is there, and what is not.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use cometbot::config::PluginTerms;

use crate::guest::{Guest, asked, probe};

/// How often a clock is read to see its steps.
const READINGS: usize = 20;

async fn says(body: &str) -> String {
    asked(body, PluginTerms::default()).await
}

#[tokio::test]
async fn there_is_no_environment_no_argument_and_no_folder() {
    for (function, what) in [("$environment", "variables"), ("$arguments", "arguments"), ("$folders", "folders")] {
        let length =
            format!("(call {function} (i32.const 0x200)) (return (call $say (i64.load32_u (i32.const 0x204))))");
        assert_eq!(says(&length).await, "0", "{what}");
    }
    for (function, what) in [("$folder", "working folder"), ("$terminal", "terminal")] {
        let is_some = format!(
            "(i32.store8 (i32.const 0x200) (i32.const 9)) (call {function} (i32.const 0x200))
            (return (call $say (i64.load8_u (i32.const 0x200))))"
        );
        assert_eq!(says(&is_some).await, "0", "{what}");
    }
}

/// Says the case of the result at 0x200 and, in hundreds, its error.
const CASE_AND_ERROR: &str = "(return (call $say (i64.add (i64.load8_u (i32.const 0x200))
    (i64.mul (i64.const 100) (i64.load8_u (i32.const 0x204))))))";

#[tokio::test]
async fn no_socket_can_be_made_and_no_name_looked_up() {
    for socket in ["$tcp", "$udp"] {
        for family in [0, 1] {
            let create = format!("(call {socket} (i32.const {family}) (i32.const 0x200)) {CASE_AND_ERROR}");
            assert_eq!(says(&create).await, "101", "access-denied for {socket}");
        }
    }
    for name in ["localhost", "127.0.0.1", "example.org"] {
        let resolve = format!(r#"(call $resolve (call $network) "{name}" (i32.const 0x200)) {CASE_AND_ERROR}"#);
        let answer = says(&resolve).await;
        assert!(answer.ends_with("01") && answer != "1", "an error for {name}, not {answer}");
    }
}

#[tokio::test]
async fn standard_input_is_closed() {
    let read = format!("(call $read (call $stdin) (i64.const 10) (i32.const 0x200)) {CASE_AND_ERROR}");
    assert_eq!(says(&read).await, "101");
}

#[tokio::test]
async fn who_exits_is_gone_and_the_next_event_gets_another() {
    let mut guest = Guest::start(&probe("(call $exit (i32.const 1)) (unreachable)"), PluginTerms::default()).await;
    for _ in 0..2 {
        let words = guest.ask().await;
        assert!(words.starts_with("it ended itself with status 1"), "{words}");
    }
}

#[tokio::test]
async fn clocks_tell_no_more_than_their_grain() {
    let grain = Duration::from_millis(20);
    let nanoseconds = u64::try_from(grain.as_nanos()).unwrap();
    let terms = PluginTerms { clock: grain, ..PluginTerms::default() };
    let wall = "(call $wall (i32.const 0x200))
        (return (call $say (i64.add (i64.mul (i64.load (i32.const 0x200)) (i64.const 1000000000))
            (i64.load32_u (i32.const 0x208)))))";
    let wall_grain = "(call $wall_grain (i32.const 0x200)) (return (call $say (i64.load32_u (i32.const 0x208))))";
    for body in ["(return (call $say (call $monotonic_grain)))", wall_grain] {
        assert_eq!(asked(body, terms.clone()).await, nanoseconds.to_string());
    }
    for body in ["(return (call $say (call $monotonic)))", wall] {
        let mut guest = Guest::start(&probe(body), terms.clone()).await;
        let mut last = 0;
        for _ in 0..READINGS {
            let time = guest.number().await;
            assert_eq!(time % nanoseconds, 0);
            assert!(time >= last);
            last = time;
        }
    }
    let mut guest = Guest::start(&probe(wall), terms).await;
    let before = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let told = Duration::from_nanos(guest.number().await);
    assert!(told <= SystemTime::now().duration_since(UNIX_EPOCH).unwrap() && told + grain >= before, "{told:?}");
}

#[tokio::test]
async fn a_sleep_lasts_as_long_as_it_should_whatever_the_grain() {
    let terms = PluginTerms { clock: Duration::from_millis(20), ..PluginTerms::default() };
    let mut guest = Guest::start(&probe("(call $block (call $after (i64.const 30000000)))"), terms).await;
    let since = Instant::now();
    assert_eq!(guest.ask().await, "ok");
    assert!(since.elapsed() >= Duration::from_millis(30));
}

/// Each source of random numbers.
const SOURCES: [&str; 4] = [
    "(return (call $say (call $random)))",
    "(return (call $say (call $insecure)))",
    "(call $seed (i32.const 0x200)) (return (call $say (i64.load (i32.const 0x200))))",
    "(call $random_bytes (i64.const 8) (i32.const 0x200)) (return (call $say (i64.load (i32.load (i32.const 0x200)))))",
];

#[tokio::test]
async fn random_numbers_are_the_systems_or_the_same_each_time_if_they_have_a_seed() {
    for source in SOURCES {
        let told = [says(source).await, says(source).await];
        assert_ne!(told[0], told[1], "{source}");
    }
    let seeded = |seed| PluginTerms { random_seed: Some(seed), ..PluginTerms::default() };
    for source in SOURCES {
        assert_eq!(asked(source, seeded(5)).await, asked(source, seeded(5)).await, "{source}");
        assert_ne!(asked(source, seeded(5)).await, asked(source, seeded(6)).await, "{source}");
    }
    let mut guest = Guest::start(&probe(SOURCES[0]), seeded(5)).await;
    assert_ne!(guest.ask().await, guest.ask().await, "but not the same number again and again");
}
