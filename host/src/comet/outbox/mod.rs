//! Where sends and questions wait for a link to take them, and where sends stay until the server has answered them.
//!
//! Everyone who sends has a [`Lane`]: a bound that is theirs alone, and a turn in each round, so that one plugin's flood
//! holds up no other. What is in a lane leaves by one of the *exits*, of which each link serves one: a pipe that is heard
//! by a link is sent to over that link, because a server does not give a connection what it sent itself (PROTOCOL.md,
//! section 9); everything else leaves by exit 0. A send stays in its lane until the server has answered it. If the
//! connection is lost before that, it is sent again or given up, as [`Delivery`] says.
//!
//! - [`lane`]: one sender's way in.
//! - `exit`: what leaves by one link: turns, the window, answers.
//! - `stock`: the lanes on disk, for those who want them to outlive the process; `spool`: one file of them.
//!
//! Used by `plugins` and `cli` (lanes), by `asks`, by `link` (take, taken, refused, lost) and by `fleet` (exits, routes).

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use hashbrown::HashMap;
use tokio::sync::Notify;

pub use self::{
    exit::WINDOW_BYTES,
    lane::{Bounds, Lane},
    stock::StockError,
};
use self::{
    exit::{Exit, Waiting},
    stock::{Folder, Stock},
};
use super::{
    commands::{Commands, Sent},
    name::PipeName,
    wire::AnsweredPipe,
};

mod exit;
mod lane;
mod spool;
mod stock;
#[cfg(test)]
mod tests;

/// The exit by which everything leaves that is not routed to another one.
pub const MAIN_EXIT: usize = 0;

/// What becomes of a send that was not answered when its connection broke: nobody knows whether it arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Delivery {
    /// It is sent again, and may arrive twice.
    #[default]
    AtLeastOnce,
    /// It is given up, and may not have arrived.
    AtMostOnce,
}

/// All lanes and all exits.
#[derive(Debug)]
pub struct Outbox {
    delivery: Delivery,
    /// Where lanes are kept on disk, if they are.
    folder: Option<Folder>,
    state: Mutex<State>,
    /// Whether any exit has no connection: what senders look at for each send.
    is_down: AtomicBool,
    /// Whether any pipe has another exit than the main one: what senders look at for each batch.
    is_routed: AtomicBool,
}

#[derive(Debug)]
struct State {
    lanes: HashMap<u64, Sender>,
    next_id: u64,
    exits: BTreeMap<usize, Exit>,
    /// Pipes that do not leave by the main exit.
    routes: Arc<HashMap<PipeName, usize>>,
}

/// The one whose lane it is.
#[derive(Debug)]
struct Sender {
    name: Arc<str>,
    bounds: Bounds,
    /// Wakes the sender when something has left.
    moved: Arc<Notify>,
    /// What is left of a sender that is gone leaves as well.
    is_gone: bool,
    stock: Option<Arc<Stock>>,
}

/// What a lost connection leaves behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Unanswered {
    /// Sends that will be sent again.
    pub again: usize,
    /// Sends that are given up: whether they arrived is not known.
    pub given_up: usize,
}

/// How much waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Load {
    /// Sends that wait or have not been answered.
    pub sends: usize,
    /// Their length.
    pub bytes: usize,
}

impl Default for Outbox {
    fn default() -> Self {
        Self::new(Delivery::default())
    }
}

impl Outbox {
    /// An outbox in memory, with the main exit alone.
    #[must_use]
    pub fn new(delivery: Delivery) -> Self {
        let exits = BTreeMap::from([(MAIN_EXIT, Exit::default())]);
        let state = State { lanes: HashMap::new(), next_id: 0, exits, routes: Arc::default() };
        Self {
            delivery,
            folder: None,
            state: Mutex::new(state),
            is_down: AtomicBool::new(true),
            is_routed: AtomicBool::new(false),
        }
    }

    /// An outbox whose lanes are kept in `folder` as well. What is there from an earlier run waits again, in lanes of at
    /// most `bounds`.
    ///
    /// # Errors
    /// A [`StockError`] if the folder cannot be used.
    pub fn on_disk(delivery: Delivery, folder: PathBuf, bounds: Bounds) -> Result<Self, StockError> {
        let folder = Folder::claim(folder)?;
        let mut outbox = Self::new(delivery);
        for (name, stock, mut sends) in stock::find(&folder)? {
            if sends.is_empty() {
                // Nothing would leave, and so nothing would remove its files.
                stock.close();
                continue;
            }
            let mut state = outbox.lock();
            let id = state.add(&name, bounds, Some(Arc::new(stock)));
            if let Some(sender) = state.lanes.get_mut(&id) {
                sender.is_gone = true;
            }
            state.put(MAIN_EXIT, id, &mut sends);
        }
        outbox.folder = Some(folder);
        Ok(outbox)
    }

    /// A lane for the sender called `name`. If there is one of a sender of that name that is gone, it is that one.
    #[must_use]
    pub fn lane(self: &Arc<Self>, name: &str, bounds: Bounds) -> Lane {
        let mut state = self.lock();
        let left_behind = state.lanes.iter_mut().find(|(_, sender)| sender.is_gone && *sender.name == *name);
        if let Some((&id, sender)) = left_behind {
            (sender.is_gone, sender.bounds) = (false, bounds);
            return Lane::new(Arc::clone(self), id, Arc::clone(&sender.moved), sender.stock.clone());
        }
        let stock = self.folder.as_ref().map(|folder| Arc::new(Stock::new(folder, name, state.free_generation(name))));
        let id = state.add(name, bounds, stock.clone());
        let moved = state.lanes.get(&id).map(|sender| Arc::clone(&sender.moved)).unwrap_or_default();
        Lane::new(Arc::clone(self), id, moved, stock)
    }

    /// Gives a link its exit.
    pub(super) fn open_exit(&self, exit: usize) {
        self.lock().exits.entry(exit).or_default();
        self.see_who_is_down();
    }

    /// Takes an exit away whose link is no longer needed. What waits there leaves by the main exit.
    pub(super) fn close_exit(&self, exit: usize) {
        let mut state = self.lock();
        let Some(closed) = state.exits.remove(&exit) else { return };
        for (lane, mut sends) in closed.into_waiting() {
            let stock = state.lanes.get(&lane).and_then(|sender| sender.stock.clone());
            if let Some(stock) = stock {
                stock.move_to(exit, MAIN_EXIT, &sends);
            }
            state.put(MAIN_EXIT, lane, &mut sends);
        }
        drop(state);
        self.see_who_is_down();
    }

    /// Which pipes leave by another exit than the main one. What waits already leaves by the exit that it waits at.
    pub(super) fn route(&self, routes: HashMap<PipeName, usize>) {
        self.is_routed.store(!routes.is_empty(), Ordering::Relaxed);
        self.lock().routes = Arc::new(routes);
    }

    /// A connection stands: what waits at its exit may leave.
    pub(super) fn connected(&self, exit: usize) {
        if let Some(exit) = self.lock().exits.get_mut(&exit) {
            exit.is_up = true;
        }
        self.see_who_is_down();
    }

    /// A connection is gone, and with it the questions that were asked over it. `each` gets its unanswered sends.
    pub(super) fn connection_lost(&self, exit: usize, each: impl FnMut(Sent<'_>)) -> Unanswered {
        let mut guard = self.lock();
        let state = &mut *guard;
        let Some(lost) = state.exits.get_mut(&exit) else { return Unanswered::default() };
        let unanswered = lost.connection_lost(self.delivery, each);
        // Nobody waits for a connection that is not there.
        state.lanes.values().for_each(|sender| sender.moved.notify_one());
        state.sweep(exit);
        drop(guard);
        self.see_who_is_down();
        unanswered
    }

    fn see_who_is_down(&self) {
        let state = self.lock();
        self.is_down.store(state.exits.values().any(|exit| !exit.is_up), Ordering::Relaxed);
    }

    /// Puts what a link says for itself before everything that waits: its subscription, its own questions.
    pub(super) fn say_first(&self, exit: usize, commands: impl IntoIterator<Item = String>) {
        if let Some(exit) = self.lock().exits.get_mut(&exit) {
            exit.urgent.extend(commands);
            exit.may_take.notify_one();
        }
    }

    /// Waits until at least one command may leave and moves into `out` as many as the window lets through.
    pub(super) async fn take(&self, exit: usize, out: &mut Commands) {
        loop {
            let Some(may_take) = self.lock().exits.get(&exit).map(|exit| Arc::clone(&exit.may_take)) else {
                return std::future::pending().await;
            };
            let may_take = may_take.notified();
            self.take_now(exit, out);
            if !out.is_empty() {
                return;
            }
            may_take.await;
        }
    }

    fn take_now(&self, exit: usize, out: &mut Commands) {
        {
            let mut guard = self.lock();
            let state = &mut *guard;
            if let Some(exit) = state.exits.get_mut(&exit) {
                exit.take(&state.lanes, self.delivery, out);
            }
        }
        if self.delivery == Delivery::AtMostOnce {
            // What may be sent once must not be found on disk after it has left.
            self.forget(exit);
        }
    }

    /// Notes that the server took the oldest send under way; `each` gets it. False if the answer, which is for `pipe` and
    /// repeats `message`, is to something else: anyone with the server's database side can write what looks like an
    /// answer (PROTOCOL.md, hazard 40).
    pub(super) fn taken(
        &self,
        exit: usize,
        pipe: &AnsweredPipe<'_>,
        message: Option<&str>,
        each: impl FnOnce(Sent<'_>),
    ) -> bool {
        let mut state = self.lock();
        let Some(exit) = state.exits.get_mut(&exit) else { return false };
        exit.taken(self.delivery, pipe, message, each)
    }

    /// Notes that the server refused the oldest send under way; gives whose it was, if there was one.
    pub(super) fn refused(&self, exit: usize) -> Option<Arc<str>> {
        let mut guard = self.lock();
        let state = &mut *guard;
        let lane = state.exits.get_mut(&exit)?.refused(self.delivery)?;
        state.lanes.get(&lane).map(|sender| Arc::clone(&sender.name))
    }

    /// All answers that have arrived have been noted: the window may have opened, and what was answered is forgotten.
    pub(super) fn settle(&self, exit: usize) {
        {
            let mut state = self.lock();
            if let Some(exit) = state.exits.get(&exit) {
                exit.may_take.notify_one();
            }
            state.sweep(exit);
        }
        if self.delivery == Delivery::AtLeastOnce {
            self.forget(exit);
        }
    }

    /// Removes from the disk what is not to be sent again.
    fn forget(&self, exit: usize) {
        if self.folder.is_none() {
            return;
        }
        let forgotten: Vec<(Arc<Stock>, usize)> = {
            let mut guard = self.lock();
            let state = &mut *guard;
            let Some(exit) = state.exits.get_mut(&exit) else { return };
            let stock = |lane| state.lanes.get(&lane).and_then(|sender| sender.stock.clone());
            exit.take_forgotten().filter_map(|(lane, count)| Some((stock(lane)?, count))).collect()
        };
        for (stock, count) in forgotten {
            stock.remove(exit, count);
        }
    }

    /// How long the oldest send has been without any sign that the server goes on answering; none if all are answered.
    pub(super) fn stalled_for(&self, exit: usize) -> Option<Duration> {
        self.lock().exits.get(&exit)?.stalled_for()
    }

    /// For so long nobody has looked for answers at an exit: the server is not to blame for that time.
    pub(super) fn was_not_read(&self, exit: usize, time: Duration) {
        if let Some(exit) = self.lock().exits.get_mut(&exit) {
            exit.was_not_read(time);
        }
    }

    /// Whether nothing waits or is under way at an exit that could still leave: there is nothing, or no connection.
    pub(super) fn has_left(&self, exit: usize) -> bool {
        self.lock().exits.get(&exit).is_none_or(|exit| !exit.is_up || exit.is_idle())
    }

    /// The same for all exits.
    #[must_use]
    pub fn all_has_left(&self) -> bool {
        self.lock().exits.values().all(|exit| !exit.is_up || exit.is_idle())
    }

    /// How much waits, over all lanes and exits.
    #[must_use]
    pub fn load(&self) -> Load {
        let state = self.lock();
        let waiting = state.exits.values().flat_map(Exit::waiting);
        waiting.fold(Load::default(), |load, waiting| Load {
            sends: load.sends + waiting.unanswered(),
            bytes: load.bytes + waiting.unanswered_bytes(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn add(&mut self, name: &str, bounds: Bounds, stock: Option<Arc<Stock>>) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        let sender = Sender { name: name.into(), bounds, moved: Arc::default(), is_gone: false, stock };
        self.lanes.insert(id, sender);
        id
    }

    /// The first that no lane of this name has on disk.
    fn free_generation(&self, name: &str) -> usize {
        let namesakes = self.lanes.values().filter(|sender| *sender.name == *name);
        let taken = namesakes.filter_map(|sender| Some(sender.stock.as_ref()?.generation() + 1));
        taken.max().unwrap_or(0)
    }

    /// Puts sends at the end of a lane, at an exit or, if that is closed, at the main one.
    fn put(&mut self, exit: usize, lane: u64, sends: &mut Commands) {
        let exit = if self.exits.contains_key(&exit) { exit } else { MAIN_EXIT };
        if let Some(exit) = self.exits.get_mut(&exit) {
            exit.put(lane, sends);
            exit.may_take.notify_one();
        }
    }

    /// Lets go of senders that are gone and of whom nothing waits at `exit` or elsewhere.
    fn sweep(&mut self, exit: usize) {
        let Some(swept) = self.exits.get_mut(&exit) else { return };
        let emptied: BTreeSet<u64> = swept.take_emptied().collect();
        for lane in emptied {
            let is_gone = self.lanes.get(&lane).is_some_and(|sender| sender.is_gone);
            if is_gone && self.exits.values().all(|exit| exit.get(lane).is_none_or(Waiting::is_empty)) {
                self.forget_lane(lane);
            }
        }
    }

    fn forget_lane(&mut self, lane: u64) {
        for exit in self.exits.values_mut() {
            exit.forget(lane);
        }
        if let Some(Sender { stock: Some(stock), .. }) = self.lanes.remove(&lane) {
            stock.close();
        }
    }
}
