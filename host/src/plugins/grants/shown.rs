//! Grants as people read and write them: in one line, and as lines of bot.toml.

use std::fmt;

use super::{Grants, Verb};
use crate::comet::name::EventName;

impl fmt::Display for Grants {
    /// What a plugin hears and may do, for people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("hears")?;
        if self.hear.is_empty() {
            f.write_str(" nothing")?;
        }
        self.write_heard(f)?;
        self.write_verbs(f, "; ")
    }
}

/// What a plugin asks for, for people: `hear web_a; send web_*`.
#[derive(Debug, Clone, Copy)]
pub struct AskedFor<'a>(pub &'a Grants);

impl fmt::Display for AskedFor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(grants) = self;
        if !grants.hear.is_empty() {
            f.write_str("hear")?;
            grants.write_heard(f)?;
        }
        grants.write_verbs(f, if grants.hear.is_empty() { "" } else { "; " })
    }
}

impl Grants {
    fn write_heard(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for heard in &self.hear {
            write!(f, " {}", heard.pipe)?;
            if !heard.events.is_empty() {
                let names: Vec<&str> = heard.events.iter().map(EventName::as_str).collect();
                write!(f, "[{}]", names.join(","))?;
            }
        }
        Ok(())
    }

    fn write_verbs(&self, f: &mut fmt::Formatter<'_>, before: &str) -> fmt::Result {
        let mut before = before;
        for verb in Verb::ALL {
            let patterns = self.patterns(verb);
            if patterns.is_empty() {
                continue;
            }
            write!(f, "{before}{}", verb.name())?;
            before = "; ";
            for pattern in patterns {
                write!(f, " {pattern}")?;
            }
        }
        Ok(())
    }
}

impl Grants {
    /// The lines of bot.toml that grant all of this to a plugin, the head of their table first.
    pub fn lines_for(&self, plugin: &str) -> impl Iterator<Item = String> {
        let quoted = |names: Vec<String>| names.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ");
        let heard: Vec<String> = self.hear.iter().map(|heard| heard.pipe.to_string()).collect();
        let verbs = Verb::ALL.map(|verb| {
            let patterns = self.patterns(verb).iter().map(ToString::to_string).collect();
            (verb.name(), patterns)
        });
        let lists = [("hear", heard)].into_iter().chain(verbs).filter(|(_, names)| !names.is_empty());
        let lines = lists.map(move |(verb, names): (_, Vec<String>)| format!("{verb} = [{}]", quoted(names)));
        std::iter::once(format!("[plugin.{plugin}.grants]")).chain(lines)
    }
}
