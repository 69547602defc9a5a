//! What the operator has granted to a plugin, in bot.toml and by command, and what of a plugin's wishes that covers.
//!
//! Used by `slot`, which lets a version do what it asked for and is granted, and by whoever tells people the difference.

use super::{
    Grants, Heard, Verb,
    compare::{add_pattern, heard_beyond},
};
use crate::{
    comet::name::PipePattern,
    config::{Allowed, NewGrants, PluginTerms},
};

/// What a plugin may do if it asks for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Granted {
    in_config: Allowed,
    by_command: Grants,
}

impl Granted {
    /// By a plugin's terms, together with what was granted by command.
    #[must_use]
    pub fn new(terms: &PluginTerms, by_command: &Grants) -> Self {
        let in_config = match terms.new_grants {
            NewGrants::Wait => terms.allowed.clone(),
            NewGrants::Grant => Allowed::everything(),
        };
        Self { in_config, by_command: by_command.clone() }
    }

    /// What of `asks` is granted: that is what a version may do.
    #[must_use]
    pub fn of(&self, asks: &Grants) -> Grants {
        let patterns = |verb| {
            let mut all = Vec::new();
            for asked in asks.patterns(verb) {
                if self.includes(verb, asked) {
                    add_pattern(&mut all, asked);
                } else {
                    // Of two patterns that have a pipe in common, one includes the other.
                    self.patterns(verb).filter(|one| asked.includes(one)).for_each(|one| add_pattern(&mut all, one));
                }
            }
            all
        };
        Grants {
            hear: asks.hear.iter().filter_map(|asked| self.heard(asked)).collect(),
            send: patterns(Verb::Send),
            log: patterns(Verb::Log),
            count: patterns(Verb::Count),
        }
    }

    /// What of `asks` is not granted. A pattern is missing whole if no single granted one covers it.
    #[must_use]
    pub fn missing(&self, asks: &Grants) -> Grants {
        let patterns = |verb| {
            let asked = asks.patterns(verb).iter();
            asked.filter(|asked| !self.includes(verb, asked)).cloned().collect()
        };
        let heard = |asked: &Heard| match self.hears_all_of(asked) {
            true => None,
            false => heard_beyond(asked, &self.by_command.hear),
        };
        Grants {
            hear: asks.hear.iter().filter_map(heard).collect(),
            send: patterns(Verb::Send),
            log: patterns(Verb::Log),
            count: patterns(Verb::Count),
        }
    }

    fn patterns(&self, verb: Verb) -> impl Iterator<Item = &PipePattern> {
        let in_config = match verb {
            Verb::Send => &self.in_config.send,
            Verb::Log => &self.in_config.log,
            Verb::Count => &self.in_config.count,
        };
        in_config.iter().chain(self.by_command.patterns(verb))
    }

    fn includes(&self, verb: Verb, asked: &PipePattern) -> bool {
        self.patterns(verb).any(|one| one.includes(asked))
    }

    /// bot.toml grants pipes with all that is heard there.
    fn hears_all_of(&self, asked: &Heard) -> bool {
        self.in_config.hear.iter().any(|pattern| pattern.covers(asked.pipe.as_str()))
    }

    /// What of a pipe and its events is granted; no event at all stands for all of them.
    fn heard(&self, asked: &Heard) -> Option<Heard> {
        if self.hears_all_of(asked) {
            return Some(asked.clone());
        }
        let granted = self.by_command.hear.iter().find(|granted| granted.pipe == asked.pipe)?;
        if granted.events.is_empty() {
            return Some(asked.clone());
        }
        if asked.events.is_empty() {
            return Some(granted.clone());
        }
        let events: Vec<_> = asked.events.iter().filter(|event| granted.events.contains(event)).cloned().collect();
        (!events.is_empty()).then(|| Heard { pipe: asked.pipe.clone(), events })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use proptest::prelude::*;
    use serde_json::json;

    use super::{
        super::arbitrary::{allowed, any_grants, any_patterns},
        *,
    };

    fn grants(form: serde_json::Value) -> Grants {
        serde_json::from_value(form).unwrap()
    }

    fn patterns(texts: &[&str]) -> Vec<PipePattern> {
        texts.iter().map(|text| PipePattern::heard(text).unwrap()).collect()
    }

    fn in_config(hear: &[&str], send: &[&str]) -> PluginTerms {
        let allowed = Allowed { hear: patterns(hear), send: patterns(send), ..Allowed::default() };
        PluginTerms { allowed, ..PluginTerms::default() }
    }

    #[test]
    fn only_what_is_asked_for_and_granted_may_be_done() {
        let granted = Granted::new(&in_config(&["web_*"], &["web_a"]), &grants(json!({"send": ["web_c*"]})));
        let asks = grants(json!({"hear": [{"pipe": "web_x"}, {"pipe": "msg"}], "send": ["web_*", "other"]}));
        assert_eq!(granted.of(&asks).to_string(), "hears web_x; send web_a web_c*");
        assert_eq!(granted.missing(&asks).to_string(), "hears msg; send web_* other");
        assert_eq!(granted.of(&Grants::default()), Grants::default(), "what is granted and not asked for is not given");
    }

    #[test]
    fn of_a_pipe_granted_by_command_only_the_granted_events_are_heard() {
        let granted =
            Granted::new(&in_config(&[], &[]), &grants(json!({"hear": [{"pipe": "web_a", "events": ["x"]}]})));
        for (asked, may, missing) in [
            (json!({"hear": [{"pipe": "web_a", "events": ["x", "y"]}]}), "hears web_a[x]", "hears web_a[y]"),
            (json!({"hear": [{"pipe": "web_a"}]}), "hears web_a[x]", "hears web_a"),
            (json!({"hear": [{"pipe": "web_a", "events": ["y"]}]}), "hears nothing", "hears web_a[y]"),
        ] {
            let asks = grants(asked);
            assert_eq!(
                (granted.of(&asks).to_string(), granted.missing(&asks).to_string()),
                (may.into(), missing.into())
            );
        }
    }

    #[test]
    fn who_is_granted_whatever_it_asks_for_has_all_of_it() {
        let terms = PluginTerms { new_grants: NewGrants::Grant, ..PluginTerms::default() };
        let asks = grants(json!({"hear": [{"pipe": "host:gap"}, {"pipe": "msg"}], "send": ["*"], "count": ["web_a"]}));
        let granted = Granted::new(&terms, &Grants::default());
        assert_eq!(granted.of(&asks), asks);
        assert!(granted.missing(&asks).is_empty());
    }

    fn any_granted() -> impl Strategy<Value = Granted> {
        let list =
            || any_patterns().prop_map(|texts| texts.iter().map(|text| PipePattern::new(text).unwrap()).collect());
        (any_grants(), list(), list(), list(), list()).prop_map(|(by_command, hear, send, log, count)| Granted {
            in_config: Allowed { hear, send, log, count, ..Allowed::default() },
            by_command,
        })
    }

    /// All that `granted` allows whoever asks for everything.
    fn allowed_at_all(granted: &Granted) -> Vec<bool> {
        let covers = |patterns: &[PipePattern], pipe: &str| patterns.iter().any(|pattern| pattern.covers(pipe));
        let Granted { in_config, by_command } = granted;
        let in_config = super::super::arbitrary::everything().flat_map(|(pipe, _)| {
            let Allowed { hear, send, log, count, .. } = in_config;
            [hear, send, log, count].map(|patterns| covers(patterns, &pipe))
        });
        in_config.zip(allowed(by_command)).map(|(one, other)| one || other).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_version_may_do_exactly_what_it_asked_for_and_is_granted(asks in any_grants(), granted in any_granted()) {
            let both: Vec<bool> =
                allowed(&asks).into_iter().zip(allowed_at_all(&granted)).map(|(asked, may)| asked && may).collect();
            prop_assert_eq!(allowed(&granted.of(&asks)), both);
        }

        #[test]
        fn what_is_missing_and_what_is_granted_are_all_that_was_asked_for(asks in any_grants(), granted in any_granted()) {
            let (may, missing) = (granted.of(&asks), granted.missing(&asks));
            prop_assert!(may.beyond(&asks).is_empty() && missing.beyond(&asks).is_empty());
            prop_assert_eq!(allowed(&may.with(&missing)), allowed(&asks));
            if missing.is_empty() {
                prop_assert_eq!(allowed(&may), allowed(&asks));
            }
            let all = Granted { by_command: granted.by_command.with(&missing), ..granted };
            prop_assert!(all.missing(&asks).is_empty());
        }
    }
}
