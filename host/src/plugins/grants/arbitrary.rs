//! Grants for property tests, over so few names that they meet.

#![allow(clippy::unwrap_used, reason = "tests")]

use proptest::{collection::vec, prelude::*};
use serde_json::json;

use super::{Grants, Verb};

pub(super) fn any_patterns() -> impl Strategy<Value = Vec<String>> {
    vec("[ab]{2,3}|[ab]{0,3}\\*", 0..3)
}

pub(super) fn any_grants() -> impl Strategy<Value = Grants> {
    let hear = vec(("[ab]{2,4}", vec("[xy]", 0..3)), 0..3);
    (hear, any_patterns(), any_patterns(), any_patterns()).prop_map(|(hear, send, log, count)| {
        let hear: Vec<_> = hear.into_iter().map(|(pipe, events)| json!({"pipe": pipe, "events": events})).collect();
        serde_json::from_value(json!({"hear": hear, "send": send, "log": log, "count": count})).unwrap()
    })
}

/// All pipes that the names and patterns above can speak of, and all events, one that no list names among them.
pub(super) fn everything() -> impl Iterator<Item = (String, &'static str)> {
    let pipes = (2..=4_u32).flat_map(|length| {
        (0..1_u32 << length)
            .map(move |bits| (0..length).map(|at| if bits >> at & 1 == 0 { 'a' } else { 'b' }).collect())
    });
    pipes.flat_map(|pipe: String| ["x", "y", "z"].map(|event| (pipe.clone(), event)))
}

/// What of [`everything`] is allowed.
pub(super) fn allowed(grants: &Grants) -> Vec<bool> {
    let of = |(pipe, event): (String, &str)| {
        let [send, log, count] = Verb::ALL.map(|verb| grants.covers(verb, &pipe));
        [grants.hears(&pipe, event), send, log, count]
    };
    everything().flat_map(of).collect()
}
