//! The switches by which a test makes the whole double stand still or write slowly.

use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

use super::outbox::Trickle;

/// How all connections behave at the moment.
#[derive(Debug)]
pub(super) struct Gate {
    paused: watch::Sender<bool>,
    habits: Mutex<Habits>,
}

/// What is done to new connections and to writes.
#[derive(Debug, Clone, Default)]
pub(super) struct Habits {
    pub(super) trickle: Option<Trickle>,
    /// New connections are closed without a byte.
    pub(super) refuses: bool,
    /// Connections are closed behind their first frame.
    pub(super) hangs_up: bool,
    /// Raw bytes between the 101 head and the first frame.
    pub(super) greeting: Vec<u8>,
}

impl Gate {
    pub(super) fn new() -> Self {
        let (paused, _) = watch::channel(false);
        Self { paused, habits: Mutex::default() }
    }

    pub(super) fn pause(&self, paused: bool) {
        self.paused.send_replace(paused);
    }

    /// Waits while the double is paused.
    pub(super) async fn open(&self) {
        if *self.paused.borrow() {
            // The sender is ours and cannot go away meanwhile.
            let _ = self.paused.subscribe().wait_for(|paused| !paused).await;
        }
    }

    pub(super) fn habits(&self) -> Habits {
        self.habits.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn trickle(&self) -> Option<Trickle> {
        self.habits.lock().unwrap_or_else(PoisonError::into_inner).trickle
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut Habits)) {
        change(&mut self.habits.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
