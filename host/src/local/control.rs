//! What a test or a back end does to a running double: all that CometQL would do, and faults on demand.

use std::sync::Arc;

use super::desk::Desk;
use super::forms::Saying;
use super::gate::Habits;
use super::limits::{NAME_BYTES, PUBLISHED_NAME_BYTES};
use super::link::Shared;
use super::listing::is_name_byte;
use super::options::is_hash;
use super::outbox::Trickle;
use super::pipes;
use super::wire::{self, Tail};
use super::world::World;

/// Why something cannot be published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// The pipe cannot be published to.
    #[error("a pipe's name must have 3 to 64 characters of A-Z a-z 0-9 _ -")]
    Pipe,
    /// The event is no name.
    #[error("an event's name must have at most 64 characters of A-Z a-z 0-9 _ -")]
    Event,
    /// The hash cannot be stored.
    #[error("a hash must have 1 to 32 characters of A-Z a-z 0-9 = + / _")]
    Hash,
}

/// A handle on a running double, cheap to clone. It goes on working, to no effect, when the double has ended.
#[derive(Debug, Clone)]
pub struct Control {
    pub(super) shared: Arc<Shared>,
    pub(super) dev: u32,
}

/// What became of a personal message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Personal {
    /// It was sent to this many connections.
    Sent(u64),
    /// It waits for the user's next login.
    Queued,
}

impl Control {
    /// The same double, seen as the account `dev` (0 at first).
    #[must_use]
    pub fn for_dev(&self, dev: u32) -> Self {
        Self { shared: Arc::clone(&self.shared), dev }
    }

    /// Publishes a message as CometQL does: without `user_id`, to all subscribers, `data` as it is
    /// (PROTOCOL.md, sections 3 and 4). Answers the number of connections that it was sent to.
    ///
    /// # Errors
    /// [`ControlError`] for a name that the server would refuse.
    pub fn publish(&self, pipe: &str, event: &str, data: &str) -> Result<u64, ControlError> {
        check_pipe(pipe)?;
        check_event(event)?;
        let (pipe, event, data) = (pipe.as_bytes(), event.as_bytes(), data.as_bytes());
        Ok(self.work(|world, desk| {
            world.log(self.dev, pipe, event, 0, data, desk.now);
            pipes::broadcast(world, desk, self.dev, pipe, &Saying::Published { data, event, pipe })
        }))
    }

    /// Sends a personal message to all connections of a user, or keeps it for the next login
    /// (PROTOCOL.md, section 9).
    ///
    /// # Errors
    /// [`ControlError::Event`] for a name that the server would refuse.
    pub fn personal(&self, user: u32, event: &str, data: &str) -> Result<Personal, ControlError> {
        check_event(event)?;
        let (event, data) = (event.as_bytes(), data.as_bytes());
        Ok(self.work(|world, desk| {
            let sent = desk.say_to_all(world.links_of(self.dev, user).iter(), &Saying::Personal { data, event }).all;
            if sent > 0 {
                return Personal::Sent(sent);
            }
            world.queue(self.dev, user, event, data, desk.now);
            Personal::Queued
        }))
    }

    /// Sets how many messages of a pipe are kept: 0 for none, a negative number is 1, more than 1,000 is 1,000
    /// (PROTOCOL.md, section 7).
    pub fn set_log_length(&self, pipe: &str, length: i64) {
        self.world(|world| world.set_log_length(self.dev, pipe.as_bytes(), length));
    }

    /// Lets a user log in with `hash`.
    ///
    /// # Errors
    /// [`ControlError::Hash`] for one that the server would refuse.
    pub fn add_user(&self, user: u32, hash: &str) -> Result<(), ControlError> {
        if !is_hash(hash) {
            return Err(ControlError::Hash);
        }
        self.world(|world| world.add_user(self.dev, user, hash));
        Ok(())
    }

    /// Takes a user's hash away and ends the user's connections, as deleting the hash does on a real server.
    pub fn remove_user(&self, user: u32) {
        self.world(|world| world.remove_user(self.dev, user));
    }

    /// What `user_data` answers for a user.
    pub fn set_user_data(&self, user: u32, data: &str) {
        self.world(|world| world.set_user_data(self.dev, user, data));
    }

    /// Makes a JSON web token useless.
    pub fn revoke(&self, token: &str) {
        self.world(|world| world.revoke(self.dev, token));
    }

    /// Restarts the server: every connection ends without a close frame, all subscriptions are lost; logs, hashes and
    /// queued messages stay. Answers the number of connections that ended.
    pub fn disconnect_all(&self) -> usize {
        let ended = self.world(World::restart);
        self.shared.changed.notify_waiters();
        ended
    }

    /// Sets the server's clock forward by so many seconds, or back: the times of frames and of rows stored from now on.
    /// Nobody is told. Logs are in the order of their times, so that after a clock was set back new rows stand before old
    /// ones (PROTOCOL.md, section 7).
    pub fn shift_clock(&self, seconds: i64) {
        self.shared.clock.shift(seconds);
    }

    /// Stops reading and writing; all connections stay open, new ones are accepted by the system.
    pub fn pause(&self) {
        self.shared.gate.pause(true);
    }

    /// Goes on where [`Control::pause`] stopped.
    pub fn resume(&self) {
        self.shared.gate.pause(false);
    }

    /// Whether new connections are closed without a byte of answer.
    pub fn refuse_connections(&self, refuse: bool) {
        self.change(|habits| habits.refuses = refuse);
    }

    /// Whether new connections are closed right behind their first frame.
    pub fn hang_up_after_greeting(&self, hang_up: bool) {
        self.change(|habits| habits.hangs_up = hang_up);
    }

    /// Raw bytes that every new connection gets between the 101 head and the first frame, in the same write.
    pub fn greet_with(&self, bytes: &[u8]) {
        self.change(|habits| habits.greeting = bytes.to_vec());
    }

    /// Writes to all connections in small pieces, so that heads and frames arrive in parts; `None` ends it.
    pub fn trickle(&self, trickle: Option<Trickle>) {
        self.change(|habits| habits.trickle = trickle);
    }

    /// Sends bytes as they are to all subscribers of a pipe, once per subscription. Answers how many there are.
    pub fn raw_to_pipe(&self, pipe: &str, bytes: &[u8]) -> usize {
        self.work(|world, desk| {
            let pipe = world.pipe(self.dev, pipe.as_bytes());
            let subscribers = pipe.map_or(&[][..], |pipe| pipe.subscribers.as_slice());
            for peer in subscribers.iter().rev() {
                desk.raw(&peer.outbox, bytes);
            }
            subscribers.len()
        })
    }

    /// Sends bytes as they are to the connections of a user, 16 at most. Answers how many there are.
    pub fn raw_to_user(&self, user: u32, bytes: &[u8]) -> usize {
        self.work(|world, desk| {
            let links = world.links_of(self.dev, user);
            for peer in links {
                desk.raw(&peer.outbox, bytes);
            }
            links.len()
        })
    }

    /// Sends bytes as they are to every websocket of every account. Answers how many there are.
    pub fn raw_to_all(&self, bytes: &[u8]) -> usize {
        self.work(|world, desk| world.peers().map(|peer| desk.raw(&peer.outbox, bytes)).count())
    }

    /// The number of websockets that have shaken hands, over all accounts.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.world(|world| world.peers().count())
    }

    /// The number of subscriptions of a pipe.
    #[must_use]
    pub fn subscribers(&self, pipe: &str) -> usize {
        self.world(|world| world.subscribers(self.dev, pipe.as_bytes()))
    }

    /// How often a client has sent something that the real server does not survive.
    #[must_use]
    pub fn crashes(&self) -> u64 {
        self.world(|world| world.crashes())
    }

    /// Waits until exactly `count` websockets are connected.
    pub async fn wait_for_connections(&self, count: usize) {
        self.wait_until(|control| control.connections() == count).await;
    }

    /// Waits until a pipe has exactly `count` subscriptions.
    pub async fn wait_for_subscribers(&self, pipe: &str, count: usize) {
        self.wait_until(|control| control.subscribers(pipe) == count).await;
    }

    async fn wait_until(&self, reached: impl Fn(&Self) -> bool) {
        loop {
            let changed = self.shared.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if reached(self) {
                return;
            }
            changed.await;
        }
    }

    fn change(&self, change: impl FnOnce(&mut Habits)) {
        self.shared.gate.change(change);
    }

    fn world<T>(&self, act: impl FnOnce(&mut World) -> T) -> T {
        act(&mut self.shared.world())
    }

    /// Works at a desk of its own. Whoever acts from outside does not wait for slow readers.
    fn work<T>(&self, act: impl FnOnce(&mut World, &mut Desk) -> T) -> T {
        let mut desk = Desk::new(self.shared.faults, self.shared.clock.clone());
        let done = act(&mut self.shared.world(), &mut desk);
        desk.finish();
        done
    }
}

/// One text frame around `payload`, without the bug of 123 to 125 bytes; for [`Control::raw_to_pipe`] and its like.
/// Empty if the payload is longer than 65,535 bytes.
#[must_use]
pub fn text_frame(payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    wire::text(&mut frame, payload, Tail::Whole);
    frame
}

fn is_name(name: &str) -> bool {
    name.len() <= NAME_BYTES && name.bytes().all(is_name_byte)
}

fn check_pipe(pipe: &str) -> Result<(), ControlError> {
    if is_name(pipe) && pipe.len() >= PUBLISHED_NAME_BYTES { Ok(()) } else { Err(ControlError::Pipe) }
}

fn check_event(event: &str) -> Result<(), ControlError> {
    if is_name(event) { Ok(()) } else { Err(ControlError::Event) }
}
