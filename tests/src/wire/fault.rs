//! The words in which faults are told, by a test to the wire and by the wire to its connections.

use std::time::Duration;

use tokio::sync::broadcast::{Receiver, error::RecvError};

use super::noise::Noise;

/// A direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// From the bot to the server.
    Up,
    /// From the server to the bot.
    Down,
}

/// One for each way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Both<T> {
    /// For [`Way::Up`].
    pub up: T,
    /// For [`Way::Down`].
    pub down: T,
}

impl<T> Both<T> {
    /// The one for `way`.
    pub const fn of(&self, way: Way) -> &T {
        match way {
            Way::Up => &self.up,
            Way::Down => &self.down,
        }
    }

    pub(super) const fn of_mut(&mut self, way: Way) -> &mut T {
        match way {
            Way::Up => &mut self.up,
            Way::Down => &mut self.down,
        }
    }
}

/// How a connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// In order. As with any socket, an end that goes on writing gets a reset for it.
    Fin,
    /// By a reset (`SO_LINGER` of 0).
    Reset,
}

/// How a connection is not let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Nobody listens: `connection refused`. The port is kept.
    NoListener,
    /// Accepted and closed at once.
    Hangup,
    /// Accepted and never answered, not even closed.
    Mute,
    /// The request gets an HTTP answer with this status, then the connection is closed.
    Http(u16),
    /// The request gets these bytes, then the connection is closed.
    Bytes(Vec<u8>),
    /// The request gets the head of an upgrade that never ends.
    EndlessHead,
}

/// What happens to all that goes one way, until it is changed.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Flow {
    pub(super) stop: Stop,
    pub(super) delay: Duration,
    pub(super) bytes_per_second: Option<u32>,
    pub(super) shape: Shape,
    pub(super) noise: Option<Noise>,
}

impl Flow {
    pub(super) fn passes(&self) -> bool {
        matches!(self.stop, Stop::No)
    }
}

/// Whether anything is passed on at all.
#[derive(Debug, Clone, Copy, Default)]
pub(super) enum Stop {
    #[default]
    No,
    /// Nothing is passed on; what is written is taken nevertheless.
    Read,
    /// Nothing is passed on, nothing is taken.
    Unread,
}

/// How what has come is divided into writes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) enum Shape {
    /// As it was read.
    #[default]
    Whole,
    /// A byte at a time.
    Split,
    /// All that is there, once it is so much or the first of it has waited so long.
    Glue { bytes: usize, wait: Duration },
}

/// What all connections that stand are told at once.
#[derive(Debug, Clone, Copy)]
pub(super) enum Order {
    Cut(End),
    HalfClose(Way),
    Silence,
}

/// Waits for an order that concerns the caller.
pub(super) async fn order<T>(orders: &mut Receiver<Order>, concerns: impl Fn(Order) -> Option<T>) -> T {
    loop {
        match orders.recv().await {
            Ok(order) => {
                if let Some(concern) = concerns(order) {
                    return concern;
                }
            }
            Err(RecvError::Lagged(_)) => {}
            // The wire ends its connections together with itself.
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

/// Waits until the connection is to be cut.
pub(super) async fn cut(orders: &mut Receiver<Order>) -> End {
    order(orders, |order| match order {
        Order::Cut(end) => Some(end),
        Order::HalfClose(_) | Order::Silence => None,
    })
    .await
}
