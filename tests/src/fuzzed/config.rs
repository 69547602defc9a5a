//! Any text as bot.toml, any variables beside it: a configuration, or an error that points into the text and keeps
//! secrets to itself.

use std::{ffi::OsString, path::Path};

use cometbot::config::{Config, ConfigError, Difference, Environment, Reserved, error::Place};

/// Stands in front of the variables, one `NAME=value` a line. TOML knows no such character.
const VARIABLES: char = '\0';
/// A file that is not there, in a folder that is not there: no relative path leads anywhere.
const FILE: &str = "/nonexistent/cometbot/bot.toml";
/// What a secret in the text is known by.
const CANARY: &str = "hunter2";
/// What files may be read from whose end never comes.
const ENDLESS: [&str; 2] = ["/dev", "/proc"];
/// How much longer than the text a message may be: it repeats a value or a key, quoted and escaped, and lists keys.
const MESSAGE_BYTES: (usize, usize) = (16, 4096);

/// Reads a configuration.
pub fn check(input: &[u8]) {
    let Ok(input) = std::str::from_utf8(input) else { return };
    if ENDLESS.iter().any(|folder| input.contains(folder)) {
        return;
    }
    let (text, variables) = input.split_once(VARIABLES).unwrap_or((input, ""));
    let environment = Environment::new(variables.lines().filter_map(|line| {
        let (name, value) = line.split_once('=')?;
        Some((OsString::from(name), OsString::from(value)))
    }));
    let parse = || Config::parse(Path::new(FILE), text, &environment);
    let hides_secrets = secrets_only(text) && secret_variables_only(variables);
    match (parse(), parse()) {
        (Ok(config), Ok(again)) => sound(&config, &again, hides_secrets),
        (Err(error), Err(again)) => {
            assert_eq!(error.to_string(), again.to_string(), "read twice");
            points_into(text, variables, &error);
            let message = error.to_string();
            assert!(!hides_secrets || !message.contains(CANARY), "a secret in: {message}");
            let (times, more) = MESSAGE_BYTES;
            assert!(message.len() <= input.len() * times + more, "a message of {} bytes", message.len());
        }
        (Ok(_), Err(error)) | (Err(error), Ok(_)) => panic!("once it is right, and once: {error}"),
    }
}

/// What holds of every configuration that was taken.
fn sound(config: &Config, again: &Config, hides_secrets: bool) {
    let difference = Difference::between(config, again, again);
    assert!(difference.applied().is_empty(), "read twice, it differs in {:?}", difference.applied());
    assert!(difference.at_restart().is_empty(), "read twice, it differs in {:?}", difference.at_restart());
    let followed = config.followed_by(again, Reserved::at_start(&config.plugins));
    assert_eq!(followed.plugins, config.plugins, "it has room for itself");
    assert!(!hides_secrets || !format!("{config:?}").contains(CANARY), "a secret in {config:?}");

    let plugins = &config.plugins;
    assert!(plugins.max > 0 && plugins.keep_versions > 0, "{plugins:?}");
    for terms in plugins.named.values().chain([&plugins.defaults]) {
        assert!(terms.memory_bytes > 0 && terms.memory_bytes <= plugins.largest_memory_bytes(), "{terms:?}");
        assert!(terms.queue_events > 0 && !terms.time_per_event.is_zero() && terms.state_bytes > 0, "{terms:?}");
    }
}

/// The line of an error is one of the text's, and its variable one that was given.
fn points_into(text: &str, variables: &str, error: &ConfigError) {
    match error {
        ConfigError::Unreadable { .. } => panic!("no file was read: {error}"),
        ConfigError::Fault { place: Place::File { line: Some(line), .. }, fault } => {
            let lines = text.matches('\n').count() + 1;
            assert!((1..=lines).contains(line), "line {line} of {lines}: {fault}");
            assert!(!fault.trim().is_empty(), "nothing is said of line {line}");
        }
        ConfigError::Fault { place: Place::File { line: None, .. }, fault } => {
            assert!(!fault.trim().is_empty(), "nothing is said");
        }
        ConfigError::Fault { place: Place::Variable(name), fault } => {
            assert!(variables.contains(name.as_str()), "there is no variable {name}: {fault}");
        }
    }
}

/// Whether the canary stands in the text, if at all, only where a secret stands: `token = "…"`, `password = '…'`, quoted
/// or not. A text of several lines may have in it what looks so, and a plugin's own values are no secrets of ours.
fn secrets_only(text: &str) -> bool {
    ![r#"""""#, "'''", "config"].iter().any(|other| text.contains(other))
        && text.match_indices(CANARY).all(|(at, _)| text.get(..at).is_some_and(is_value_of_secret))
}

/// Whether what follows `before` is in the value of a key that holds a secret.
fn is_value_of_secret(before: &str) -> bool {
    let line = before.rsplit('\n').next().unwrap_or_default();
    let Some((key, value)) = line.split_once('=') else { return false };
    let value = value.trim_start();
    let opens = value.strip_prefix(['"', '\'']).unwrap_or(value);
    let key = key.trim();
    let name = key.rsplit('.').next().unwrap_or_default().trim();
    matches!(name, "token" | "password") && !opens.contains(['"', '\'', '#', '\\', '=', ',', '{', '}', '[', ']'])
}

fn secret_variables_only(variables: &str) -> bool {
    variables.lines().filter(|line| line.to_ascii_lowercase().contains(CANARY)).all(|line| {
        line.split_once('=')
            .is_some_and(|(name, _)| matches!(name, "COMETBOT_SERVER__TOKEN" | "COMETBOT_EMBEDDED__PASSWORD"))
    })
}
