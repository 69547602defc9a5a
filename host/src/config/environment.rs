//! Every key of bot.toml as an environment variable: `COMETBOT_` and the key's path in capitals, `__` between tables and
//! `_` for `-`. `[server] token-file` is `COMETBOT_SERVER__TOKEN_FILE`.

use std::{collections::BTreeMap, ffi::OsString, path::Path};

use serde::Deserialize as _;
use toml::{Table, Value};

use super::{
    error::{ConfigError, Place},
    raw::{Raw, RawPlugin},
};

/// What begins the name of every variable of ours.
pub const PREFIX: &str = "COMETBOT_";

/// Keys whose values no message may repeat.
const SECRET_KEYS: [&str; 2] = ["token", "password"];

/// Where the keys belong that say what a plugin gets, and that people write into [plugins].
const TERMS_PLACE: &str = "[defaults], for all plugins, or in [plugin.NAME]";

/// The variables of the process: those that set keys, and all others, in which secrets of plugins may be.
#[derive(Clone, Default)]
pub struct Environment {
    /// By name without the prefix.
    keys: BTreeMap<String, String>,
    others: BTreeMap<String, String>,
}

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Whatever a variable holds may be a secret.
        f.debug_set().entries(self.keys.keys()).finish()
    }
}

impl Environment {
    /// Takes a list, which is usually [`std::env::vars_os`]. Ours are those that begin with [`PREFIX`] and have `__` in
    /// them, since every key stands in a table.
    pub fn new(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let mut environment = Self::default();
        for (name, value) in variables {
            let (Some(name), value) = (name.to_str(), value.to_string_lossy().into_owned()) else { continue };
            match name.strip_prefix(PREFIX).filter(|ours| ours.contains("__")) {
                Some(ours) => environment.keys.insert(ours.to_owned(), value),
                None => environment.others.insert(name.to_owned(), value),
            };
        }
        environment
    }

    /// The secret in a variable that sets no key; none if it is not there or empty.
    pub(super) fn secret(&self, variable: &str) -> Option<String> {
        self.others.get(variable).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    /// The variable that sets the key, if one does.
    pub(super) fn variable(&self, key: &[&str]) -> Option<String> {
        let name = self.keys.keys().find(|name| {
            let steps = steps(name);
            steps.len() == key.len() && steps.iter().zip(key).all(|(ours, theirs)| ours.eq_ignore_ascii_case(theirs))
        })?;
        Some(format!("{PREFIX}{name}"))
    }
}

/// The file's text with the variables put over it.
///
/// The file is read by itself first, so that its own mistakes have lines; what fails only afterwards is a variable's.
pub(super) fn merge(path: &Path, text: &str, environment: &Environment) -> Result<Raw, ConfigError> {
    let in_file = |error: toml::de::Error| ConfigError::Fault {
        place: Place::in_file(path, text, error.span()),
        fault: without_secrets(text, &error),
    };
    let mut raw: Raw = toml::from_str(text).map_err(in_file)?;
    let mut table: Table = toml::from_str(text).map_err(in_file)?;
    for (name, value) in &environment.keys {
        let fault = |fault: String| ConfigError::Fault { place: Place::Variable(format!("{PREFIX}{name}")), fault };
        // A text need not be quoted in a variable: what does not fit as TOML is tried as it stands.
        let literal = format!("value = {value}").parse::<Table>().ok().and_then(|mut table| table.remove("value"));
        let candidates = literal.into_iter().chain([Value::String(value.clone())]);
        let mut outcome = Err(String::new());
        for candidate in candidates {
            let mut attempt = table.clone();
            set(&mut attempt, &steps(name), candidate);
            outcome =
                Raw::deserialize(attempt.clone()).map(|raw| (raw, attempt)).map_err(|error| error.message().to_owned());
            if outcome.is_ok() {
                break;
            }
        }
        (raw, table) = outcome.map_err(fault)?;
    }
    Ok(raw)
}

/// The parser's words, unless they are about a line with a secret: they repeat the value.
fn without_secrets(text: &str, error: &toml::de::Error) -> String {
    let at = error.span().map_or(0, |span| span.start);
    let start = text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1);
    let line = text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
    // A key that nobody knows is no value, and its name is what must be shown: `tokn-file`.
    let is_about_a_value = !error.message().starts_with("unknown field");
    match SECRET_KEYS.iter().find(|key| is_about_a_value && line.contains(**key)) {
        Some(_) if line.trim_start().starts_with("token-command") => {
            "the value of `token-command` must be a list of texts, as in [\"program\", \"argument\"]".to_owned()
        }
        Some(key) => format!("the value of `{key}` must be a text in quotes, on one line"),
        None => match moved(text, at, error.message()) {
            Some(remedy) => remedy,
            None => error.message().to_owned(),
        },
    }
}

/// What to say of a key that stands in [plugins] and belongs into [defaults].
fn moved(text: &str, at: usize, message: &str) -> Option<String> {
    let key = message.strip_prefix("unknown field `")?.split('`').next()?;
    let mut headers = text.get(..at)?.lines().rev().map(str::trim).filter(|line| line.starts_with('['));
    let is_of_plugins = headers.next()?.starts_with("[plugins]");
    let is_a_term = RawPlugin::deserialize(Table::from_iter([(key.to_owned(), Value::Boolean(true))]))
        .err()
        .is_none_or(|error| !error.message().starts_with("unknown field"));
    (is_of_plugins && is_a_term).then(|| format!("`{key}` is what a plugin gets: write it into {TERMS_PLACE}"))
}

fn steps(name: &str) -> Vec<String> {
    name.split("__").map(|step| step.to_ascii_lowercase().replace('_', "-")).collect()
}

fn set(table: &mut Table, steps: &[String], value: Value) {
    let Some((first, rest)) = steps.split_first() else { return };
    // A key that the file spells otherwise (`My_Plugin`) is the same key.
    let same = |key: &&String| key.replace('_', "-").eq_ignore_ascii_case(first);
    let key = table.keys().find(same).cloned().unwrap_or_else(|| first.clone());
    if rest.is_empty() {
        table.insert(key, value);
        return;
    }
    let inner = table.entry(key).or_insert_with(|| Value::Table(Table::new()));
    if !inner.is_table() {
        *inner = Value::Table(Table::new());
    }
    if let Some(inner) = inner.as_table_mut() {
        set(inner, rest, value);
    }
}
