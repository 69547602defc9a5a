//! A call that a plugin may not make, in words for its author.

use super::{Grants, Verb};
use crate::comet::name::{self, PipePattern};

/// Why a plugin may not use a verb on a pipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// It did not ask for it.
    NotAsked,
    /// It asked, and the operator has not granted it.
    NotGranted,
}

impl Refused {
    /// Of a plugin that asks for `asks`.
    #[must_use]
    pub fn of(asks: &Grants, verb: Verb, pipe: &str) -> Self {
        if asks.covers(verb, pipe) { Self::NotGranted } else { Self::NotAsked }
    }

    /// What to change, for the author of the plugin.
    #[must_use]
    pub fn words(self, plugin: &str, verb: Verb, pipe: &str) -> String {
        let shown = pipe.get(..pipe.floor_char_boundary(name::NAME_MAX_BYTES)).unwrap_or_default();
        let list = verb.name();
        match self {
            Self::NotAsked => {
                format!("`setup` did not ask to {list} in the pipe {shown:?}: name it in the list `{list}`")
            }
            // No pattern grants what is no name.
            Self::NotGranted if PipePattern::new(pipe).is_err() => {
                format!("the operator has not granted to {list} in the pipe {shown:?}, which is no name of a pipe")
            }
            Self::NotGranted => {
                let act = match verb {
                    Verb::Send => "send to",
                    Verb::Log => "read the log of",
                    Verb::Count => "count the subscribers of",
                };
                format!("the operator has not granted to {act} {pipe}: [plugin.{plugin}.grants] {list} = [\"{pipe}\"]")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use serde_json::json;

    use super::*;

    #[test]
    fn a_refused_call_says_whose_turn_it_is_to_change_something() {
        let asks: Grants = serde_json::from_value(json!({"send": ["web_*"]})).unwrap();
        let words = |verb, pipe| Refused::of(&asks, verb, pipe).words("karma", verb, pipe);
        assert_eq!(
            words(Verb::Send, "web_x"),
            "the operator has not granted to send to web_x: [plugin.karma.grants] send = [\"web_x\"]"
        );
        assert_eq!(
            words(Verb::Count, "web_x"),
            "`setup` did not ask to count in the pipe \"web_x\": name it in the list `count`"
        );
        let long = words(Verb::Send, &format!("web_\n{}", "x".repeat(1_000)));
        assert!(long.contains("web_\\n") && long.len() < 200, "{long}");
    }
}
