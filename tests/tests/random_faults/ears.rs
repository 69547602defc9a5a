//! Who hears what the fleet hears: it notes everything in the order in which it comes.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use cometbot::comet::{
    catchup::{Gap, Hearer},
    link::Inlet,
    wire::{AnsweredPipe, Event, ServerError},
};
use cometbot_tests::PATIENCE;
use tokio::sync::watch;

use super::said::Text;

/// How often it is looked again for what nobody tells of.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Something that was heard.
#[derive(Debug, Clone)]
pub enum Note {
    Event { pipe: String, text: Text, is_history: bool },
    Gap { gap: Gap, at: Instant },
}

/// The inlet of all links of a fleet.
#[derive(Clone, Default)]
pub struct Ears {
    notes: Arc<Mutex<Vec<Note>>>,
    more: watch::Sender<()>,
}

impl Ears {
    /// All that was heard so far.
    pub fn notes(&self) -> Vec<Note> {
        self.notes.lock().unwrap().clone()
    }

    /// Waits until `fits` is true, at most so long; says whether it is.
    pub async fn within(&self, most: Duration, fits: impl Fn() -> bool) -> bool {
        let since = Instant::now();
        let mut more = self.more.subscribe();
        while !fits() {
            if since.elapsed() >= most {
                return false;
            }
            // The outcome is looked at, however it was awaited.
            let _ = tokio::time::timeout(LOOK_AGAIN, more.changed()).await;
        }
        true
    }

    /// Waits until `fits` is true.
    pub async fn until(&self, what: &str, fits: impl Fn() -> bool) {
        assert!(self.within(PATIENCE, fits).await, "waited {} s in vain for {what}", PATIENCE.as_secs());
    }

    fn note(&self, note: Note) {
        self.notes.lock().unwrap().push(note);
    }
}

impl Hearer for Ears {
    fn event(&mut self, event: Event<'_>) {
        let text = Text::read(&event.name, &event.data);
        self.note(Note::Event { pipe: event.pipe.into_owned(), text, is_history: event.history });
    }

    fn gap(&mut self, gap: Gap) {
        self.note(Note::Gap { gap, at: Instant::now() });
    }
}

impl Inlet for Ears {
    fn answer(&mut self, outcome: Result<&AnsweredPipe<'_>, &ServerError<'_>>, _: Option<&str>) {
        assert!(outcome.is_ok(), "the server refuses: {outcome:?}");
    }

    fn settle(&mut self) {
        self.more.send_replace(());
    }
}
