//! The users of an account: their hashes, their connections, and the personal messages that wait for them.

use std::collections::VecDeque;
use std::sync::Arc;

use super::auth;
use super::desk::Desk;
use super::forms::Saying;
use super::limits::{HASH_BYTES, KEPT_SECONDS, LINKS_OF_USER, QUEUED_AT_LOGIN};
use super::options::Era;
use super::world::{Peer, World};

/// A personal message that waits for its user.
#[derive(Debug)]
struct Queued {
    data: Vec<u8>,
    event: Vec<u8>,
    time: u64,
}

/// What is known of one user.
#[derive(Debug, Default)]
pub(super) struct Account {
    hash: Option<String>,
    /// What `user_data` answers.
    data: Vec<u8>,
    /// The connections that get personal messages, 16 at most.
    links: Vec<Arc<Peer>>,
    /// When the last connection ended.
    left: Option<u64>,
    queue: VecDeque<Queued>,
}

impl Account {
    pub(super) fn set_hash(&mut self, hash: &str) {
        self.hash = Some(hash.get(..HASH_BYTES).unwrap_or(hash).to_owned());
    }

    /// The server died: the database does not know since when those who were online are gone.
    pub(super) fn forget_links(&mut self) {
        if !self.links.is_empty() {
            self.left = None;
        }
        self.links.clear();
    }
}

impl World {
    /// The hash of `user` if `session` proves that it is them (PROTOCOL.md, section 1.3).
    pub(super) fn log_in(&mut self, dev_id: u32, user: u32, session: &str, now: u64) -> Option<String> {
        if user == 0 {
            return None;
        }
        let dev = self.devs.entry(dev_id).or_default();
        let by_token = self.options.era == Era::V409
            && !dev.revoked.contains(session)
            && auth::is_token_for(session, &self.options.password, dev_id, user, now);
        if by_token {
            let account = dev.users.entry(user).or_default();
            if account.hash.is_none() {
                account.hash = auth::new_hash();
            }
            return account.hash.clone();
        }
        dev.users.get(&user)?.hash.clone().filter(|hash| hash == session)
    }

    pub(super) fn add_user(&mut self, dev: u32, user: u32, hash: &str) {
        self.account(dev, user).set_hash(hash);
    }

    /// Takes the hash away and ends the user's connections, but for those beyond the 16th.
    pub(super) fn remove_user(&mut self, dev: u32, user: u32) {
        let account = self.account(dev, user);
        account.hash = None;
        for link in &account.links {
            link.outbox.close();
        }
    }

    pub(super) fn revoke(&mut self, dev: u32, token: &str) {
        self.devs.entry(dev).or_default().revoked.insert(token.to_owned());
    }

    pub(super) fn set_user_data(&mut self, dev: u32, user: u32, data: &str) {
        self.account(dev, user).data = data.as_bytes().to_vec();
    }

    pub(super) fn user_data(&self, dev: u32, user: i64) -> &[u8] {
        let account = u32::try_from(user).ok().and_then(|user| self.devs.get(&dev)?.users.get(&user));
        account.map_or(&[], |account| account.data.as_slice())
    }

    fn account(&mut self, dev: u32, user: u32) -> &mut Account {
        self.devs.entry(dev).or_default().users.entry(user).or_default()
    }

    /// What `user_status` says: the time since the user left, the time itself while they are here, one second more for
    /// somebody who was never seen (PROTOCOL.md, section 5).
    pub(super) fn seconds_since_seen(&self, dev: u32, user: u64, now: u64) -> u64 {
        let account = u32::try_from(user).ok().and_then(|user| self.devs.get(&dev)?.users.get(&user));
        match account {
            Some(account) if !account.links.is_empty() => now,
            Some(Account { left: Some(left), .. }) => now.saturating_sub(*left),
            _ => now + 1,
        }
    }

    pub(super) fn links_of(&self, dev: u32, user: u32) -> &[Arc<Peer>] {
        let account = self.devs.get(&dev).and_then(|dev| dev.users.get(&user));
        account.map_or(&[], |account| account.links.as_slice())
    }

    pub(super) fn queue(&mut self, dev: u32, user: u32, event: &[u8], data: &[u8], now: u64) {
        let row = Queued { data: data.to_vec(), event: event.to_vec(), time: now };
        self.account(dev, user).queue.push_back(row);
    }

    /// Sends what waited for the user, the oldest ten, and forgets the rest that is not of this second
    /// (PROTOCOL.md, section 9).
    pub(super) fn deliver_queue(&mut self, desk: &mut Desk, peer: &Arc<Peer>) {
        let now = desk.now;
        let queue = &mut self.account(peer.dev, peer.user).queue;
        queue.retain(|row| row.time + KEPT_SECONDS >= now);
        for row in queue.iter().take(QUEUED_AT_LOGIN) {
            desk.say(peer, &Saying::Queued { data: &row.data, event: &row.event, time: row.time });
        }
        queue.retain(|row| row.time >= now);
    }

    /// Registers a connection of a user; true if it is the first.
    pub(super) fn come(&mut self, peer: &Arc<Peer>) -> bool {
        let links = &mut self.account(peer.dev, peer.user).links;
        let first = links.is_empty();
        if links.len() < LINKS_OF_USER {
            links.push(Arc::clone(peer));
        }
        first
    }

    /// Takes a connection of a user out; true if none is left.
    pub(super) fn go(&mut self, peer: &Peer, now: u64) -> bool {
        let account = self.account(peer.dev, peer.user);
        account.links.retain(|other| other.id != peer.id);
        let last = account.links.is_empty();
        if last {
            account.left = Some(now);
        }
        last
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::local::clock::Clock;
    use crate::local::forms::Voice;
    use crate::local::options::{Faults, Options};
    use crate::local::outbox::Outbox;

    /// How many bytes the queue of user 7 comes to at a login at `now`.
    fn delivered(world: &mut World, now: u64) -> usize {
        let outbox = Outbox::new(usize::MAX);
        let (voice, uuid) = (Voice::New, String::new());
        let peer = Arc::new(Peer { id: 1, dev: 0, user: 7, voice, uuid, outbox: Arc::clone(&outbox) });
        let mut desk = Desk::new(Faults::Faithful, Clock::default());
        desk.now = now;
        world.deliver_queue(&mut desk, &peer);
        outbox.waiting()
    }

    fn queued(count: u32, now: u64) -> World {
        let mut world = World::new(Options::default());
        for _ in 0..count {
            world.queue(0, 7, b"ev", b"x", now);
        }
        world
    }

    /// Hazard 33.
    #[test]
    fn ten_queued_messages_are_delivered_and_the_rest_is_forgotten() {
        let one = delivered(&mut queued(1, 1_000), 1_001);
        let mut world = queued(12, 1_000);
        assert_eq!(delivered(&mut world, 1_001), 10 * one);
        assert_eq!(delivered(&mut world, 1_001), 0);
    }

    #[test]
    fn a_message_queued_in_the_second_of_the_login_comes_again() {
        let mut world = queued(1, 1_000);
        let one = delivered(&mut world, 1_000);
        assert_eq!(delivered(&mut world, 1_000), one);
        assert_eq!(delivered(&mut world, 1_001), one);
        assert_eq!(delivered(&mut world, 1_001), 0);
    }

    #[test]
    fn a_message_waits_for_two_minutes() {
        assert!(delivered(&mut queued(1, 1_000), 1_120) > 0);
        assert_eq!(delivered(&mut queued(1, 1_000), 1_121), 0);
    }

    #[test]
    fn who_was_online_when_the_server_died_is_a_stranger_afterwards() {
        let mut world = World::new(Options::default());
        let (voice, uuid, outbox) = (Voice::New, String::new(), Outbox::new(1));
        let peer = Arc::new(Peer { id: 1, dev: 0, user: 7, voice, uuid, outbox });
        assert!(world.come(&peer));
        assert_eq!(world.seconds_since_seen(0, 7, 1_000), 1_000);
        assert!(world.go(&peer, 1_000));
        assert_eq!(world.seconds_since_seen(0, 7, 1_003), 3);
        assert!(world.come(&peer));
        world.restart();
        assert_eq!(world.seconds_since_seen(0, 7, 1_003), 1_004);
    }
}
