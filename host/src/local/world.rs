//! Everything that the connections share: accounts, users, pipes with their subscribers and logs.
//!
//! One lock guards it all. A connection takes it once for all frames of a read, and nobody waits while holding it.

use std::collections::HashSet;
use std::sync::Arc;

use hashbrown::HashMap;

use super::accounts::Account;
use super::forms::Voice;
use super::limits::{LOG_LENGTH, RULED_LOGS};
use super::log::{Keep, Log};
use super::options::{Era, Faults, Options};
use super::outbox::Outbox;

/// One websocket that has shaken hands.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) id: u64,
    pub(super) dev: u32,
    /// 0 for somebody unknown.
    pub(super) user: u32,
    pub(super) voice: Voice,
    pub(super) uuid: String,
    pub(super) outbox: Arc<Outbox>,
}

/// A pipe that somebody hears or that has a log.
#[derive(Debug)]
pub(super) struct Pipe {
    /// In the order of subscription; the server serves the newest first. A name subscribed twice stands here twice.
    pub(super) subscribers: Vec<Arc<Peer>>,
    pub(super) log: Log,
    pub(super) keep: Keep,
}

/// One account: what is isolated from the others by its dev id.
#[derive(Debug, Default)]
pub(super) struct Dev {
    pipes: HashMap<Vec<u8>, Pipe>,
    log_lengths: HashMap<Vec<u8>, usize>,
    pub(super) users: HashMap<u32, Account>,
    /// JSON web tokens that are good no more.
    pub(super) revoked: HashSet<String>,
}

/// The shared state of one double.
#[derive(Debug)]
pub(super) struct World {
    pub(super) options: Options,
    /// All connections, those that have not shaken hands included.
    links: HashMap<u64, Arc<Outbox>>,
    next_link: u64,
    /// The double ends: connections that were accepted just now are closed as well.
    over: bool,
    peers: HashMap<u64, Arc<Peer>>,
    pub(super) devs: HashMap<u32, Dev>,
    crashes: u64,
}

impl World {
    pub(super) fn new(options: Options) -> Self {
        let mut devs: HashMap<u32, Dev> = HashMap::new();
        for user in &options.users {
            let account = devs.entry(user.dev).or_default().users.entry(user.id).or_default();
            account.set_hash(user.hash.expose());
        }
        Self { options, links: HashMap::new(), next_link: 1, over: false, peers: HashMap::new(), devs, crashes: 0 }
    }

    pub(super) fn faults(&self) -> Faults {
        self.options.faults
    }

    pub(super) fn era(&self) -> Era {
        self.options.era
    }

    // Connections.

    pub(super) fn open(&mut self, outbox: &Arc<Outbox>) -> u64 {
        let id = self.next_link;
        self.next_link += 1;
        self.links.insert(id, Arc::clone(outbox));
        if self.over {
            outbox.close();
        }
        id
    }

    pub(super) fn forget(&mut self, id: u64) {
        self.links.remove(&id);
    }

    pub(super) fn enter(&mut self, peer: &Arc<Peer>) {
        self.peers.insert(peer.id, Arc::clone(peer));
    }

    /// Takes a connection out; false if it was out already, because the server died meanwhile.
    pub(super) fn leave(&mut self, id: u64) -> bool {
        self.peers.remove(&id).is_some()
    }

    pub(super) fn is_in(&self, id: u64) -> bool {
        self.peers.contains_key(&id)
    }

    pub(super) fn peers(&self) -> impl Iterator<Item = &Arc<Peer>> {
        self.peers.values()
    }

    pub(super) fn crashes(&self) -> u64 {
        self.crashes
    }

    /// The death of the server: every connection ends, and all that only memory held is gone. Logs, hashes and queues
    /// are in the database of the real one and stay. Answers the number of connections that ended.
    pub(super) fn restart(&mut self) -> usize {
        for outbox in self.links.values() {
            outbox.close();
        }
        self.peers.clear();
        for dev in self.devs.values_mut() {
            for pipe in dev.pipes.values_mut() {
                pipe.subscribers.clear();
            }
            for account in dev.users.values_mut() {
                account.forget_links();
            }
        }
        self.links.len()
    }

    /// The end of the double itself.
    pub(super) fn end(&mut self) {
        self.over = true;
        self.restart();
    }

    /// A restart that is caused by what a client sent.
    pub(super) fn crash(&mut self, cause: &str) {
        self.crashes += 1;
        let connections = self.restart();
        tracing::error!(cause, connections, "the real comet server would have died here: all connections are dropped");
    }

    // Pipes.

    pub(super) fn pipe(&self, dev: u32, name: &[u8]) -> Option<&Pipe> {
        self.devs.get(&dev)?.pipes.get(name)
    }

    pub(super) fn subscribers(&self, dev: u32, name: &[u8]) -> usize {
        self.pipe(dev, name).map_or(0, |pipe| pipe.subscribers.len())
    }

    fn pipe_mut(&mut self, dev: u32, name: &[u8]) -> &mut Pipe {
        let keep = self.keep(dev, name);
        let pipes = &mut self.devs.entry(dev).or_default().pipes;
        pipes.entry_ref(name).or_insert_with(|| Pipe { subscribers: Vec::new(), log: Log::default(), keep })
    }

    fn keep(&self, dev: u32, name: &[u8]) -> Keep {
        if name.starts_with(b"trust_") {
            return Keep::Trusted;
        }
        let set = self.devs.get(&dev).and_then(|dev| dev.log_lengths.get(name)).copied();
        let by_rule = || self.options.logs.iter().find(|rule| rule.covers(name)).map(|rule| rule.length);
        match set.or_else(by_rule) {
            None | Some(0) => Keep::Nothing,
            Some(length) => Keep::Newest(length.min(usize::try_from(LOG_LENGTH).unwrap_or(usize::MAX))),
        }
    }

    pub(super) fn set_log_length(&mut self, dev: u32, name: &[u8], length: i64) {
        let length = if length < 0 { 1 } else { length.min(LOG_LENGTH) };
        self.devs.entry(dev).or_default().log_lengths.insert(name.to_vec(), usize::try_from(length).unwrap_or(0));
        let keep = self.keep(dev, name);
        self.pipe_mut(dev, name).keep = keep;
    }

    pub(super) fn subscribe(&mut self, peer: &Arc<Peer>, name: &[u8]) {
        self.pipe_mut(peer.dev, name).subscribers.push(Arc::clone(peer));
    }

    /// Takes the newest subscription of `peer` out of a pipe.
    pub(super) fn unsubscribe(&mut self, peer: &Peer, name: &[u8]) {
        let Some(dev) = self.devs.get_mut(&peer.dev) else { return };
        let Some(pipe) = dev.pipes.get_mut(name) else { return };
        if let Some(at) = pipe.subscribers.iter().rposition(|other| other.id == peer.id) {
            pipe.subscribers.remove(at);
        }
        if pipe.subscribers.is_empty() && pipe.log.is_empty() {
            dev.pipes.remove(name);
        }
    }

    /// Forgets the stalest log that only a rule keeps, if there are too many and `name` would be one more.
    fn make_room_for_log(&mut self, dev: u32, name: &[u8]) {
        let Some(dev) = self.devs.get_mut(&dev) else { return };
        if dev.pipes.len() < RULED_LOGS || dev.pipes.get(name).is_some_and(|pipe| !pipe.log.is_empty()) {
            return;
        }
        let is_ruled = |(name, pipe): &(&Vec<u8>, &Pipe)| !pipe.log.is_empty() && !dev.log_lengths.contains_key(*name);
        let ruled: Vec<_> = dev.pipes.iter().filter(is_ruled).collect();
        if ruled.len() < RULED_LOGS {
            return;
        }
        let stalest = ruled.into_iter().min_by_key(|(_, pipe)| pipe.log.newest_time()).map(|(name, _)| name.clone());
        if let Some(pipe) = stalest.as_ref().and_then(|name| dev.pipes.get_mut(name)) {
            pipe.log = Log::default();
        }
        dev.pipes.retain(|_, pipe| !pipe.subscribers.is_empty() || !pipe.log.is_empty());
    }

    /// Logs a message if the pipe has a log.
    pub(super) fn log(&mut self, dev: u32, name: &[u8], event: &[u8], user: u32, data: &[u8], now: u64) {
        let faults = self.faults();
        let keep = self.pipe(dev, name).map_or_else(|| self.keep(dev, name), |pipe| pipe.keep);
        if keep != Keep::Nothing {
            self.make_room_for_log(dev, name);
            self.pipe_mut(dev, name).log.store(keep, faults, data, event, user, now);
        }
    }
}
