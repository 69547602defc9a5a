//! One sender's way into the outbox.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
};

use tokio::sync::Notify;

use super::{MAIN_EXIT, Outbox, exit::Waiting, stock::Stock};
use crate::{
    comet::commands::{Commands, Sent},
    metrics::Bound,
};

/// How much may wait in a lane, at each exit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The length of what waits.
    pub bytes: usize,
    /// The number of sends.
    pub sends: usize,
}

/// One sender's way out. What waits in it leaves even after it is dropped.
#[derive(Debug)]
pub struct Lane {
    outbox: Arc<Outbox>,
    id: u64,
    /// Wakes the sender when something has left.
    moved: Arc<Notify>,
    /// The lane on disk.
    stock: Option<Arc<Stock>>,
}

impl Lane {
    pub(super) const fn new(outbox: Arc<Outbox>, id: u64, moved: Arc<Notify>, stock: Option<Arc<Stock>>) -> Self {
        Self { outbox, id, moved, stock }
    }

    /// Moves all of `sends` to the end of the lane. The bounds are kept by those who append: see [`Self::room`] and
    /// [`Self::would_refuse`].
    pub fn append(&self, sends: &mut Commands) {
        if sends.is_empty() {
            return;
        }
        if !self.outbox.is_routed.load(Ordering::Relaxed) {
            return self.put(MAIN_EXIT, sends);
        }
        let routes = Arc::clone(&self.outbox.lock().routes);
        let mut by_exit: BTreeMap<usize, Commands> = BTreeMap::new();
        for command in sends.iter() {
            let pipe = Sent::read(command).map(|sent| sent.shown_pipe());
            let exit = pipe.and_then(|pipe| routes.get(pipe)).copied().unwrap_or(MAIN_EXIT);
            by_exit.entry(exit).or_default().push(command);
        }
        sends.clear();
        for (exit, mut sends) in by_exit {
            self.put(exit, &mut sends);
        }
    }

    fn put(&self, exit: usize, sends: &mut Commands) {
        // On disk first: what is taken into memory may leave and be forgotten at once.
        if let Some(stock) = &self.stock {
            stock.append(exit, sends);
        }
        let mut state = self.outbox.lock();
        if exit != MAIN_EXIT && !state.exits.contains_key(&exit) {
            // It was closed between the look at the routes and now.
            if let Some(stock) = &self.stock {
                stock.move_to(exit, MAIN_EXIT, sends);
            }
            return state.put(MAIN_EXIT, self.id, sends);
        }
        state.put(exit, self.id, sends);
    }

    /// Asks over an exit, after the sends that are in the lane there already if these can leave.
    pub(in crate::comet) fn ask(&self, exit: usize, questions: impl IntoIterator<Item = String>) {
        if let Some(exit) = self.outbox.lock().exits.get_mut(&exit) {
            exit.ask(self.id, questions);
            exit.may_take.notify_one();
        }
    }

    /// Whether less than the bounds is waiting wherever there is a connection. Where there is none, nobody waits: sends
    /// are refused there instead, see [`Self::would_refuse`].
    #[must_use]
    pub fn has_room(&self) -> bool {
        let state = self.outbox.lock();
        let Some(bounds) = state.lanes.get(&self.id).map(|sender| sender.bounds) else { return true };
        let is_within = |waiting: &Waiting| waiting.is_within(bounds, 0, 0);
        state.exits.values().all(|exit| !exit.is_up || exit.get(self.id).is_none_or(is_within))
    }

    /// Waits until there is room.
    pub async fn room(&self) {
        while !self.has_room() {
            self.moved.notified().await;
        }
    }

    /// Whether any send could be refused at the moment, which takes no lock.
    #[must_use]
    pub fn may_refuse(&self) -> bool {
        self.outbox.is_down.load(Ordering::Relaxed)
    }

    /// Whether a send to `pipe` has no place: there is no connection that it could leave by, and with `sends` more of
    /// `bytes` the lane is at one of its bounds, which it gives.
    #[must_use]
    pub fn would_refuse(&self, pipe: &str, sends: usize, bytes: usize) -> Option<Bound> {
        if !self.may_refuse() {
            return None;
        }
        let state = self.outbox.lock();
        let exit = state.routes.get(pipe.strip_prefix('@').unwrap_or(pipe)).unwrap_or(&MAIN_EXIT);
        let (exit, bounds) = (state.exits.get(exit)?, state.lanes.get(&self.id)?.bounds);
        let nothing = Waiting::default();
        let waiting = exit.get(self.id).unwrap_or(&nothing);
        if exit.is_up || waiting.is_within(bounds, sends, bytes) {
            None
        } else if waiting.is_within(Bounds { sends: usize::MAX, ..bounds }, sends, bytes) {
            Some(Bound::Sends(bounds.sends))
        } else {
            Some(Bound::Mib(bounds.bytes / (1024 * 1024)))
        }
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        let mut state = self.outbox.lock();
        if let Some(sender) = state.lanes.get_mut(&self.id) {
            sender.is_gone = true;
        }
        if state.exits.values().all(|exit| exit.get(self.id).is_none_or(Waiting::is_empty)) {
            state.forget_lane(self.id);
        }
    }
}
