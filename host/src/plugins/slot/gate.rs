//! Until when a slot takes no next event, and what holds it up. Pure: the time is handed in.
//!
//! Orders are obeyed at once whether the gate is closed or not.

use std::time::Instant;

/// What may hold up a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keeper {
    /// The pause before an event is tried again.
    Retry,
}

/// Open, or closed until the last of its keepers lets it go.
#[derive(Debug, Default)]
pub(super) struct Gate {
    retry: Option<Instant>,
    /// The latest of them: events look at this one alone.
    until: Option<Instant>,
}

impl Gate {
    /// Until when it is closed; none if it is open.
    pub(super) const fn until(&self) -> Option<Instant> {
        self.until
    }

    /// Whether no event may pass.
    pub(super) const fn is_closed(&self) -> bool {
        self.until.is_some()
    }

    /// From now on `keeper` holds it closed until then.
    pub(super) fn close(&mut self, keeper: Keeper, until: Instant) {
        *self.of(keeper) = Some(until);
        self.settle();
    }

    /// `keeper` does not hold it closed any more.
    pub(super) fn let_go(&mut self, keeper: Keeper) {
        *self.of(keeper) = None;
        self.settle();
    }

    /// Those let it go whose time has come.
    pub(super) fn pass(&mut self, now: Instant) {
        for keeper in [Keeper::Retry] {
            self.of(keeper).take_if(|until| *until <= now);
        }
        self.settle();
    }

    const fn of(&mut self, keeper: Keeper) -> &mut Option<Instant> {
        match keeper {
            Keeper::Retry => &mut self.retry,
        }
    }

    fn settle(&mut self) {
        self.until = self.retry;
    }
}
