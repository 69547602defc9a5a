//! Every key of bot.toml as an environment variable: `COMETBOT_` and the key's path in capitals, `__` between tables and
//! `_` for `-`. `[server] token-file` is `COMETBOT_SERVER__TOKEN_FILE`.

use std::{collections::BTreeMap, ffi::OsString, path::Path};

use serde::Deserialize as _;
use toml::{Table, Value};

use super::{
    error::{ConfigError, Place},
    raw::Raw,
};

/// What begins the name of every variable of ours.
pub const PREFIX: &str = "COMETBOT_";

/// Keys whose values no message may repeat.
const SECRET_KEYS: [&str; 2] = ["token", "password"];

/// The variables that set keys, by name without the prefix.
#[derive(Debug, Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// Takes those of our variables out of a list, which is usually [`std::env::vars_os`]. What has no `__` in it sets
    /// no key, since every key stands in a table.
    pub fn new(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let ours = variables.into_iter().filter_map(|(name, value)| {
            let name = name.to_str()?.strip_prefix(PREFIX)?;
            name.contains("__").then(|| (name.to_owned(), value.to_string_lossy().into_owned()))
        });
        Self(ours.collect())
    }

    /// The variable that sets the key, if one does.
    pub(super) fn variable(&self, key: &[&str]) -> Option<String> {
        let name = self.0.keys().find(|name| {
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
    for (name, value) in &environment.0 {
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
        None => error.message().to_owned(),
    }
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
