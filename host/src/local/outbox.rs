//! What waits to be written to one connection, and the task that writes it.
//!
//! Frames are appended by whoever has something to say, many at a time, and one task per connection writes all that has
//! gathered in a single call. Like the real server, the double never drops a slow reader and loses nothing that waits
//! for it. Unlike the real server, a full queue holds up only the connections that send into it, and those only beyond
//! [`super::Options::outgoing_limit`]: they are not read from until the slow reader has caught up or is gone.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::{Notify, watch};
use tokio::time;

use super::gate::Gate;
use super::limits::{FLUSH, KEPT_BUFFER_BYTES};

/// Writes in small pieces with pauses between, so that a client reads frames and heads in parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trickle {
    /// Bytes of one write, at least 1.
    pub bytes: usize,
    /// The pause behind each write.
    pub pause: Duration,
}

/// What became of bytes that were pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pushed {
    /// Nothing waited before: the writer has to be woken.
    pub(super) first: bool,
    /// More waits than the limit allows: stop pushing and wait for room.
    pub(super) full: bool,
}

/// The queue of one connection.
#[derive(Debug)]
pub(super) struct Outbox {
    queue: Mutex<Queue>,
    /// Something waits to be written.
    filled: Notify,
    /// Something was written.
    emptied: Notify,
    /// True once the connection is to end when its queue is written.
    closing: watch::Sender<bool>,
    limit: usize,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: Vec<u8>,
    /// Bytes that the writer has taken and not finished.
    writing: usize,
    /// Nothing is accepted any more.
    shut: bool,
}

impl Outbox {
    pub(super) fn new(limit: usize) -> Arc<Self> {
        let (closing, _) = watch::channel(false);
        Arc::new(Self { queue: Mutex::default(), filled: Notify::new(), emptied: Notify::new(), closing, limit })
    }

    /// Appends bytes. The caller must [`Outbox::wake`] the writer if they are the first, best after a whole batch.
    pub(super) fn push(&self, bytes: &[u8]) -> Pushed {
        let mut queue = self.queue();
        if queue.shut {
            return Pushed { first: false, full: false };
        }
        let first = queue.waiting.is_empty();
        queue.waiting.extend_from_slice(bytes);
        Pushed { first, full: queue.waiting.len() + queue.writing > self.limit }
    }

    /// Tells the writer that there is something to do.
    pub(super) fn wake(&self) {
        self.filled.notify_one();
    }

    /// Appends bytes and wakes the writer.
    pub(super) fn say(&self, bytes: &[u8]) {
        if self.push(bytes).first {
            self.wake();
        }
    }

    /// Ends the connection as soon as what waits is written.
    pub(super) fn close(&self) {
        self.queue().shut = true;
        self.closing.send_replace(true);
    }

    pub(super) fn is_closing(&self) -> bool {
        *self.closing.borrow()
    }

    /// Ends when the connection is to end.
    pub(super) fn closing(&self) -> watch::Receiver<bool> {
        self.closing.subscribe()
    }

    /// Waits until less than the limit is queued, or the connection is gone.
    pub(super) async fn room(&self) {
        loop {
            let emptied = self.emptied.notified();
            tokio::pin!(emptied);
            emptied.as_mut().enable();
            let has_room = {
                let queue = self.queue();
                queue.shut || queue.waiting.len() + queue.writing <= self.limit
            };
            if has_room {
                return;
            }
            emptied.await;
        }
    }

    /// The bytes that wait.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.queue().waiting.len()
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves all that waits into `chunk`, which must be empty.
    fn take(&self, chunk: &mut Vec<u8>) {
        let mut queue = self.queue();
        std::mem::swap(&mut queue.waiting, chunk);
        queue.writing = chunk.len();
    }

    fn written(&self) {
        self.queue().writing = 0;
        self.emptied.notify_waiters();
    }

    /// Forgets all that waits: nobody can be reached any more.
    fn abandon(&self) {
        self.close();
        let mut queue = self.queue();
        queue.waiting = Vec::new();
        queue.writing = 0;
        drop(queue);
        self.emptied.notify_waiters();
    }
}

/// Writes what is pushed to `outbox` until it is closed and empty, then ends the writing side of the connection.
pub(super) async fn drain(outbox: Arc<Outbox>, mut socket: OwnedWriteHalf, gate: Arc<Gate>) {
    let mut closing = outbox.closing();
    let mut chunk = Vec::new();
    loop {
        // Asked before what waits is taken: whatever was said before the end is still written.
        let is_closing = *closing.borrow();
        outbox.take(&mut chunk);
        if chunk.is_empty() {
            if is_closing {
                break;
            }
            tokio::select! {
                () = outbox.filled.notified() => {}
                _ = closing.wait_for(|closing| *closing) => {}
            }
            continue;
        }
        let sent = tokio::select! {
            sent = write(&mut socket, &chunk, &gate) => sent.is_ok(),
            () = overdue(&mut closing) => false,
        };
        if !sent {
            break;
        }
        chunk.clear();
        if chunk.capacity() > KEPT_BUFFER_BYTES {
            chunk = Vec::new();
        }
        outbox.written();
    }
    outbox.abandon();
    // The peer may be gone already, and then there is nothing to end.
    let _ = socket.shutdown().await;
}

async fn write(socket: &mut OwnedWriteHalf, bytes: &[u8], gate: &Gate) -> std::io::Result<()> {
    gate.open().await;
    let Some(Trickle { bytes: size, pause }) = gate.trickle() else { return socket.write_all(bytes).await };
    for piece in bytes.chunks(size.max(1)) {
        socket.write_all(piece).await?;
        time::sleep(pause).await;
    }
    Ok(())
}

/// Ends when a connection that is to end has had its time to take what is left.
async fn overdue(closing: &mut watch::Receiver<bool>) {
    // The sender lives in the outbox, which the caller holds.
    let _ = closing.wait_for(|closing| *closing).await;
    time::sleep(FLUSH).await;
}
