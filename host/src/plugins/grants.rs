//! What a plugin asks for and may do: pipes, verb by verb. Whatever is not listed is refused.
//!
//! Checked by `api` before each call; made by `slot` out of the answer of `setup`, and limited there to what is
//! [`Granted`]; compared by whoever decides whether a new version may take over.

use serde::{Deserialize, Serialize};

use self::form::Form;
pub use self::{granted::Granted, refused::Refused, shown::AskedFor};
use crate::comet::name::{EventName, NameError, PipeName, PipePattern};

use super::{
    api::types::{Hearing, Wants},
    limits::WANTS,
};

#[cfg(test)]
mod arbitrary;
mod compare;
mod form;
mod granted;
mod refused;
mod shown;

/// Something a plugin does with a pipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// `comet.send`
    Send,
    /// `comet.log`
    Log,
    /// `comet.count`
    Count,
}

impl Verb {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Send, Self::Log, Self::Count];

    /// The name of the host function and of the list in `wants`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Log => "log",
            Self::Count => "count",
        }
    }
}

/// A pipe to hear, and which of its events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// The pipe.
    pub pipe: PipeName,
    /// The events; empty means all.
    pub events: Vec<EventName>,
}

/// What a plugin may hear and do.
///
/// As JSON `{"hear":[{"pipe":"web_chat","events":["msg"]}],"send":["web_*"],"log":[],"count":[]}`; what is left out is
/// empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Form", try_from = "Form")]
pub struct Grants {
    /// The pipes it hears.
    pub hear: Vec<Heard>,
    send: Vec<PipePattern>,
    log: Vec<PipePattern>,
    count: Vec<PipePattern>,
}

/// A list in the answer of `setup` that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WantsError {
    /// A name that no pipe or event can have.
    #[error("`setup` asks in `{list}` for what cannot be: {source}")]
    Name {
        /// The list it stands in.
        list: &'static str,
        /// What is wrong with the name.
        source: NameError,
    },
    /// More than any plugin needs.
    #[error("`setup` asks for {given} names in `{list}`; {WANTS} is the most")]
    TooMany {
        /// The list.
        list: &'static str,
        /// How many there are.
        given: usize,
    },
}

impl Grants {
    /// Reads what a plugin wants.
    ///
    /// # Errors
    /// A [`WantsError`] if a name in it is none.
    pub fn from_wants(wants: &Wants) -> Result<Self, WantsError> {
        let named = |list| move |source| WantsError::Name { list, source };
        let most_events = wants.hear.iter().map(|hearing| hearing.events.len()).max().unwrap_or_default();
        for (list, given) in [
            ("hear", wants.hear.len()),
            ("events", most_events),
            ("send", wants.send.len()),
            ("log", wants.log.len()),
            ("count", wants.count.len()),
        ] {
            if given > WANTS {
                return Err(WantsError::TooMany { list, given });
            }
        }
        Ok(Self {
            hear: heard(&wants.hear).map_err(named("hear"))?,
            send: patterns(&wants.send).map_err(named("send"))?,
            log: patterns(&wants.log).map_err(named("log"))?,
            count: patterns(&wants.count).map_err(named("count"))?,
        })
    }

    /// The patterns for a verb.
    #[must_use]
    pub fn patterns(&self, verb: Verb) -> &[PipePattern] {
        match verb {
            Verb::Send => &self.send,
            Verb::Log => &self.log,
            Verb::Count => &self.count,
        }
    }

    /// Whether the verb may be used on the pipe.
    #[must_use]
    pub fn covers(&self, verb: Verb, pipe: &str) -> bool {
        self.patterns(verb).iter().any(|pattern| pattern.covers(pipe))
    }

    /// The pipes that must be subscribed for this plugin.
    pub fn subscribed(&self) -> impl Iterator<Item = &PipeName> {
        self.hear.iter().map(|heard| &heard.pipe).filter(|pipe| pipe.is_subscribed())
    }

    /// Whether an event was asked for.
    #[must_use]
    pub fn hears(&self, pipe: &str, name: &str) -> bool {
        let heard = self.hear.iter().find(|heard| heard.pipe.as_str() == pipe);
        heard.is_some_and(|heard| heard.events.is_empty() || heard.events.iter().any(|event| event.as_str() == name))
    }
}

fn patterns(names: &[String]) -> Result<Vec<PipePattern>, NameError> {
    names.iter().map(|name| PipePattern::new(name)).collect()
}

/// The pipes of a list, each once: who names a pipe twice hears its events once.
fn heard(hearings: &[Hearing]) -> Result<Vec<Heard>, NameError> {
    let mut all: Vec<Heard> = Vec::new();
    for hearing in hearings {
        let pipe = PipeName::heard(&hearing.pipe)?;
        let events: Vec<EventName> =
            hearing.events.iter().map(|name| EventName::new(name)).collect::<Result<_, _>>()?;
        match all.iter_mut().find(|heard| heard.pipe == pipe) {
            Some(heard) if heard.events.is_empty() || events.is_empty() => heard.events.clear(),
            Some(heard) => heard.events.extend(events),
            None => all.push(Heard { pipe, events }),
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use serde_json::json;

    use super::*;

    fn wants() -> Wants {
        Wants {
            version: String::new(),
            hear: vec![
                Hearing { pipe: "web_chat".into(), events: vec!["msg".into()] },
                Hearing { pipe: "msg".into(), events: vec![] },
            ],
            send: vec!["web_*".into()],
            log: vec!["web_chat".into()],
            count: vec![],
        }
    }

    #[test]
    fn a_pattern_covers_a_whole_name_or_a_beginning() {
        let grants = Grants::from_wants(&wants()).unwrap();
        assert!(grants.covers(Verb::Send, "web_anything"));
        assert!(grants.covers(Verb::Log, "web_chat"));
        assert!(!grants.covers(Verb::Log, "web_chat2"));
        assert!(!grants.covers(Verb::Count, "web_chat"));
    }

    #[test]
    fn grants_are_shown_in_one_line() {
        let grants = Grants::from_wants(&wants()).unwrap();
        assert_eq!(grants.to_string(), "hears web_chat[msg] msg; send web_*; log web_chat");
        assert_eq!(Grants::default().to_string(), "hears nothing");
        assert_eq!(AskedFor(&grants).to_string(), "hear web_chat[msg] msg; send web_*; log web_chat");
        let without_hearing = Grants { hear: Vec::new(), ..grants };
        assert_eq!(AskedFor(&without_hearing).to_string(), "send web_*; log web_chat");
    }

    #[test]
    fn grants_as_json_keep_their_form() {
        let grants = Grants::from_wants(&wants()).unwrap();
        let form = json!({
            "hear": [{"pipe": "web_chat", "events": ["msg"]}, {"pipe": "msg", "events": []}],
            "send": ["web_*"], "log": ["web_chat"], "count": [],
        });
        assert_eq!(serde_json::to_value(&grants).unwrap(), form);
        assert_eq!(serde_json::from_value::<Grants>(form).unwrap(), grants);
        let of_the_host = json!({"hear": [{"pipe": "host:gap"}], "of a later version": 1});
        assert_eq!(serde_json::from_value::<Grants>(of_the_host).unwrap().to_string(), "hears host:gap");
        let no_name = serde_json::from_value::<Grants>(json!({"send": ["no name"]})).unwrap_err();
        assert!(no_name.to_string().contains("no name"), "{no_name}");
    }

    #[test]
    fn only_what_was_asked_for_is_heard() {
        let grants = Grants::from_wants(&wants()).unwrap();
        assert_eq!(grants.subscribed().map(PipeName::as_str).collect::<Vec<_>>(), ["web_chat"]);
        assert!(grants.hears("msg", "anything") && grants.hears("web_chat", "msg"));
        assert!(!grants.hears("web_chat", "other") && !grants.hears("web_other", "msg"));
    }

    #[test]
    fn a_pipe_named_twice_is_heard_once_with_all_its_events() {
        let mut wants = wants();
        wants.hear.push(Hearing { pipe: "web_chat".into(), events: vec!["edit".into()] });
        let grants = Grants::from_wants(&wants).unwrap();
        assert_eq!(grants.hear.len(), 2);
        assert_eq!(grants.hear[0].events.iter().map(EventName::as_str).collect::<Vec<_>>(), ["msg", "edit"]);
        wants.hear.push(Hearing { pipe: "web_chat".into(), events: vec![] });
        assert!(Grants::from_wants(&wants).unwrap().hear[0].events.is_empty(), "no name means all of them");
    }

    #[test]
    fn a_plugin_that_asks_for_everything_is_refused() {
        let mut wants = wants();
        wants.send = vec!["web_a".into(); WANTS + 1];
        assert_eq!(Grants::from_wants(&wants), Err(WantsError::TooMany { list: "send", given: WANTS + 1 }));
    }

    #[test]
    fn a_name_that_cannot_be_is_refused_with_the_list_it_stands_in() {
        let mut wants = wants();
        wants.hear[0].pipe = "web чат".into();
        let message = Grants::from_wants(&wants).unwrap_err().to_string();
        assert!(message.contains("`hear`") && message.contains("web чат"), "{message}");
    }
}
