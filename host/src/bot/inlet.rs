//! From the link into the slots: an event is looked up, made once, and queued for each plugin that wants it.

use std::sync::Arc;

use tokio::sync::watch;

use crate::{
    comet::{
        link::Inlet,
        wire::{AnsweredPipe, Event, ServerError},
    },
    plugins::{
        api,
        slot::{Pushed, Queue},
    },
    report::{Throttle, brief},
    router::Routes,
};

/// Refused sends that are logged one by one; those beyond are counted.
const REFUSALS_PER_SECOND: u32 = 10;

/// Where events go: the queues of slots.
pub(super) type SlotRoutes = Routes<Arc<Queue>>;

/// The inlet of the bot's link.
pub(super) struct Intake {
    changed: watch::Receiver<Arc<SlotRoutes>>,
    routes: Arc<SlotRoutes>,
    /// Queues that were empty before this burst: their slots may be asleep.
    to_wake: Vec<Arc<Queue>>,
    refused: Throttle,
}

impl Intake {
    pub(super) fn new(mut changed: watch::Receiver<Arc<SlotRoutes>>) -> Self {
        let routes = Arc::clone(&changed.borrow_and_update());
        Self { changed, routes, to_wake: Vec::new(), refused: Throttle::lines_per_second(REFUSALS_PER_SECOND) }
    }
}

impl Inlet for Intake {
    fn event(&mut self, event: Event<'_>) {
        if self.changed.has_changed().unwrap_or(false) {
            self.routes = Arc::clone(&self.changed.borrow_and_update());
        }
        let Some(route) = self.routes.find(&event.pipe, &event.name) else { return };
        if route.takers.is_empty() {
            return;
        }
        let event = Arc::new(api::Event {
            pipe: Arc::clone(route.pipe),
            name: route.name.map_or_else(|| (*event.name).into(), Arc::clone),
            data: event.data.into_owned(),
            user_id: event.user_id,
            time: event.time,
            history: event.history,
        });
        for queue in route.takers {
            if queue.push(Arc::clone(&event)) == Pushed::First {
                self.to_wake.push(Arc::clone(queue));
            }
        }
    }

    fn answer(&mut self, outcome: Result<&AnsweredPipe<'_>, &ServerError<'_>>, plugin: Option<&str>) {
        if let Err(error) = outcome
            && let Some(times) = self.refused.pass()
        {
            tracing::warn!(plugin, code = error.code, times, "the server refuses: {}", brief(error.text.trim()));
        }
    }

    fn settle(&mut self) {
        for queue in self.to_wake.drain(..) {
            queue.wake();
        }
    }
}
