//! Until when a slot takes no next event, and what holds it up. Pure: the time is handed in.
//!
//! Orders are obeyed at once whether the gate is closed or not.

use std::time::Instant;

/// What may hold up a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keeper {
    /// The pause before an event is tried again.
    Retry,
    /// An open breaker.
    Breaker,
    /// More was sent than may be.
    Pace,
    /// A loop, or the suspicion of one.
    Loops,
}

impl Keeper {
    const ALL: [Self; 4] = [Self::Retry, Self::Breaker, Self::Pace, Self::Loops];
}

/// Open, or closed until the last of its keepers lets it go.
#[derive(Debug, Default)]
pub(super) struct Gate {
    retry: Option<Instant>,
    breaker: Option<Instant>,
    pace: Option<Instant>,
    loops: Option<Instant>,
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
        for keeper in Keeper::ALL {
            self.of(keeper).take_if(|until| *until <= now);
        }
        self.settle();
    }

    const fn of(&mut self, keeper: Keeper) -> &mut Option<Instant> {
        match keeper {
            Keeper::Retry => &mut self.retry,
            Keeper::Breaker => &mut self.breaker,
            Keeper::Pace => &mut self.pace,
            Keeper::Loops => &mut self.loops,
        }
    }

    fn settle(&mut self) {
        self.until = self.retry.max(self.breaker).max(self.pace).max(self.loops);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn it_is_closed_until_the_last_of_its_keepers_lets_it_go() {
        let now = Instant::now();
        let (soon, later) = (now + Duration::from_secs(1), now + Duration::from_secs(2));
        let mut gate = Gate::default();
        assert!(!gate.is_closed());
        gate.close(Keeper::Retry, soon);
        gate.close(Keeper::Breaker, later);
        assert_eq!(gate.until(), Some(later));
        gate.pass(soon);
        assert_eq!(gate.until(), Some(later));
        gate.let_go(Keeper::Breaker);
        assert!(!gate.is_closed());
        gate.close(Keeper::Breaker, later);
        gate.pass(later);
        assert!(!gate.is_closed());
    }
}
