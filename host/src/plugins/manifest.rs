//! What a plugin will ask for at most, as it says in its file: a custom section that is read without running anything.
//!
//! It is JSON, `{"hear":["web_*"],"send":["web_chat"]}`: for each verb the pipes, as patterns. What `setup` asks for must
//! be among it. Read by `package`, held against `setup` by `slot`, shown by `cli`; `kit` makes it out of manifest.toml.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{
    grants::{Grants, Verb},
    limits::WANTS,
};
use crate::{
    comet::name::{NameError, PipePattern},
    config::is_other_name,
};

pub mod section;

pub use section::SECTION;

/// The longest manifest, in bytes.
const MAX_BYTES: usize = 64 * 1024;

/// What a plugin will ask for at most.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Form", try_from = "Form")]
pub struct Manifest {
    hear: Vec<PipePattern>,
    send: Vec<PipePattern>,
    log: Vec<PipePattern>,
    count: Vec<PipePattern>,
    user_status: Vec<String>,
    http: Vec<String>,
    keys: Vec<String>,
}

/// Why a manifest is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// There is more than one, and they differ.
    #[error("it has several manifests (sections `{SECTION}`) that differ: leave one")]
    Several,
    /// It is longer than any sensible one.
    #[error("its manifest is {0} bytes long; {MAX_BYTES} is the most")]
    TooLong(usize),
    /// It is no JSON, or another one than that of a manifest.
    #[error("its manifest (section `{SECTION}`) cannot be read: {0}")]
    Unreadable(String),
}

/// What is wrong in a list of a manifest.
#[derive(Debug, thiserror::Error)]
enum FormError {
    #[error("`{verb}` names what cannot be: {source}")]
    Name { verb: &'static str, source: NameError },
    #[error("`{0}` names what cannot be: write letters, digits and signs without spaces")]
    Other(&'static str),
    #[error("`{verb}` has {given} names; {WANTS} is the most")]
    TooMany { verb: &'static str, given: usize },
}

/// As it is written; what is left out is empty.
#[derive(Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Form {
    hear: Vec<String>,
    send: Vec<String>,
    log: Vec<String>,
    count: Vec<String>,
    user_status: Vec<String>,
    http: Vec<String>,
    keys: Vec<String>,
}

impl Manifest {
    /// The manifest in a file's bytes, be they binary or text; none if there is none, or nothing that could have one.
    ///
    /// # Errors
    /// A [`ManifestError`].
    pub fn of(bytes: &[u8]) -> Result<Option<Self>, ManifestError> {
        section::read(bytes)?.map(|json| Self::parse(&json)).transpose()
    }

    /// Reads a section's content.
    ///
    /// # Errors
    /// A [`ManifestError`].
    pub fn parse(json: &[u8]) -> Result<Self, ManifestError> {
        if json.len() > MAX_BYTES {
            return Err(ManifestError::TooLong(json.len()));
        }
        // A list of lists would be taken for the fields in their order.
        if !json.trim_ascii_start().starts_with(b"{") {
            return Err(ManifestError::Unreadable("it is no JSON object".to_owned()));
        }
        serde_json::from_slice(json).map_err(|error| ManifestError::Unreadable(error.to_string()))
    }

    /// What of `asks` it does not name.
    #[must_use]
    pub fn beyond(&self, asks: &Grants) -> Grants {
        asks.without(
            |pipe| self.hear.iter().any(|pattern| pattern.covers(pipe)),
            |verb, asked| {
                let named = match verb {
                    Verb::Send => &self.send,
                    Verb::Log => &self.log,
                    Verb::Count => &self.count,
                };
                named.iter().any(|pattern| pattern.includes(asked))
            },
        )
    }
}

impl From<Manifest> for Form {
    fn from(manifest: Manifest) -> Self {
        let Manifest { hear, send, log, count, user_status, http, keys } = manifest;
        let texts = |patterns: Vec<PipePattern>| patterns.iter().map(ToString::to_string).collect();
        Self { hear: texts(hear), send: texts(send), log: texts(log), count: texts(count), user_status, http, keys }
    }
}

impl TryFrom<Form> for Manifest {
    type Error = FormError;

    fn try_from(form: Form) -> Result<Self, FormError> {
        let few = |verb, list: Vec<String>| match list.len() {
            given if given > WANTS => Err(FormError::TooMany { verb, given }),
            _ => Ok(list),
        };
        let patterns = |verb, list| {
            let read = |text: String| match verb {
                "hear" => PipePattern::heard(&text),
                _ => PipePattern::new(&text),
            };
            let patterns = few(verb, list)?.into_iter().map(read).collect::<Result<Vec<_>, _>>();
            patterns.map_err(|source| FormError::Name { verb, source })
        };
        let others = |verb, list| {
            let list = few(verb, list)?;
            if list.iter().all(|text| is_other_name(text)) { Ok(list) } else { Err(FormError::Other(verb)) }
        };
        Ok(Self {
            hear: patterns("hear", form.hear)?,
            send: patterns("send", form.send)?,
            log: patterns("log", form.log)?,
            count: patterns("count", form.count)?,
            user_status: others("user-status", form.user_status)?,
            http: others("http", form.http)?,
            keys: others("keys", form.keys)?,
        })
    }
}

impl fmt::Display for Manifest {
    /// As `hear web_*; send web_chat`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Form { hear, send, log, count, user_status, http, keys } = self.clone().into();
        let lists = [
            ("hear", hear),
            ("send", send),
            ("log", log),
            ("count", count),
            ("user-status", user_status),
            ("http", http),
            ("keys", keys),
        ];
        let named: Vec<String> = lists
            .iter()
            .filter(|(_, names)| !names.is_empty())
            .map(|(verb, names)| format!("{verb} {}", names.join(" ")))
            .collect();
        f.write_str(if named.is_empty() { "nothing" } else { "" })?;
        f.write_str(&named.join("; "))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use proptest::prelude::*;

    use super::*;

    fn why(json: &str) -> String {
        Manifest::parse(json.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn what_setup_may_ask_for_is_what_is_named() {
        let manifest =
            Manifest::parse(br#"{"hear": ["web_*", "host:gap"], "send": ["web_a*"], "http": ["*.example.org"]}"#)
                .unwrap();
        assert_eq!(manifest.to_string(), "hear web_* host:gap; send web_a*; http *.example.org");
        let asks: Grants = serde_json::from_value(serde_json::json!({
            "hear": [{"pipe": "web_x", "events": ["msg"]}, {"pipe": "msg"}, {"pipe": "host:gap"}],
            "send": ["web_ab*", "web_*"], "log": ["web_a"],
        }))
        .unwrap();
        assert_eq!(manifest.beyond(&asks).to_string(), "hears msg; send web_*; log web_a");
        assert_eq!(Manifest::default().to_string(), "nothing");
    }

    #[test]
    fn a_manifest_that_is_none_is_told_by_what_is_wrong() {
        assert!(why(r#"{"sent": []}"#).contains("unknown field `sent`, expected one of `hear`, `send`"));
        assert!(why(r#"{"send": ["web a"]}"#).contains("`send` names what cannot be"));
        assert!(why(r#"{"http": ["a b"]}"#).contains("`http` names what cannot be"));
        assert!(why("{").contains("cannot be read"));
        assert!(why(r#"[["web_a"]]"#).contains("cannot be read"));
        assert!(why(&format!("{{\"keys\": [\"{}\"]}}", "k".repeat(MAX_BYTES))).contains("is the most"));
        assert!(why(&format!("{{\"log\": [{}\"web_a\"]}}", "\"web_a\",".repeat(WANTS))).contains("has 129 names"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_manifest_or_an_error(json in any::<Vec<u8>>()) {
            if let Ok(manifest) = Manifest::parse(&json) {
                let written = serde_json::to_vec(&manifest).unwrap();
                prop_assert_eq!(Manifest::parse(&written).unwrap(), manifest);
            }
        }
    }
}
