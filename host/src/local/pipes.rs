//! Joining and leaving pipes, with the events that `track_` pipes and users cause (PROTOCOL.md, sections 6 and 9).

use std::sync::Arc;

use super::commands::{Next, Session, complain};
use super::complaint::Complaint;
use super::desk::Desk;
use super::forms::{Saying, Voice};
use super::listing;
use super::world::{Peer, World};

const TRACK: &[u8] = b"track_";

/// Replaces all subscriptions of a connection by those of a list.
pub(super) fn subscription(world: &mut World, desk: &mut Desk, session: &mut Session, text: &[u8]) -> Next {
    unsubscribe_all(world, desk, session);
    let peer = Arc::clone(&session.peer);
    let listing = listing::read(text, peer.user != 0, world.faults());
    for name in listing.names {
        let tracked = name.starts_with(TRACK);
        // In 4.09 the newcomer is told after the others, and so not at all; in 3.31 it hears of itself.
        if tracked && peer.voice != Voice::Old {
            tell(world, desk, &peer, name, true);
        }
        world.subscribe(&peer, name);
        if tracked && peer.voice == Voice::Old {
            tell(world, desk, &peer, name, true);
        }
        session.names.push(name.to_vec());
    }
    match listing.error {
        None => Next::Go,
        Some(error @ (Complaint::ListTooLong | Complaint::ListedNameTooLong)) => {
            complain(desk, &peer, error);
            Next::Close
        }
        Some(error) => complain(desk, &peer, error),
    }
}

/// Registers a connection that has just been greeted.
pub(super) fn enter(world: &mut World, desk: &mut Desk, peer: &Arc<Peer>) {
    world.enter(peer);
    if peer.user != 0 && world.come(peer) {
        presence(world, desk, peer, true);
    }
}

/// Takes a connection out of everything. Does nothing for one that is out already because the server died.
pub(super) fn leave(world: &mut World, desk: &mut Desk, session: &mut Session) {
    if !world.leave(session.peer.id) {
        return;
    }
    if session.peer.user != 0 && world.go(&session.peer, desk.now) {
        presence(world, desk, &session.peer, false);
    }
    unsubscribe_all(world, desk, session);
}

fn unsubscribe_all(world: &mut World, desk: &mut Desk, session: &mut Session) {
    for name in std::mem::take(&mut session.names) {
        world.unsubscribe(&session.peer, &name);
        if name.starts_with(TRACK) {
            tell(world, desk, &session.peer, &name, false);
        }
    }
}

fn tell(world: &World, desk: &mut Desk, peer: &Peer, name: &[u8], joined: bool) {
    let saying = Saying::Track { user: peer.user, uuid: &peer.uuid, pipe: name, joined };
    broadcast(world, desk, peer.dev, name, &saying);
}

fn presence(world: &World, desk: &mut Desk, peer: &Peer, online: bool) {
    let name = format!("user_status_{}", peer.user);
    broadcast(world, desk, peer.dev, name.as_bytes(), &Saying::Presence { user: peer.user, online });
}

/// Says something to all subscribers of a pipe, the newest first; answers their number.
pub(super) fn broadcast(world: &World, desk: &mut Desk, dev: u32, name: &[u8], saying: &Saying<'_>) -> u64 {
    world.pipe(dev, name).map_or(0, |pipe| desk.say_to_all(pipe.subscribers.iter().rev(), saying).all)
}
