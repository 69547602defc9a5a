//! What lies between the bot and its server, and all that can go wrong there.
//!
//! A [`Wire`] listens on a port of its own and carries each connection to the server. Its faults are of four kinds:
//!
//! - Of a [`Way`], until healed, for all connections, also those that stand: [`stall`](Wire::stall),
//!   [`hold`](Wire::hold), [`delay`](Wire::delay), [`throttle`](Wire::throttle), [`split`](Wire::split),
//!   [`glue`](Wire::glue), [`corrupt`](Wire::corrupt).
//! - Of the connections that stand, at once: [`cut`](Wire::cut), [`half_close`](Wire::half_close),
//!   [`go_silent`](Wire::go_silent).
//! - At a byte that is still to come, once: [`cut_after`](Wire::cut_after), [`flip`](Wire::flip).
//! - Of connections still to come, until healed: [`refuse`](Wire::refuse).
//!
//! Whatever either end writes after a call of the first kind has returned is subject to it. A test never waits for a
//! time to pass, but for what the wire has done: [`until`](Wire::until).
//!
//! Inside: `door` accepts, `connection` is one connection's life, `pump` one way of it, `queue` what waits in there,
//! `refusal` what is said to those who are not let in.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{broadcast, watch},
    task::JoinSet,
    time::timeout,
};

use crate::{Comet, PATIENCE};

mod connection;
mod counts;
mod door;
mod fault;
mod mark;
mod noise;
mod pump;
mod queue;
mod refusal;
#[cfg(test)]
mod tests;

pub use counts::Counts;
pub use fault::{Both, End, Refusal, Way};

use door::Door;
use fault::{Flow, Order, Shape, Stop};
use mark::Marks;
use noise::Noise;

/// How many orders a connection may be behind with; each ends at its first cut, so that a few are enough.
const ORDERS: usize = 64;

/// A relay on a port of its own. All its connections end with it.
pub struct Wire {
    shared: Arc<Shared>,
    _relay: JoinSet<()>,
}

/// What a wire and its connections have in common.
struct Shared {
    door: Door,
    server: Mutex<SocketAddr>,
    flows: watch::Sender<Both<Flow>>,
    marks: Mutex<Both<Marks>>,
    refusal: Mutex<Option<Refusal>>,
    orders: broadcast::Sender<Order>,
    /// How often all connections were cut: known at once, where orders are on their way for a moment.
    cuts: AtomicU64,
    counts: watch::Sender<Counts>,
}

impl Wire {
    /// A wire that leads to `comet`.
    pub async fn to(comet: &Comet) -> Self {
        Self::to_address(comet.address()).await
    }

    /// A wire that leads to whatever listens at `server`.
    pub async fn to_address(server: SocketAddr) -> Self {
        let shared = Arc::new(Shared {
            door: Door::open().await,
            server: Mutex::new(server),
            flows: watch::Sender::default(),
            marks: Mutex::default(),
            refusal: Mutex::default(),
            orders: broadcast::Sender::new(ORDERS),
            cuts: AtomicU64::default(),
            counts: watch::Sender::default(),
        });
        let mut relay = JoinSet::new();
        relay.spawn(door::admit(Arc::clone(&shared)));
        Self { shared, _relay: relay }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.shared.door.address
    }

    /// Where the bot connects.
    #[must_use]
    pub fn url(&self) -> String {
        format!("ws://{}/ws/", self.address())
    }

    /// New connections lead to `server` from now on; those that stand stay where they are.
    pub fn lead_to(&self, server: SocketAddr) {
        *self.shared.server.lock().unwrap() = server;
    }

    /// From now on nothing that the bot says reaches the server: [`hold`](Self::hold) for [`Way::Up`].
    pub fn clamp(&self) {
        self.hold(Way::Up);
    }

    /// What was clamped, held or stalled from the bot to the server goes on its way.
    pub fn release(&self) {
        self.flow(Way::Up, |flow| flow.stop = Stop::No);
    }

    /// Passes nothing on and reads nothing more: whoever writes will find the connection full.
    pub fn stall(&self, way: Way) {
        self.flow(way, |flow| flow.stop = Stop::Unread);
    }

    /// Passes nothing on, but takes all that is written.
    pub fn hold(&self, way: Way) {
        self.flow(way, |flow| flow.stop = Stop::Read);
    }

    /// Passes everything on so much later than it came, its end too.
    pub fn delay(&self, way: Way, latency: Duration) {
        self.flow(way, |flow| flow.delay = latency);
    }

    /// Passes on no more than so many bytes a second, on each connection.
    pub fn throttle(&self, way: Way, bytes_per_second: u32) {
        assert!(bytes_per_second > 0, "a throttle of 0 is a stall");
        self.flow(way, |flow| flow.bytes_per_second = Some(bytes_per_second));
    }

    /// Writes each byte on its own.
    pub fn split(&self, way: Way) {
        self.flow(way, |flow| flow.shape = Shape::Split);
    }

    /// Collects until there are so many bytes, or the first of them has waited so long, and writes all in one go.
    pub fn glue(&self, way: Way, bytes: usize, wait: Duration) {
        self.flow(way, |flow| flow.shape = Shape::Glue { bytes, wait });
    }

    /// Changes one byte of so many, by chance; the same seed changes the same bytes of a connection of the same number.
    pub fn corrupt(&self, way: Way, one_in: u32, seed: u64) {
        assert!(one_in > 0, "one byte of how many?");
        self.flow(way, |flow| flow.noise = Some(Noise { one_in, seed }));
    }

    /// Inverts the `nth` byte that is passed on from now on, counted from 1 over all connections.
    pub fn flip(&self, way: Way, nth: u64) {
        assert!(nth > 0, "the first byte is number 1");
        self.shared.marks.lock().unwrap().of_mut(way).flip = Some(nth);
    }

    /// Cuts the connection that passes on the last of so many bytes from now on, counted over all connections, right
    /// behind that byte. The others stay.
    pub fn cut_after(&self, way: Way, bytes: u64, end: End) {
        self.shared.marks.lock().unwrap().of_mut(way).cut = Some((bytes, end));
    }

    /// Closes all connections at both ends. What has not been passed on is lost.
    pub fn cut(&self, end: End) {
        self.shared.cuts.fetch_add(1, Ordering::SeqCst);
        self.order(Order::Cut(end));
    }

    /// Tells the receiving end of all connections that nothing more comes this way, and drops what comes. The other way
    /// stays as it is.
    pub fn half_close(&self, way: Way) {
        self.order(Order::HalfClose(way));
    }

    /// All connections lose their server without the bot being told: its side stays open, unread, until it is
    /// [`cut`](Self::cut). New connections are not concerned.
    pub fn go_silent(&self) {
        self.order(Order::Silence);
    }

    /// Lets no new connection through. Those that stand stay.
    pub fn refuse(&self, refusal: Refusal) {
        if matches!(refusal, Refusal::NoListener) {
            self.shared.door.close();
        } else {
            self.shared.door.reopen();
        }
        *self.shared.refusal.lock().unwrap() = Some(refusal);
    }

    /// Ends every fault that lasts, and takes back those that wait for a byte. What was held goes on its way.
    pub fn heal(&self) {
        *self.shared.marks.lock().unwrap() = Both::default();
        self.shared.flows.send_replace(Both::default());
        *self.shared.refusal.lock().unwrap() = None;
        self.shared.door.reopen();
    }

    /// What it has done so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        *self.shared.counts.borrow()
    }

    /// Waits until it has done `what`.
    pub async fn until(&self, what: &str, fits: impl Fn(&Counts) -> bool) -> Counts {
        let mut counts = self.shared.counts.subscribe();
        if let Ok(counts) = timeout(PATIENCE, counts.wait_for(fits)).await {
            return *counts.expect("the sender is here");
        }
        panic!("waited {} s in vain for the wire: {what}; it has {:?}", PATIENCE.as_secs(), self.counts())
    }

    /// Waits until so many connections have been accepted since it began, refused ones too.
    pub async fn accepted(&self, connections: u64) {
        self.until(&format!("{connections} connections"), |counts| counts.accepted >= connections).await;
    }

    /// Waits until it carries exactly so many connections.
    pub async fn carries(&self, connections: u64) {
        self.until(&format!("{connections} connections at a time"), |counts| counts.open == connections).await;
    }

    fn flow(&self, way: Way, change: impl FnOnce(&mut Flow)) {
        self.shared.flows.send_modify(|flows| change(flows.of_mut(way)));
    }

    fn order(&self, order: Order) {
        // Without a connection there is nobody to take it.
        let _ = self.shared.orders.send(order);
    }
}
