//! One way of one connection: reads from one end, does to it what the flow says, writes to the other end.

use std::{future::pending, sync::atomic::Ordering};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::tcp::{ReadHalf, WriteHalf},
    sync::broadcast::Receiver,
    time::{Instant, sleep_until},
};

use super::{
    End, Shared, Way,
    fault::{Flow, Order, Shape, Stop, order},
    noise::Generator,
    queue::Queue,
};

/// How much is read at once.
const READ_BYTES: usize = 64 * 1024;
/// How much waits inside before no more is read, so that a slow reader slows the writer down.
const QUEUE_BYTES: usize = 1024 * 1024;

/// Why a connection ends before both ends have closed.
pub(super) enum Broken {
    /// By a mark that was reached.
    Cut(End),
    /// One end has reset it.
    Reset,
}

/// What carries one way of a connection.
pub(super) struct Pump<'a> {
    way: Way,
    number: u64,
    /// How often all connections had been cut before.
    cuts: u64,
    shared: &'a Shared,
    from: ReadHalf<'a>,
    to: WriteHalf<'a>,
    queue: Queue,
    /// What is being written, already changed as it shall be.
    piece: Vec<u8>,
    written: usize,
    /// Behind this piece the connection is cut.
    cut: Option<End>,
    /// When and how the reading ended.
    ended: Option<(Instant, End)>,
    noise: Option<Generator>,
}

impl<'a> Pump<'a> {
    pub(super) fn new(
        way: Way,
        number: u64,
        cuts: u64,
        shared: &'a Shared,
        from: ReadHalf<'a>,
        to: WriteHalf<'a>,
    ) -> Self {
        Self {
            way,
            number,
            cuts,
            shared,
            from,
            to,
            queue: Queue::default(),
            piece: Vec::new(),
            written: 0,
            cut: None,
            ended: None,
            noise: None,
        }
    }

    /// Carries until the reading end has closed and been told on, or the writing end is gone.
    ///
    /// # Errors
    /// Why the whole connection is to be closed, if it is.
    pub(super) async fn run(mut self, mut orders: Receiver<Order>) -> Result<(), Broken> {
        let mut flows = self.shared.flows.subscribe();
        let mut bytes = vec![0; READ_BYTES];
        loop {
            // Read anew before each byte, so that a fault concerns all that comes after it was made.
            let flow = *flows.borrow_and_update().of(self.way);
            if self.shared.cuts.load(Ordering::SeqCst) != self.cuts {
                // A test that cuts and heals at once must not see passed on what was held until then.
                return pending().await;
            }
            let due = if flow.passes() { self.advance(&flow)? } else { None };
            if self.is_over(&flow) {
                let _ = self.to.shutdown().await;
                return Ok(());
            }
            let writes = flow.passes() && !self.piece.is_empty();
            let reads = self.reads(&flow);
            tokio::select! {
                biased;
                changed = flows.changed() => changed.expect("the sender is here"),
                () = half_close(&mut orders, self.way) => return self.half_close().await,
                written = self.to.write(&self.piece[self.written..]), if writes => match written {
                    Ok(count) => self.passed(count),
                    // The other way will find out how that end went.
                    Err(_) => return Ok(()),
                },
                read = self.from.read(&mut bytes), if reads => match read {
                    Ok(0) => self.ended = Some((Instant::now(), End::Fin)),
                    Ok(count) => self.came(&bytes[..count]),
                    Err(_) => self.ended = Some((Instant::now(), End::Reset)),
                },
                () = wait_until(due) => {}
            }
        }
    }

    /// Takes the next piece if it is time for it. Gives the time to look again, if time alone brings something.
    fn advance(&mut self, flow: &Flow) -> Result<Option<Instant>, Broken> {
        if !self.piece.is_empty() {
            return Ok(None);
        }
        if let Some(end) = self.cut {
            return Err(Broken::Cut(end));
        }
        let now = Instant::now();
        let due = match (self.queue.due(flow, self.ended.is_some()), self.ended) {
            (Some(due), _) => due,
            (None, Some((at, end))) => {
                let due = at + flow.delay;
                return if due <= now && end == End::Reset { Err(Broken::Reset) } else { Ok(Some(due)) };
            }
            (None, None) => return Ok(None),
        };
        if due > now {
            return Ok(Some(due));
        }
        self.piece = self.queue.take(flow, now);
        let (cut, flipped) = self.shared.marks.lock().unwrap().of_mut(self.way).apply(&mut self.piece);
        self.cut = cut;
        let changed = flipped + self.disturb(flow);
        if changed > 0 {
            self.shared.counts.send_modify(|counts| counts.changed += changed);
        }
        match cut {
            Some(end) if self.piece.is_empty() => Err(Broken::Cut(end)),
            _ => Ok(None),
        }
    }

    fn disturb(&mut self, flow: &Flow) -> u64 {
        if self.noise.as_ref().map(Generator::noise) != flow.noise {
            self.noise = flow.noise.map(|noise| Generator::new(noise, self.number, self.way));
        }
        self.noise.as_mut().map_or(0, |noise| noise.disturb(&mut self.piece))
    }

    /// Whether the end of what is read has been reached in order and its time has come.
    fn is_over(&self, flow: &Flow) -> bool {
        let now = Instant::now();
        let empty = self.piece.is_empty() && self.queue.is_empty();
        empty && flow.passes() && self.ended.is_some_and(|(at, end)| end == End::Fin && at + flow.delay <= now)
    }

    fn reads(&self, flow: &Flow) -> bool {
        let room = match (flow.stop, flow.shape) {
            (Stop::Unread, _) => 0,
            (Stop::Read, _) => usize::MAX,
            (Stop::No, Shape::Glue { bytes, .. }) => QUEUE_BYTES.max(bytes),
            (Stop::No, Shape::Whole | Shape::Split) => QUEUE_BYTES,
        };
        self.ended.is_none() && self.cut.is_none() && self.queue.bytes() < room
    }

    fn came(&mut self, bytes: &[u8]) {
        self.queue.push(bytes, Instant::now());
        self.shared.counts.send_modify(|counts| *counts.came.of_mut(self.way) += bytes.len() as u64);
    }

    fn passed(&mut self, count: usize) {
        self.written += count;
        if self.written == self.piece.len() {
            self.piece.clear();
            self.written = 0;
        }
        self.shared.counts.send_modify(|counts| {
            *counts.passed.of_mut(self.way) += count as u64;
            *counts.writes.of_mut(self.way) += 1;
        });
    }

    /// Tells the one end that nothing more comes, and lets the other talk to nobody.
    async fn half_close(mut self) -> Result<(), Broken> {
        let _ = self.to.shutdown().await;
        self.shared.counts.send_modify(|counts| counts.half_closed += 1);
        let mut bytes = vec![0; READ_BYTES];
        while let Ok(count @ 1..) = self.from.read(&mut bytes).await {
            self.shared.counts.send_modify(|counts| *counts.came.of_mut(self.way) += count as u64);
        }
        Ok(())
    }
}

async fn half_close(orders: &mut Receiver<Order>, way: Way) {
    order(orders, |order| matches!(order, Order::HalfClose(closed) if closed == way).then_some(())).await;
}

async fn wait_until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => pending().await,
    }
}
