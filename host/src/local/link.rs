//! The life of one connection, from its first byte to its last.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{BufMut as _, BytesMut};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;
use tokio::sync::{Notify, watch};

use super::clock::Clock;
use super::commands::{self, Next, Session};
use super::desk::Desk;
use super::forms::{Saying, Voice};
use super::frames::Step;
use super::gate::Gate;
use super::http::{self, Parameters, Refusal, Route};
use super::limits::{FIRST_READ_BYTES, READ_BYTES, REQUEST_BYTES};
use super::old;
use super::options::{Era, Faults};
use super::outbox::{self, Outbox};
use super::pages;
use super::pipes;
use super::reader::Reader;
use super::wire::{self, Tail};
use super::world::{Peer, World};

/// What all connections and control handles of one double share.
#[derive(Debug)]
pub(super) struct Shared {
    world: Mutex<World>,
    pub(super) gate: Arc<Gate>,
    pub(super) clock: Clock,
    /// Somebody connected, left or changed subscriptions.
    pub(super) changed: Notify,
    pub(super) era: Era,
    pub(super) faults: Faults,
}

impl Shared {
    pub(super) fn new(world: World) -> Self {
        let (era, faults) = (world.era(), world.faults());
        Self {
            world: Mutex::new(world),
            gate: Arc::new(Gate::new()),
            clock: Clock::default(),
            changed: Notify::new(),
            era,
            faults,
        }
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves one connection until it ends.
pub(super) async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    // Without it the kernel would hold back small answers; if it cannot be set they are only slower.
    let _ = stream.set_nodelay(true);
    let (socket, writing) = stream.into_split();
    let (outbox, id) = {
        let mut world = shared.world();
        let outbox = Outbox::new(world.options.outgoing_limit);
        let id = world.open(&outbox);
        (outbox, id)
    };
    let writer = tokio::spawn(outbox::drain(Arc::clone(&outbox), writing, Arc::clone(&shared.gate)));
    let desk = Desk::new(shared.faults, shared.clock.clone());
    let mut link = Link { socket, closing: outbox.closing(), outbox, id, desk, shared };
    let mut session = link.greet().await;
    if let Some((session, frames)) = &mut session
        && !link.shared.gate.habits().hangs_up
    {
        link.read_frames(session, frames).await;
    }
    link.end(session.map(|(session, _)| session));
    // A writer that panicked has nothing left to write.
    let _ = writer.await;
}

struct Link {
    socket: OwnedReadHalf,
    closing: watch::Receiver<bool>,
    outbox: Arc<Outbox>,
    id: u64,
    desk: Desk,
    shared: Arc<Shared>,
}

/// Why a connection stops being read.
struct Ended;

impl Link {
    /// Reads the request and answers it. Without a session the connection is to end.
    async fn greet(&mut self) -> Option<(Session, Reader)> {
        let (faults, mut text) = (self.shared.faults, BytesMut::new());
        loop {
            self.read(&mut text, FIRST_READ_BYTES).await.ok()?;
            if http::is_whole(&text, faults) {
                break;
            }
            if text.len() > REQUEST_BYTES {
                return None;
            }
        }
        let route = http::route(&text);
        if route == Route::Socket {
            let session = self.shake_hands(&text)?;
            return Some((session, Reader::behind(&text, faults)));
        }
        let page = pages::answer(route, &self.shared.world().options.node);
        self.outbox.say(&page);
        None
    }

    fn shake_hands(&mut self, text: &[u8]) -> Option<Session> {
        let (era, faults) = (self.shared.era, self.shared.faults);
        let parameters = match http::parameters(text, era, faults) {
            Ok(parameters) => parameters,
            Err(refusal) => {
                self.refuse(text, refusal);
                return None;
            }
        };
        if parameters.session == http::Session::Deadly && faults == Faults::Faithful {
            self.shared.world().crash("a session of 600 bytes or more");
            return None;
        }
        let key = http::key(text, faults)?;
        let shared = Arc::clone(&self.shared);
        let mut world = shared.world();
        self.desk.begin();
        self.desk.raw(&self.outbox, &pages::switching(key, http::offers_protocol(text)));
        self.desk.raw(&self.outbox, &shared.gate.habits().greeting);
        let session = self.log_in(&mut world, parameters);
        drop(world);
        self.desk.finish();
        shared.changed.notify_waiters();
        Some(session)
    }

    fn log_in(&mut self, world: &mut World, parameters: Parameters) -> Session {
        let Parameters { session, user, dev, major, uuid } = parameters;
        let token = match session {
            http::Session::Token(token) => token,
            http::Session::Deadly => String::new(),
        };
        let hash = world.log_in(dev, user, &token, self.desk.now);
        let user = if hash.is_some() { user } else { 0 };
        let (voice, outbox) = (Voice::of(self.shared.era, major), Arc::clone(&self.outbox));
        let peer = Arc::new(Peer { id: self.id, dev, user, voice, uuid, outbox });
        let hash = hash.as_deref();
        self.desk.say(&peer, &Saying::ServerInfo { authorized: hash.is_some(), hash: hash.unwrap_or_default() });
        if user != 0 {
            world.deliver_queue(&mut self.desk, &peer);
        }
        pipes::enter(world, &mut self.desk, &peer);
        Session { peer, names: Vec::new() }
    }

    /// The handshake, one error frame, and the end. Without a good key there is only the end.
    fn refuse(&mut self, text: &[u8], refusal: Refusal) {
        let (era, faults) = (self.shared.era, self.shared.faults);
        let Some(key) = http::key(text, faults) else { return };
        let voice = Voice::of(era, refusal.major());
        let (dev, user, uuid, outbox) = (0, 0, String::new(), Arc::clone(&self.outbox));
        let peer = Peer { id: self.id, dev, user, voice, uuid, outbox };
        self.desk.begin();
        self.desk.raw(&self.outbox, &pages::switching(key, http::offers_protocol(text)));
        self.desk.say(&peer, &Saying::Refused(refusal));
        if voice == Voice::Old {
            let mut farewell = Vec::new();
            wire::text(&mut farewell, old::FAREWELL, Tail::Whole);
            self.desk.raw(&self.outbox, &farewell);
        }
        self.desk.finish();
    }

    async fn read_frames(&mut self, session: &mut Session, reader: &mut Reader) {
        let mut size = FIRST_READ_BYTES;
        let mut started = reader.has_bytes();
        loop {
            // A forgiving double may have got frames together with the request.
            if !std::mem::take(&mut started) {
                let Ok(count) = self.read(reader.buffer(), size).await else { return };
                if !reader.received(count) {
                    return;
                }
                if count == size {
                    size = (size * 4).min(READ_BYTES);
                }
            }
            while let Some(more) = self.carry_out(session, reader) {
                let full = self.desk.finish();
                for slow in full {
                    tokio::select! {
                        () = slow.room() => {}
                        _ = self.closing.wait_for(|closing| *closing) => return,
                    }
                }
                match more {
                    More::InBuffer => {}
                    More::ToRead => break,
                }
            }
            if self.outbox.is_closing() {
                return;
            }
        }
    }

    /// Carries out the commands of one read under one lock; `None` if the connection is to end.
    fn carry_out(&mut self, session: &mut Session, reader: &mut Reader) -> Option<More> {
        let shared = Arc::clone(&self.shared);
        let mut world = shared.world();
        // The server may have died since the read, and with it this connection.
        if !world.is_in(self.id) {
            self.outbox.close();
            return None;
        }
        self.desk.begin();
        let result = carry_out(&mut world, &mut self.desk, session, reader);
        if result.is_err() {
            // The caller must not read on, and what was said before still has to go out.
            self.outbox.close();
        }
        drop(world);
        shared.changed.notify_waiters();
        if result.is_err() {
            self.desk.finish();
        }
        result.ok()
    }

    /// One read into `buffer`; an error at the end of the connection.
    async fn read(&mut self, buffer: &mut BytesMut, size: usize) -> Result<usize, Ended> {
        // Without room the buffer would grow by a few bytes at a time, and reads with it.
        buffer.reserve(size);
        let count = tokio::select! {
            count = async {
                let count = self.socket.read_buf(&mut buffer.limit(size)).await.unwrap_or(0);
                self.shared.gate.open().await;
                count
            } => count,
            _ = self.closing.wait_for(|closing| *closing) => 0,
        };
        if count == 0 { Err(Ended) } else { Ok(count) }
    }

    fn end(&mut self, session: Option<Session>) {
        let mut world = self.shared.world();
        if let Some(mut session) = session {
            self.desk.begin();
            pipes::leave(&mut world, &mut self.desk, &mut session);
        }
        world.forget(self.id);
        drop(world);
        self.desk.finish();
        self.outbox.close();
        self.shared.changed.notify_waiters();
    }
}

/// Where the next command comes from.
enum More {
    /// Commands are left in the buffer; somebody has to read first.
    InBuffer,
    /// The socket.
    ToRead,
}

fn carry_out(world: &mut World, desk: &mut Desk, session: &mut Session, reader: &mut Reader) -> Result<More, Ended> {
    loop {
        match reader.step() {
            Step::Command(text) => match commands::run(world, desk, session, text) {
                Next::Go if desk.is_pressed() => return Ok(More::InBuffer),
                Next::Go => {}
                Next::Close => return Err(Ended),
                Next::Crash(cause) => {
                    world.crash(cause);
                    return Err(Ended);
                }
            },
            Step::Reply(bytes) => desk.raw(&session.peer.outbox, &bytes),
            Step::Wait => return Ok(More::ToRead),
            Step::Close => return Err(Ended),
        }
    }
}
