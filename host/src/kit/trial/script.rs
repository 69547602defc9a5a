//! `test.toml`: the events that are played to a plugin, and what is expected of it.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use serde::Deserialize;

/// The file with a plugin's tests, in its folder.
pub const FILE: &str = "test.toml";

/// A whole test.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// The plugin's settings, as in its table in bot.toml.
    #[serde(default)]
    pub config: BTreeMap<String, String>,
    /// What stands in pipes' logs before the first event.
    #[serde(default)]
    pub log: Vec<Logged>,
    /// What happens, in this order and to one instance of the plugin.
    #[serde(default, rename = "case")]
    pub cases: Vec<Case>,
}

/// A message in a pipe's log.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Logged {
    /// The pipe.
    pub pipe: String,
    /// The event's name.
    pub event: String,
    /// The payload.
    pub data: String,
}

/// One event and what is expected.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What is tested, in words.
    pub name: String,
    /// What the plugin gets.
    pub event: Played,
    /// What it must send: all of it, in this order; nothing if this is left out.
    #[serde(default)]
    pub sends: Vec<Sent>,
    /// A part of the words with which it must fail, if it must.
    pub fails: Option<String>,
}

/// An event as it is played; see `record event` in the contract.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the contract documents its fields")]
pub struct Played {
    pub pipe: String,
    pub name: String,
    pub data: String,
    pub user_id: Option<u64>,
    pub time: Option<u64>,
    #[serde(default)]
    pub history: bool,
}

/// Something that a plugin sends.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sent {
    /// The pipe.
    pub pipe: String,
    /// The event's name.
    pub event: String,
    /// The message.
    pub message: String,
}

/// Why there is nothing to play.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}; write the plugin's tests there, or copy the ones that `cometbot new` makes", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It has a mistake.
    #[error("{}: {message}", path.display())]
    Mistake {
        /// The file.
        path: PathBuf,
        /// What, and where.
        message: String,
    },
    /// It has no case.
    #[error("{}: there is no [[case]] in it, so it tests nothing", _0.display())]
    Empty(PathBuf),
}

impl Script {
    /// Reads a file.
    ///
    /// # Errors
    /// A [`ScriptError`] that names the file and, for a mistake, its place.
    pub fn read(path: &Path) -> Result<Self, ScriptError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ScriptError::Unreadable { path: path.to_owned(), source })?;
        let script: Self = toml::from_str(&text)
            .map_err(|error| ScriptError::Mistake { path: path.to_owned(), message: error.to_string() })?;
        if script.cases.is_empty() { Err(ScriptError::Empty(path.to_owned())) } else { Ok(script) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use super::*;

    fn read(text: &str) -> Result<Script, ScriptError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(FILE);
        std::fs::write(&path, text).unwrap();
        Script::read(&path)
    }

    #[test]
    fn a_case_has_an_event_and_what_is_expected_of_it() {
        let script = read(
            r#"
            [config]
            greeting = "hi"
            [[case]]
            name = "it greets"
            event = { pipe = "web_chat", name = "msg", data = "!hello", user-id = 7 }
            sends = [{ pipe = "web_chat", event = "bot", message = "hi" }]
            "#,
        )
        .unwrap();
        assert_eq!(script.config["greeting"], "hi");
        let case = &script.cases[0];
        assert_eq!((case.event.user_id, case.event.time, case.event.history), (Some(7), None, false));
        assert_eq!((case.sends[0].message.as_str(), &case.fails), ("hi", &None));
    }

    #[test]
    fn a_mistake_is_told_with_its_place_and_a_test_of_nothing_is_one() {
        let words = read("[[case]]\nname = \"x\"\nevnt = 1").unwrap_err().to_string();
        assert!(words.contains("line 3") && words.contains("evnt"), "{words}");
        assert!(matches!(read(""), Err(ScriptError::Empty(_))));
    }
}
