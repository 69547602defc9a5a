//! What the operator grants: verb by verb the pipes, as patterns.

use super::{check::Checker, error::ConfigError, raw::RawGrants};
use crate::comet::name::PipePattern;

/// The longest host or key in a grant, in bytes: that of a host's name.
const OTHER_MAX_BYTES: usize = 253;

/// What the operator lets a plugin do. Nothing unless it is said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Allowed {
    /// The pipes it may hear.
    pub hear: Vec<PipePattern>,
    /// The pipes it may send to.
    pub send: Vec<PipePattern>,
    /// The pipes whose log it may read.
    pub log: Vec<PipePattern>,
    /// The pipes whose subscribers it may count.
    pub count: Vec<PipePattern>,
    /// The users of whom it may know whether they are there: a number or `*`. No function of this host needs it yet.
    pub user_status: Vec<String>,
    /// The hosts that it may reach: a name, or `*.` and a name. No function of this host needs it yet.
    pub http: Vec<String>,
    /// The keys that it may keep: a name, or a beginning and `*`. No function of this host needs it yet.
    pub keys: Vec<String>,
}

impl Allowed {
    /// Everything that a plugin can ask for of the comet server.
    #[must_use]
    pub fn everything() -> Self {
        let all = || vec![PipePattern::any()];
        Self { hear: all(), send: all(), log: all(), count: all(), ..Self::default() }
    }

    /// The verbs that are granted and that no function of this host needs yet.
    pub fn unused(&self) -> impl Iterator<Item = &'static str> {
        let lists = [("user-status", &self.user_status), ("http", &self.http), ("keys", &self.keys)];
        lists.into_iter().filter(|(_, list)| !list.is_empty()).map(|(verb, _)| verb)
    }
}

/// Whether a text can be a user, a host or a key.
#[must_use]
pub fn is_other_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= OTHER_MAX_BYTES && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// What is written at `at`, a path of tables that ends with `grants`.
pub(super) fn allowed(raw: &RawGrants, at: &[&str], check: &Checker<'_>) -> Result<Allowed, ConfigError> {
    let path = |verb| at.iter().copied().chain([verb]).collect::<Vec<_>>();
    let pipes = |verb, list: &[String]| {
        let pattern = |text: &String| if verb == "hear" { PipePattern::heard(text) } else { PipePattern::new(text) };
        let read = |text: &String| check.that(&path(verb), pattern(text));
        list.iter().map(read).collect::<Result<Vec<_>, _>>()
    };
    let others =
        |verb, list: &[String]| match list.iter().find(|text| !is_other_name(text)) {
            Some(text) => Err(check
                .fault(&path(verb), &format!("{text:?} cannot be: write letters, digits and signs without spaces"))),
            None => Ok(list.to_vec()),
        };
    Ok(Allowed {
        hear: pipes("hear", &raw.hear)?,
        send: pipes("send", &raw.send)?,
        log: pipes("log", &raw.log)?,
        count: pipes("count", &raw.count)?,
        user_status: others("user-status", &raw.user_status)?,
        http: others("http", &raw.http)?,
        keys: others("keys", &raw.keys)?,
    })
}
