//! Grants as JSON: what `check` prints, and what is remembered of what an operator granted.
//!
//! Used by `grants` alone. The form stays as it is: records of earlier and of later versions are read with it.

use serde::{Deserialize, Serialize};

use super::{Grants, Heard, heard, patterns};
use crate::{
    comet::name::{EventName, NameError},
    plugins::api::types::Hearing,
};

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Form {
    hear: Vec<HeardForm>,
    send: Vec<String>,
    log: Vec<String>,
    count: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct HeardForm {
    pipe: String,
    #[serde(default)]
    events: Vec<String>,
}

impl From<Grants> for Form {
    fn from(grants: Grants) -> Self {
        let heard = |heard: &Heard| HeardForm {
            pipe: heard.pipe.as_str().to_owned(),
            events: heard.events.iter().map(EventName::to_string).collect(),
        };
        let [send, log, count] = [grants.send, grants.log, grants.count]
            .map(|patterns| patterns.iter().map(ToString::to_string).collect::<Vec<_>>());
        Self { hear: grants.hear.iter().map(heard).collect(), send, log, count }
    }
}

impl TryFrom<Form> for Grants {
    type Error = NameError;

    fn try_from(form: Form) -> Result<Self, NameError> {
        let hearings: Vec<Hearing> =
            form.hear.into_iter().map(|HeardForm { pipe, events }| Hearing { pipe, events }).collect();
        Ok(Self {
            hear: heard(&hearings)?,
            send: patterns(&form.send)?,
            log: patterns(&form.log)?,
            count: patterns(&form.count)?,
        })
    }
}
