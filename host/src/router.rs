//! Pipe and event name → whoever wants the event, in constant time, however many plugins there are.
//!
//! A [`Routes`] is made whole whenever the set of running plugins changes and never changed afterwards, so that a reader
//! looks up without a lock. Made by `bot`, read by the inlet of a link. Pure.

use std::{collections::BTreeSet, sync::Arc};

use hashbrown::{HashMap, HashSet};

use crate::comet::name::{EventName, PipeName};

/// Where events of each pipe go. `T` is whatever takes them.
#[derive(Debug, Clone)]
pub struct Routes<T> {
    pipes: HashMap<PipeName, Pipe<T>>,
}

#[derive(Debug, Clone)]
struct Pipe<T> {
    /// The name, shared by all events of the pipe.
    name: Arc<str>,
    /// Who takes an event whose name nobody asked for by name.
    any: Arc<[T]>,
    /// Who takes an event by that name; those who take all of them included.
    named: HashMap<EventName, Named<T>>,
}

#[derive(Debug, Clone)]
struct Named<T> {
    name: Arc<str>,
    takers: Arc<[T]>,
}

/// Who wants an event, with its names in a form that can be shared.
#[derive(Debug)]
pub struct Route<'a, T> {
    /// The pipe's name.
    pub pipe: &'a Arc<str>,
    /// The event's name, if someone asked for it by name.
    pub name: Option<&'a Arc<str>>,
    /// Those who want it, each once.
    pub takers: &'a [T],
}

impl<T> Default for Routes<T> {
    fn default() -> Self {
        Self { pipes: HashMap::new() }
    }
}

impl<T: Clone> Routes<T> {
    /// Routes for `takers`, each with the pipes it hears and the names of the events; no name means all events.
    /// The order of the takers is the order in which they get an event.
    pub fn new<'a>(takers: impl IntoIterator<Item = (T, &'a PipeName, &'a [EventName])>) -> Self
    where
        T: 'a,
    {
        let mut hearings: HashMap<&PipeName, Vec<(T, &[EventName])>> = HashMap::new();
        for (taker, pipe, events) in takers {
            hearings.entry(pipe).or_default().push((taker, events));
        }
        let pipes = hearings.into_iter().map(|(pipe, hearings)| (pipe.clone(), Pipe::new(pipe, &hearings))).collect();
        Self { pipes }
    }

    /// Who wants the event `name` of `pipe`.
    #[must_use]
    pub fn find(&self, pipe: &str, name: &str) -> Option<Route<'_, T>> {
        let pipe = self.pipes.get(pipe)?;
        let named = pipe.named.get(name);
        let takers = named.map_or(&pipe.any, |named| &named.takers);
        Some(Route { pipe: &pipe.name, name: named.map(|named| &named.name), takers })
    }

    /// The pipes that must be subscribed: exactly those that someone hears, but for those that come by themselves.
    #[must_use]
    pub fn subscription(&self) -> BTreeSet<PipeName> {
        self.pipes.keys().filter(|pipe| pipe.is_subscribed()).cloned().collect()
    }
}

impl<T: Clone> Pipe<T> {
    fn new(pipe: &PipeName, hearings: &[(T, &[EventName])]) -> Self {
        let takers = |wants: &dyn Fn(&[EventName]) -> bool| -> Arc<[T]> {
            hearings.iter().filter(|(_, events)| wants(events)).map(|(taker, _)| taker.clone()).collect()
        };
        let names: HashSet<&EventName> = hearings.iter().flat_map(|(_, events)| *events).collect();
        let named = names.into_iter().map(|name| {
            let takers = takers(&|events| events.is_empty() || events.contains(name));
            (name.clone(), Named { name: name.as_str().into(), takers })
        });
        Self { name: pipe.as_str().into(), any: takers(&|events| events.is_empty()), named: named.collect() }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn names(names: &[&str]) -> Vec<EventName> {
        names.iter().map(|name| EventName::new(name).unwrap()).collect()
    }

    fn takers(routes: &Routes<u8>, pipe: &str, name: &str) -> Vec<u8> {
        routes.find(pipe, name).map(|route| route.takers.to_vec()).unwrap_or_default()
    }

    #[test]
    fn an_event_goes_to_those_who_named_it_and_to_those_who_take_all() {
        let chat = PipeName::new("web_chat").unwrap();
        let (only_msg, all) = (names(&["msg"]), names(&[]));
        let routes = Routes::new([(1, &chat, &*only_msg), (2, &chat, &*all)]);
        assert_eq!(takers(&routes, "web_chat", "msg"), [1, 2]);
        assert_eq!(takers(&routes, "web_chat", "other"), [2]);
        assert_eq!(takers(&routes, "web_other", "msg"), [0u8; 0]);
    }

    #[test]
    fn a_taker_gets_an_event_once_even_if_it_names_it_twice() {
        let chat = PipeName::new("web_chat").unwrap();
        let twice = names(&["msg", "msg"]);
        let routes = Routes::new([(1, &chat, &*twice)]);
        assert_eq!(takers(&routes, "web_chat", "msg"), [1]);
    }

    #[test]
    fn the_subscription_is_the_union_of_what_is_heard_without_personal_messages() {
        let pipes = ["web_b", "web_a", "msg"].map(|name| PipeName::new(name).unwrap());
        let routes = Routes::new(pipes.iter().flat_map(|pipe| [(1, pipe, &[][..]), (2, pipe, &[][..])]));
        let subscription = routes.subscription();
        assert_eq!(subscription.iter().map(PipeName::as_str).collect::<Vec<_>>(), ["web_a", "web_b"]);
        assert_eq!(takers(&routes, "msg", "anything"), [1, 2]);
    }
}
