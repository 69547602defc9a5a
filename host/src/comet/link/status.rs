//! How the links do, one by one and all together.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::watch;

use crate::metrics::{Connected, LinkTally, Loss, Metrics};

/// How a link does. Ordered: the further down, the further from working.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// Events arrive: the subscription is in force.
    Live,
    /// The server has taken the connection and has yet to say who we are, and to take the subscription.
    Authorizing,
    /// It connects.
    Connecting,
    /// There is no connection; the next try comes after `pause`.
    Waiting {
        /// Counted from when this was set.
        pause: Duration,
    },
}

/// Shows how each link does. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Board(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    links: Mutex<BTreeMap<usize, Status>>,
    together: watch::Sender<Status>,
}

impl Default for Board {
    fn default() -> Self {
        Self(Arc::new(Inner { links: Mutex::default(), together: watch::Sender::new(Status::Connecting) }))
    }
}

impl Board {
    /// How all links together do: as the worst of them.
    #[must_use]
    pub fn together(&self) -> watch::Receiver<Status> {
        self.0.together.subscribe()
    }

    /// Where the link `number` shows how it does: here, and in `metrics`.
    #[must_use]
    pub fn place(&self, number: usize, metrics: &Metrics) -> Place {
        let place = Place { board: self.clone(), number, tally: metrics.link(number) };
        self.set(number, Status::Connecting);
        place
    }

    fn set(&self, link: usize, status: Status) {
        self.change(|links| {
            links.insert(link, status);
        });
    }

    /// Forgets a link that is no longer needed.
    pub(in crate::comet) fn remove(&self, link: usize) {
        self.change(|links| {
            links.remove(&link);
        });
    }

    fn change(&self, change: impl FnOnce(&mut BTreeMap<usize, Status>)) {
        let mut links = self.0.links.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut links);
        let worst = links.values().max().copied().unwrap_or(Status::Connecting);
        // Set under the lock: the last change is what is seen last.
        self.0.together.send_if_modified(|together| {
            let is_new = *together != worst;
            *together = worst;
            is_new
        });
    }
}

/// Where one link shows how it does.
#[derive(Debug, Clone)]
pub struct Place {
    board: Board,
    number: usize,
    tally: LinkTally,
}

impl Place {
    /// What is counted of the link.
    pub(super) const fn tally(&self) -> &LinkTally {
        &self.tally
    }

    pub(super) fn connecting(&self, server: &dyn std::fmt::Display) {
        self.tally.connecting(server);
        self.board.set(self.number, Status::Connecting);
    }

    pub(super) fn authorizing(&self) {
        self.tally.authorizing();
        self.board.set(self.number, Status::Authorizing);
    }

    /// The server has said who we are.
    pub(super) fn connected(&self, connected: &Connected<'_>) {
        self.tally.connected(connected);
    }

    pub(super) fn live(&self) {
        self.tally.live();
        self.board.set(self.number, Status::Live);
    }

    pub(super) fn lost(&self, loss: &Loss<'_>) {
        self.tally.lost(loss);
        self.board.set(self.number, Status::Waiting { pause: loss.pause });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_together_do_as_the_worst_of_them() {
        let board = Board::default();
        let together = board.together();
        board.set(0, Status::Live);
        assert_eq!(*together.borrow(), Status::Live);
        board.set(1, Status::Waiting { pause: Duration::from_secs(1) });
        board.set(2, Status::Connecting);
        assert_eq!(*together.borrow(), Status::Waiting { pause: Duration::from_secs(1) });
        board.remove(1);
        assert_eq!(*together.borrow(), Status::Connecting);
        board.set(2, Status::Live);
        assert_eq!(*together.borrow(), Status::Live);
    }
}
