//! The operator's wishes that concern failed events: see them, have them handled again, throw them away.

use std::{io, sync::Arc};

use super::{
    super::control::Answer,
    Roster,
    requests::{Refusal, not_running},
};
use crate::plugins::{
    api::Event,
    kept::{Entry, Id, IdError},
    slot::Pushed,
};

/// How much of an event's data is listed.
const LISTED_BYTES: usize = 256;

impl Roster {
    /// All of them, their data cut short.
    pub(super) fn list_failed(&self, plugin: Option<&str>) -> Answer {
        let mut entries = self.workshop.kept.quarantine().list(plugin);
        for entry in &mut entries {
            entry.event.data.truncate(entry.event.data.floor_char_boundary(LISTED_BYTES));
        }
        Answer::Quarantine { entries: entries.iter().filter_map(|entry| serde_json::to_value(entry).ok()).collect() }
    }

    /// One of them whole.
    pub(super) fn show_failed(&self, plugin: &str, id: &str) -> Result<Answer, Refusal> {
        let entry = self.workshop.kept.quarantine().get(plugin, parsed(id)?).ok_or_else(|| no_entry(plugin, id))?;
        Ok(Answer::Quarantine { entries: serde_json::to_value(&entry).into_iter().collect() })
    }

    /// Gives failed events to the plugin again, behind what waits for it.
    pub(super) fn redrive(&mut self, name: &str, id: Option<&str>) -> Result<Answer, Refusal> {
        self.must_run(name)?;
        let Some(running) = self.plugins.get(name).and_then(|plugin| plugin.running.as_ref()) else {
            return Err(not_running(name));
        };
        let quarantine = self.workshop.kept.quarantine();
        let entries: Vec<Entry> = match id {
            Some(id) => vec![quarantine.get(name, parsed(id)?).ok_or_else(|| no_entry(name, id))?],
            None => quarantine.list(Some(name)),
        };
        let queue = running.slot.queue();
        let (mut redriven, mut unheard) = (0_usize, 0_usize);
        for entry in &entries {
            let event = Event::from(entry.event.clone());
            if !running.grants.hears(&event.pipe, &event.name) {
                unheard += 1;
                continue;
            }
            match queue.push(Arc::new(event)) {
                Pushed::Dropped => break,
                Pushed::First | Pushed::Behind | Pushed::Beyond => redriven += 1,
            }
            // What fails again comes back as a new one.
            quarantine.remove(name, entry.id).map_err(|error| format!("{} stays in quarantine: {error}", entry.id))?;
        }
        queue.wake();
        let left = entries.len() - redriven - unheard;
        let mut text = format!("{redriven} of {} events go to {name} again", entries.len());
        if unheard > 0 {
            text.push_str(&format!("; {unheard} stay, as it does not hear their pipes any more"));
        }
        if left > 0 {
            text.push_str(&format!("; {left} stay, as its queue is full: try again later"));
        }
        Ok(Answer::Done { text })
    }

    /// Throws one of them away, or all of a plugin.
    pub(super) fn drop_failed(&mut self, name: &str, id: Option<&str>) -> Result<Answer, Refusal> {
        let quarantine = self.workshop.kept.quarantine();
        let text = match id {
            Some(id) => {
                if !quarantine.remove(name, parsed(id)?).map_err(|error| not_removed(name, &error))? {
                    return Err(no_entry(name, id));
                }
                format!("the event {id} of {name} is dropped")
            }
            None => {
                let dropped = quarantine.drop_all(name).map_err(|error| not_removed(name, &error))?;
                format!("{dropped} events of {name} are dropped")
            }
        };
        Ok(Answer::Done { text })
    }
}

fn parsed(id: &str) -> Result<Id, Refusal> {
    id.parse().map_err(|error: IdError| error.to_string())
}

fn no_entry(name: &str, id: &str) -> Refusal {
    format!("no failed event {id} of {name} is kept: `cometbot quarantine list {name}` lists them")
}

fn not_removed(name: &str, error: &io::Error) -> Refusal {
    format!("failed events of {name} cannot be removed ({error}): let the bot's user write to its state folder")
}
