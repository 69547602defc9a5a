//! From the link into the slots: an event is looked up, made once, and queued for each plugin that wants it.

use std::{sync::Arc, time::Instant};

use futures_util::{FutureExt as _, future::BoxFuture};
use serde_json::json;
use tokio::sync::watch;

use crate::{
    comet::{
        catchup::{Gap, Hearer},
        link::Inlet,
        name::GAP_PIPE,
        wire::{AnsweredPipe, Event, ServerError},
    },
    metrics::{Refusal, SendTally},
    plugins::{
        api,
        slot::{Pushed, Queue},
    },
    router::Routes,
};

/// Where events go: the queues of slots.
pub(super) type SlotRoutes = Routes<Arc<Queue>>;

/// The inlet of one of the bot's links.
#[derive(Clone)]
pub(super) struct Intake {
    changed: watch::Receiver<Arc<SlotRoutes>>,
    routes: Arc<SlotRoutes>,
    /// Queues that were empty before this burst: their slots may be asleep.
    to_wake: Vec<Arc<Queue>>,
    /// Queues for whose room the reader waits after this burst.
    full: Vec<Arc<Queue>>,
    sends: SendTally,
    /// Sends that the server took in this burst.
    answered: u64,
}

impl Intake {
    pub(super) fn new(mut changed: watch::Receiver<Arc<SlotRoutes>>, sends: SendTally) -> Self {
        let routes = Arc::clone(&changed.borrow_and_update());
        Self { changed, routes, to_wake: Vec::new(), full: Vec::new(), sends, answered: 0 }
    }
}

impl Intake {
    fn follow_routes(&mut self) {
        if self.changed.has_changed().unwrap_or(false) {
            self.routes = Arc::clone(&self.changed.borrow_and_update());
        }
    }

    fn pass(&mut self, event: Event<'_>) {
        self.follow_routes();
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
            match queue.push(Arc::clone(&event)) {
                Pushed::First => self.to_wake.push(Arc::clone(queue)),
                Pushed::Beyond => self.full.push(Arc::clone(queue)),
                Pushed::Behind | Pushed::Dropped => {}
            }
        }
    }
}

impl Hearer for Intake {
    fn event(&mut self, event: Event<'_>) {
        self.pass(event);
    }

    fn gap(&mut self, gap: Gap) {
        let data = json!({
            "pipe": gap.pipe.as_str(), "since": gap.since, "until": gap.until, "recovered": gap.recovered,
            "why": gap.why.to_string(),
        });
        self.pass(Event {
            pipe: GAP_PIPE.into(),
            name: gap.pipe.as_str().into(),
            data: data.to_string().into(),
            user_id: None,
            time: Some(gap.until),
            history: false,
        });
    }
}

impl Inlet for Intake {
    fn answer(&mut self, outcome: Result<&AnsweredPipe<'_>, &ServerError<'_>>, plugin: Option<&str>) {
        match outcome {
            Ok(_) => self.answered += 1,
            Err(error) => self.sends.refused(&Refusal { plugin, code: error.code, text: &error.text }),
        }
    }

    fn misses(&mut self, pipe: &str, _since: Instant) -> bool {
        self.follow_routes();
        self.routes.find(pipe, "").is_some()
    }

    fn settle(&mut self) {
        self.sends.answered(std::mem::take(&mut self.answered));
        for queue in self.to_wake.drain(..) {
            queue.wake();
        }
    }

    fn room(&mut self) -> Option<BoxFuture<'static, ()>> {
        if self.full.is_empty() {
            return None;
        }
        let full = self.full.clone();
        let room = async move {
            for queue in full {
                queue.room().await;
            }
        };
        Some(room.boxed())
    }

    fn read_on(&mut self, has_room: bool) {
        for queue in self.full.drain(..) {
            if !has_room {
                queue.give_up();
            }
        }
    }
}
