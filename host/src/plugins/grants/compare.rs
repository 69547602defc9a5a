//! What one list of grants has beyond another, and what two of them allow together.
//!
//! Called by whoever decides whether a new version may take over: it may if it asks for nothing beyond what was granted.

use super::{Grants, Heard, Verb};
use crate::comet::name::PipePattern;

impl Grants {
    /// Whether nothing is heard and nothing may be done.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.hear.is_empty() && Verb::ALL.into_iter().all(|verb| self.patterns(verb).is_empty())
    }

    /// What this asks for and `granted` does not cover; [empty](Self::is_empty) if `granted` allows all of it.
    ///
    /// Of a pipe that is heard the events that are missing are left, or all of its events if all were asked for and some
    /// are granted. A pattern is left whole if no single granted one covers it.
    #[must_use]
    pub fn beyond(&self, granted: &Self) -> Self {
        let patterns = |verb| {
            let granted = granted.patterns(verb);
            self.patterns(verb).iter().filter(|asked| !granted.iter().any(|one| one.includes(asked))).cloned().collect()
        };
        Self {
            hear: self.hear.iter().filter_map(|asked| heard_beyond(asked, &granted.hear)).collect(),
            send: patterns(Verb::Send),
            log: patterns(Verb::Log),
            count: patterns(Verb::Count),
        }
    }

    /// What is left of this without the pipes that `hears` and the patterns that `covers`.
    #[must_use]
    pub fn without(&self, hears: impl Fn(&str) -> bool, covers: impl Fn(Verb, &PipePattern) -> bool) -> Self {
        let patterns = |verb| self.patterns(verb).iter().filter(|asked| !covers(verb, asked)).cloned().collect();
        Self {
            hear: self.hear.iter().filter(|heard| !hears(heard.pipe.as_str())).cloned().collect(),
            send: patterns(Verb::Send),
            log: patterns(Verb::Log),
            count: patterns(Verb::Count),
        }
    }

    /// What this or `other` allows, each of it once.
    #[must_use]
    pub fn with(&self, other: &Self) -> Self {
        let mut hear: Vec<Heard> = Vec::new();
        for added in self.hear.iter().chain(&other.hear) {
            match hear.iter_mut().find(|heard| heard.pipe == added.pipe) {
                Some(heard) => hear_also(heard, added),
                None => hear.push(added.clone()),
            }
        }
        let patterns = |verb| {
            let mut all = Vec::new();
            self.patterns(verb).iter().chain(other.patterns(verb)).for_each(|added| add_pattern(&mut all, added));
            all
        };
        Self { hear, send: patterns(Verb::Send), log: patterns(Verb::Log), count: patterns(Verb::Count) }
    }
}

/// Adds a pattern to those that do not include it, and removes what it includes.
pub(super) fn add_pattern(all: &mut Vec<PipePattern>, added: &PipePattern) {
    if !all.iter().any(|pattern| pattern.includes(added)) {
        all.retain(|pattern| !added.includes(pattern));
        all.push(added.clone());
    }
}

pub(super) fn heard_beyond(asked: &Heard, granted: &[Heard]) -> Option<Heard> {
    let Some(granted) = granted.iter().find(|granted| granted.pipe == asked.pipe) else { return Some(asked.clone()) };
    if granted.events.is_empty() {
        return None;
    }
    if asked.events.is_empty() {
        return Some(asked.clone());
    }
    let missing: Vec<_> = asked.events.iter().filter(|event| !granted.events.contains(event)).cloned().collect();
    (!missing.is_empty()).then(|| Heard { pipe: asked.pipe.clone(), events: missing })
}

/// Adds the events of one to those of another of the same pipe; no event at all stands for all of them.
fn hear_also(heard: &mut Heard, added: &Heard) {
    if heard.events.is_empty() || added.events.is_empty() {
        heard.events.clear();
        return;
    }
    for event in &added.events {
        if !heard.events.contains(event) {
            heard.events.push(event.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

    use proptest::prelude::*;
    use serde_json::json;

    use super::{
        super::arbitrary::{allowed, any_grants},
        *,
    };

    fn grants(form: serde_json::Value) -> Grants {
        serde_json::from_value(form).unwrap()
    }

    /// What is left of `asked` where `granted` is granted, as people read it.
    fn left(asked: serde_json::Value, granted: serde_json::Value) -> String {
        grants(asked).beyond(&grants(granted)).to_string()
    }

    #[test]
    fn a_narrower_pattern_is_covered_and_a_wider_one_is_not() {
        for (asked, granted, covered) in [
            ("web_a", "web_a", true),
            ("web_a", "web_*", true),
            ("web_ab*", "web_a*", true),
            ("web_a*", "web_a*", true),
            ("web_a*", "*", true),
            ("web_a*", "web_a", false),
            ("web_a*", "web_ab*", false),
            ("*", "web_*", false),
            ("web_ab", "web_a", false),
        ] {
            for verb in Verb::ALL {
                let [asked, granted] = [asked, granted].map(|pattern| grants(json!({verb.name(): [pattern]})));
                assert_eq!(asked.beyond(&granted).is_empty(), covered, "{asked} of {granted}");
            }
        }
        assert_eq!(left(json!({"send": ["web_a"]}), json!({"log": ["web_a"]})), "hears nothing; send web_a");
    }

    #[test]
    fn of_a_pipe_only_the_events_that_are_missing_are_left() {
        let all = json!({"hear": [{"pipe": "web_a"}]});
        let some = json!({"hear": [{"pipe": "web_a", "events": ["x", "y"]}]});
        let one = json!({"hear": [{"pipe": "web_a", "events": ["y"]}]});
        assert_eq!(left(some.clone(), all.clone()), "hears nothing");
        assert_eq!(left(some.clone(), one), "hears web_a[x]");
        assert_eq!(left(all.clone(), some), "hears web_a");
        assert_eq!(left(all, json!({"hear": [{"pipe": "web_b"}]})), "hears web_a");
    }

    #[test]
    fn together_they_allow_each_thing_once() {
        let (one, other) = (
            grants(json!({"hear": [{"pipe": "web_a", "events": ["x"]}], "send": ["web_a", "web_b"], "log": ["web_*"]})),
            grants(
                json!({"hear": [{"pipe": "web_a", "events": ["x", "y"]}, {"pipe": "msg"}], "send": ["web_*"], "log": ["web_a"]}),
            ),
        );
        assert_eq!(one.with(&other).to_string(), "hears web_a[x,y] msg; send web_*; log web_*");
        let all = grants(json!({"hear": [{"pipe": "web_a"}]}));
        assert_eq!((one.with(&all).hear, all.with(&one).hear), (all.hear.clone(), all.hear.clone()));
    }

    fn allows_all_of(grants: &Grants, others: &Grants) -> bool {
        allowed(grants).into_iter().zip(allowed(others)).all(|(one, other)| one || !other)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn nothing_is_beyond_itself_or_beyond_what_it_is_part_of(a in any_grants(), b in any_grants()) {
            prop_assert!(a.beyond(&a).is_empty());
            prop_assert!(a.beyond(&a.with(&b)).is_empty());
            prop_assert!(b.beyond(&a.with(&b)).is_empty());
            prop_assert!(Grants::default().beyond(&a).is_empty());
            prop_assert_eq!(a.beyond(&Grants::default()).is_empty(), a.is_empty());
        }

        #[test]
        fn what_has_nothing_beyond_is_allowed_whole(a in any_grants(), b in any_grants()) {
            if a.beyond(&b).is_empty() {
                prop_assert!(allows_all_of(&b, &a));
            }
            prop_assert!(allows_all_of(&b.with(&a.beyond(&b)), &a));
            prop_assert!(allows_all_of(&a, &a.beyond(&b)), "nothing is made up");
        }

        #[test]
        fn two_together_allow_what_one_of_them_allows(a in any_grants(), b in any_grants()) {
            let either: Vec<bool> = allowed(&a).into_iter().zip(allowed(&b)).map(|(a, b)| a || b).collect();
            prop_assert_eq!(allowed(&a.with(&b)), either);
            prop_assert_eq!(a.with(&b).with(&b), a.with(&b));
        }

        #[test]
        fn grants_are_read_as_they_were_written(grants in any_grants()) {
            prop_assert_eq!(serde_json::from_str::<Grants>(&serde_json::to_string(&grants).unwrap()).unwrap(), grants);
        }
    }
}
