#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
use std::path::Path;

use super::*;
use crate::config::Environment;

/// What becomes of a changed key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Applies {
    AtOnce,
    AtRestart,
    /// It is looked at when the file is read, and only then.
    ToTheFile,
}
use Applies::{AtOnce, AtRestart, ToTheFile};

/// Each key once: its table and name, what the table says before and after, and what becomes of it.
const KEYS: &[(&str, &str, &str, &str, Applies)] = &[
    ("server", "url", "", "url = \"ws://127.0.0.1/ws/\"", AtRestart),
    ("server", "urls", "urls = [\"ws://a\", \"ws://b\"]", "urls = [\"ws://a\", \"ws://c\"]", AtRestart),
    ("server", "ca-file", "", "ca-file = \"TEST/ca.pem\"", AtRestart),
    ("server", "plain-token", "", "plain-token = true", ToTheFile),
    ("server", "version", "", "version = \"4.09\"", AtRestart),
    ("server", "dev-id", "", "dev-id = 15", AtRestart),
    ("server", "user-id", "token = \"a\"\nuser-id = 7", "token = \"a\"\nuser-id = 8", AtRestart),
    ("server", "token", "user-id = 7\ntoken = \"a\"", "user-id = 7\ntoken = \"b\"", AtRestart),
    ("server", "token-file", "user-id = 7\ntoken = \"a\"", "user-id = 7\ntoken-file = \"TEST/token\"", AtRestart),
    (
        "server",
        "token-command",
        "user-id = 7\ntoken-command = [\"a\"]",
        "user-id = 7\ntoken-command = [\"b\"]",
        AtRestart,
    ),
    ("server", "heartbeat-seconds", "", "heartbeat-seconds = 5", AtRestart),
    ("server", "answer-seconds", "", "answer-seconds = 5", AtRestart),
    ("server", "retry-min-ms", "", "retry-min-ms = 50", AtRestart),
    ("server", "retry-max-seconds", "", "retry-max-seconds = 5", AtRestart),
    ("server", "frame-max-kib", "", "frame-max-kib = 64", AtRestart),
    ("server", "catch-up", "", "catch-up = false", AtRestart),
    ("server", "hear-own", "", "hear-own = true", AtRestart),
    ("embedded", "listen", "", "listen = \"127.0.0.1:0\"", AtRestart),
    ("embedded", "logs", "", "logs = { web_chat = 3 }", AtRestart),
    ("embedded", "users-file", "", "users-file = \"users\"", AtRestart),
    ("embedded", "password", "", "password = \"a\"", AtRestart),
    ("embedded", "password-file", "", "password-file = \"TEST/token\"", AtRestart),
    ("embedded", "faults", "", "faults = \"forgiving\"", AtRestart),
    ("embedded", "era", "", "era = \"3.31\"", AtRestart),
    ("plugins", "folder", "", "folder = \"others\"", AtRestart),
    ("plugins", "max", "", "max = 5", AtOnce),
    ("plugins", "keep-versions", "", "keep-versions = 5", AtOnce),
    ("plugins", "stack-kib", "", "stack-kib = 1024", AtRestart),
    ("plugins", "file-mib", "", "file-mib = 5", AtOnce),
    ("plugins", "compile-seconds", "", "compile-seconds = 5", AtOnce),
    ("plugins", "compile-memory-mib", "", "compile-memory-mib = 512", AtOnce),
    ("defaults", "grants", "", "grants = { hear = [\"web_a\"] }", AtOnce),
    ("defaults", "new-grants", "", "new-grants = \"grant\"", AtOnce),
    ("defaults", "memory-mib", "", "memory-mib = 5", AtOnce),
    ("defaults", "table-elements", "", "table-elements = 5", AtOnce),
    ("defaults", "time-per-event-ms", "", "time-per-event-ms = 5", AtOnce),
    ("defaults", "time-to-start-ms", "", "time-to-start-ms = 5", AtOnce),
    ("defaults", "fuel-per-event", "fuel-per-event = 4", "fuel-per-event = 5", AtOnce),
    ("defaults", "sends-per-second", "", "sends-per-second = 5", AtOnce),
    ("defaults", "sends-burst", "", "sends-burst = 5", AtOnce),
    ("defaults", "message-kib", "", "message-kib = 5", AtOnce),
    ("defaults", "log-lines-per-second", "", "log-lines-per-second = 5", AtOnce),
    ("defaults", "queue-events", "", "queue-events = 5", AtOnce),
    ("defaults", "queue-full", "", "queue-full = \"drop-oldest\"", AtOnce),
    ("defaults", "retries", "", "retries = 5", AtOnce),
    ("defaults", "retry-ms", "", "retry-ms = 5", AtOnce),
    ("defaults", "breaker-failures", "", "breaker-failures = 6", AtOnce),
    ("defaults", "breaker-seconds", "", "breaker-seconds = 5", AtOnce),
    ("defaults", "hops", "", "hops = 5", AtOnce),
    ("defaults", "quarantine-events", "", "quarantine-events = 0", AtOnce),
    ("defaults", "probation-events", "", "probation-events = 5", AtOnce),
    ("defaults", "probation-seconds", "", "probation-seconds = 5", AtOnce),
    ("defaults", "probation-failures", "", "probation-failures = 5", AtOnce),
    ("defaults", "state-mib", "", "state-mib = 5", AtOnce),
    ("defaults", "shadow", "", "shadow = true", AtOnce),
    ("defaults", "clock-ms", "", "clock-ms = 5", AtOnce),
    ("defaults", "random-seed", "", "random-seed = 5", AtOnce),
    ("plugin.karma", "grants", "", "grants = { hear = [\"web_a\"] }", AtOnce),
    ("plugin.karma", "new-grants", "", "new-grants = \"grant\"", AtOnce),
    ("plugin.karma", "memory-mib", "", "memory-mib = 5", AtOnce),
    ("plugin.karma", "table-elements", "", "table-elements = 5", AtOnce),
    ("plugin.karma", "time-per-event-ms", "", "time-per-event-ms = 5", AtOnce),
    ("plugin.karma", "time-to-start-ms", "", "time-to-start-ms = 5", AtOnce),
    ("plugin.karma", "fuel-per-event", "fuel-per-event = 4", "fuel-per-event = 5", AtOnce),
    ("plugin.karma", "sends-per-second", "", "sends-per-second = 5", AtOnce),
    ("plugin.karma", "sends-burst", "", "sends-burst = 5", AtOnce),
    ("plugin.karma", "message-kib", "", "message-kib = 5", AtOnce),
    ("plugin.karma", "log-lines-per-second", "", "log-lines-per-second = 5", AtOnce),
    ("plugin.karma", "queue-events", "", "queue-events = 5", AtOnce),
    ("plugin.karma", "queue-full", "", "queue-full = \"drop-oldest\"", AtOnce),
    ("plugin.karma", "retries", "", "retries = 5", AtOnce),
    ("plugin.karma", "retry-ms", "", "retry-ms = 5", AtOnce),
    ("plugin.karma", "breaker-failures", "", "breaker-failures = 6", AtOnce),
    ("plugin.karma", "breaker-seconds", "", "breaker-seconds = 5", AtOnce),
    ("plugin.karma", "hops", "", "hops = 5", AtOnce),
    ("plugin.karma", "quarantine-events", "", "quarantine-events = 0", AtOnce),
    ("plugin.karma", "probation-events", "", "probation-events = 5", AtOnce),
    ("plugin.karma", "probation-seconds", "", "probation-seconds = 5", AtOnce),
    ("plugin.karma", "probation-failures", "", "probation-failures = 5", AtOnce),
    ("plugin.karma", "state-mib", "", "state-mib = 5", AtOnce),
    ("plugin.karma", "shadow", "", "shadow = true", AtOnce),
    ("plugin.karma", "clock-ms", "", "clock-ms = 5", AtOnce),
    ("plugin.karma", "random-seed", "", "random-seed = 5", AtOnce),
    ("plugin.karma", "config", "", "config = { words = [\"a\"] }", AtOnce),
    ("plugin.karma", "secrets", "", "secrets = { key = { file = \"TEST/token\" } }", AtOnce),
    ("service", "outbox-mib", "", "outbox-mib = 5", AtRestart),
    ("service", "outbox-sends", "", "outbox-sends = 5", AtRestart),
    ("service", "outbox", "", "outbox = \"disk\"", AtRestart),
    ("service", "outbox-folder", "outbox = \"disk\"", "outbox = \"disk\"\noutbox-folder = \"other\"", AtRestart),
    ("service", "delivery", "", "delivery = \"at-most-once\"", AtRestart),
    ("service", "metrics", "", "metrics = \"127.0.0.1:9187\"", AtRestart),
    (
        "service",
        "state-folder",
        "control-socket = \"s\"",
        "control-socket = \"s\"\nstate-folder = \"other\"",
        AtRestart,
    ),
    ("service", "control-socket", "", "control-socket = \"other.sock\"", AtRestart),
    ("service", "drain-seconds", "", "drain-seconds = 5", AtOnce),
    ("log", "format", "", "format = \"json\"", AtRestart),
    ("log", "level", "", "level = \"debug\"", AtOnce),
];

/// Files that keys name.
fn files() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ca.pem"), include_str!("ca.pem")).unwrap();
    std::fs::write(folder.path().join("token"), "b\n").unwrap();
    folder
}

fn parse(text: &str) -> Config {
    Config::parse(Path::new("/etc/cometbot/bot.toml"), text, &Environment::default())
        .unwrap_or_else(|error| panic!("{text}\n{error}"))
}

/// What becomes of a bot that was started with `old` and is told to run as `new`.
fn follow(old: &str, new: &str) -> (Config, Difference) {
    let (running, wanted) = (parse(old), parse(new));
    let in_force = running.followed_by(&wanted, Reserved::at_start(&running.plugins));
    let difference = Difference::between(&running, &in_force, &wanted);
    (in_force, difference)
}

/// The keys that a table may have, as the complaint about one that it may not have lists them.
fn known(table: &str) -> Vec<String> {
    let text = format!("[{table}]\nno-such-key = 1\n");
    let complaint = Config::parse(Path::new("bot.toml"), &text, &Environment::default()).unwrap_err().to_string();
    let (_, list) = complaint.split_once("expected ").unwrap();
    list.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn every_key_is_either_applied_at_once_or_named_as_waiting_for_a_restart() {
    let files = files();
    for (table, key, before, after, applies) in KEYS {
        let text = |lines: &str| format!("[{table}]\n{lines}\n").replace("TEST", files.path().to_str().unwrap());
        let (_, difference) = follow(&text(before), &text(after));
        // A password is named by what it is, wherever it stands.
        let name = format!("{table}.{}", if *key == "password-file" { "password" } else { key });
        let (at_once, at_restart) = match applies {
            AtOnce => (vec![name], Vec::new()),
            AtRestart => (Vec::new(), vec![name]),
            ToTheFile => (Vec::new(), Vec::new()),
        };
        assert_eq!(difference.applied(), at_once, "{key} in [{table}]");
        assert_eq!(difference.at_restart(), at_restart, "{key} in [{table}]");
    }
}

#[test]
fn no_key_of_the_configuration_is_missing_among_those_that_are_tried() {
    let tables = known("no-such-table");
    assert_eq!(tables, ["server", "embedded", "plugins", "defaults", "plugin", "service", "log"]);
    for table in ["server", "embedded", "plugins", "defaults", "plugin.karma", "service", "log"] {
        let tried: BTreeSet<String> =
            KEYS.iter().filter(|(of, ..)| *of == table).map(|(_, key, ..)| (*key).to_owned()).collect();
        let mut known: BTreeSet<String> = known(table).into_iter().collect();
        if table == "defaults" {
            // These are known there only to say that they belong to one plugin.
            assert!(known.remove("config") && known.remove("secrets"));
        }
        assert_eq!(tried, known, "[{table}]");
    }
}

#[test]
fn a_file_that_says_the_same_in_other_words_changes_nothing() {
    let shipped = include_str!("../../../../bot.toml");
    let (in_force, difference) = follow(shipped, &format!("{shipped}\n[plugin.karma]\nmemory-mib = 64\n"));
    assert!(difference.applied().is_empty() && difference.at_restart().is_empty(), "{difference:?}");
    assert!(in_force.plugins.named.contains_key("karma"));
}

#[test]
fn what_waits_for_a_restart_stays_as_it_is_and_is_named_until_then() {
    let (old, new) = ("[log]\nlevel = \"warn\"", "[server]\ndev-id = 15\n[log]\nlevel = \"debug\"\nformat = \"json\"");
    let (in_force, difference) = follow(old, new);
    assert_eq!(in_force.log, Log { format: parse(old).log.format, level: "debug".to_owned() });
    assert_eq!(difference.applied(), ["log.level"]);
    assert_eq!(difference.at_restart(), ["server.dev-id", "log.format"]);
    // The same file once more.
    let wanted = parse(new);
    let again =
        Difference::between(&in_force, &in_force.followed_by(&wanted, Reserved::at_start(&wanted.plugins)), &wanted);
    assert!(again.applied().is_empty());
    assert_eq!(again.at_restart(), difference.at_restart());
}

#[test]
fn a_key_of_defaults_counts_for_each_plugin_that_has_none_of_its_own() {
    let old = "[defaults]\nmemory-mib = 32\n[plugin.karma]\nqueue-events = 5\n[plugin.own]\nmemory-mib = 32\n";
    let (in_force, difference) = follow(old, &old.replacen("memory-mib = 32", "memory-mib = 16", 1));
    assert_eq!(difference.applied(), ["defaults.memory-mib"]);
    assert_eq!(difference.of_plugin("karma"), ["memory-mib"]);
    assert_eq!(difference.of_plugin("of-no-table"), ["memory-mib"]);
    assert!(difference.of_plugin("own").is_empty());
    assert_eq!(in_force.plugins.terms("karma").memory_bytes, 16 << 20);
    assert_eq!(in_force.plugins.terms("own").memory_bytes, 32 << 20);
}

#[test]
fn a_table_that_goes_leaves_its_plugin_with_what_all_get() {
    let (in_force, difference) = follow("[plugin.karma]\nqueue-events = 5\nconfig.words = \"a\"\n", "");
    assert_eq!(difference.applied(), ["plugin.karma.queue-events", "plugin.karma.config"]);
    assert_eq!(difference.of_plugin("karma"), ["queue-events", "config"]);
    assert!(difference.of_plugin("other").is_empty());
    assert_eq!(in_force.plugins.terms("karma"), &PluginTerms::default());
}

#[test]
fn what_was_not_reserved_at_the_start_is_applied_as_far_as_there_is_room_and_waits() {
    let old = "[plugins]\nmax = 10\n[defaults]\nmemory-mib = 16\n[plugin.karma]\nmemory-mib = 32\n";
    let new = "[plugins]\nmax = 20\n[defaults]\nmemory-mib = 24\n[plugin.karma]\nmemory-mib = 64\n[plugin.new]\nmemory-mib = 128\n";
    let (in_force, difference) = follow(old, new);
    assert_eq!(in_force.plugins.max, 10);
    assert_eq!(in_force.plugins.terms("other").memory_bytes, 24 << 20);
    assert_eq!(in_force.plugins.terms("karma").memory_bytes, 32 << 20);
    assert_eq!(in_force.plugins.terms("new").memory_bytes, 32 << 20);
    assert_eq!(difference.applied(), ["defaults.memory-mib", "plugin.new.memory-mib"]);
    assert_eq!(difference.at_restart(), ["plugins.max", "plugin.karma.memory-mib", "plugin.new.memory-mib"]);
}

#[test]
fn metering_that_the_engine_was_not_started_for_waits_for_a_restart() {
    let (in_force, difference) = follow("", "[plugin.karma]\nfuel-per-event = 5\n");
    assert_eq!(in_force.plugins.terms("karma").fuel_per_event, None);
    assert_eq!(difference.at_restart(), ["plugin.karma.fuel-per-event"]);
    let (in_force, difference) = follow("[plugin.other]\nfuel-per-event = 5\n", "[plugin.karma]\nfuel-per-event = 5\n");
    assert_eq!(in_force.plugins.terms("karma").fuel_per_event, Some(5));
    assert!(difference.at_restart().is_empty());
}

#[test]
fn a_login_is_named_by_the_key_that_it_comes_from_or_came_from() {
    let command = "[server]\nuser-id = 7\ntoken-command = [\"a\"]\n";
    let fixed = "[server]\nuser-id = 7\ntoken = \"a\"\n";
    for (old, new, keys) in [
        ("", command, vec!["server.user-id", "server.token-command"]),
        (command, "", vec!["server.user-id", "server.token-command"]),
        (command, fixed, vec!["server.token"]),
        (fixed, "", vec!["server.user-id", "server.token"]),
    ] {
        assert_eq!(follow(old, new).1.at_restart(), keys, "{old} to {new}");
    }
}

#[test]
fn a_difference_shows_no_secret() {
    let text = |secret| format!("[server]\nuser-id = 7\ntoken = \"{secret}\"\n[embedded]\npassword = \"{secret}\"\n");
    let (_, difference) = follow(&text("5ecre7"), &text("5ecre8"));
    assert_eq!(difference.at_restart(), ["server.token", "embedded.password"]);
    assert!(!format!("{difference:?}").contains("5ecre"), "{difference:?}");
}
