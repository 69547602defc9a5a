//! One connection's life, from its acceptance to its end.

use std::sync::{Arc, atomic::Ordering};

use tokio::{io::AsyncWriteExt as _, net::TcpStream, sync::broadcast::Receiver};

use super::{
    End, Shared, Way,
    fault::{Order, cut, order},
    pump::{Broken, Pump},
    refusal,
};

/// How much is dropped at once where nobody wants it.
const DROPPED_BYTES: usize = 4096;

/// What ends the carrying.
enum Fate {
    /// Both ends have closed.
    Over,
    /// One end has reset it.
    Reset,
    Cut(End),
    Silence,
}

/// A place among those who are told the orders, for each part of a connection.
pub(super) struct Orders {
    whole: Receiver<Order>,
    up: Receiver<Order>,
    down: Receiver<Order>,
    /// How often all connections had been cut.
    cuts: u64,
}

impl Orders {
    /// All that is ordered from now on.
    pub(super) fn of(shared: &Shared) -> Self {
        let subscribe = || shared.orders.subscribe();
        let (whole, up, down) = (subscribe(), subscribe(), subscribe());
        // Counted last: a cut that is counted already is either told or no business of this connection.
        Self { whole, up, down, cuts: shared.cuts.load(Ordering::SeqCst) }
    }
}

/// Lets a connection in or not, and stays with it to the end.
pub(super) async fn serve(bot: TcpStream, number: u64, shared: Arc<Shared>, mut orders: Orders) {
    // A write of the wire is to be a segment of its own.
    bot.set_nodelay(true).unwrap();
    let refused = shared.refusal.lock().unwrap().clone();
    if let Some(refused) = refused {
        shared.counts.send_modify(|counts| counts.refused += 1);
        return refusal::refuse(bot, refused, &shared, &mut orders.whole).await;
    }
    let server = *shared.server.lock().unwrap();
    // A server that is away looks to the bot like one that hangs up.
    let Ok(server) = TcpStream::connect(server).await else {
        shared.counts.send_modify(|counts| counts.stranded += 1);
        return;
    };
    server.set_nodelay(true).unwrap();
    shared.counts.send_modify(|counts| counts.open += 1);
    carry(bot, server, number, &shared, orders).await;
}

async fn carry(mut bot: TcpStream, mut server: TcpStream, number: u64, shared: &Shared, orders: Orders) {
    let Orders { whole: mut orders, up: for_up, down: for_down, cuts } = orders;
    // Borrowed halves: the owned ones say goodbye when they are dropped, which a reset and a silence must not.
    let (from_bot, to_bot) = bot.split();
    let (from_server, to_server) = server.split();
    let up = Pump::new(Way::Up, number, cuts, shared, from_bot, to_server).run(for_up);
    let down = Pump::new(Way::Down, number, cuts, shared, from_server, to_bot).run(for_down);
    let fate = tokio::select! {
        biased;
        fate = fate(&mut orders) => fate,
        carried = async { tokio::try_join!(up, down) } => match carried {
            Ok(_) => Fate::Over,
            Err(Broken::Cut(end)) => Fate::Cut(end),
            Err(Broken::Reset) => Fate::Reset,
        },
    };
    match fate {
        Fate::Over => shared.counts.send_modify(|counts| counts.open -= 1),
        Fate::Reset => {
            close(bot, End::Reset).await;
            close(server, End::Reset).await;
            shared.counts.send_modify(|counts| counts.open -= 1);
        }
        Fate::Cut(end) => {
            close(bot, end).await;
            close(server, end).await;
            shared.counts.send_modify(|counts| (counts.open, counts.cut) = (counts.open - 1, counts.cut + 1));
        }
        Fate::Silence => {
            drop(server);
            shared.counts.send_modify(|counts| (counts.open, counts.silent) = (counts.open - 1, counts.silent + 1));
            close(bot, cut(&mut orders).await).await;
            shared.counts.send_modify(|counts| (counts.silent, counts.cut) = (counts.silent - 1, counts.cut + 1));
        }
    }
}

async fn fate(orders: &mut Receiver<Order>) -> Fate {
    order(orders, |order| match order {
        Order::Cut(end) => Some(Fate::Cut(end)),
        Order::Silence => Some(Fate::Silence),
        Order::HalfClose(_) => None,
    })
    .await
}

/// Closes a socket in the given way.
pub(super) async fn close(mut stream: TcpStream, end: End) {
    match end {
        // Closing with something unread would reset the connection.
        End::Fin => {
            let _ = stream.shutdown().await;
            while matches!(stream.try_read(&mut [0; DROPPED_BYTES]), Ok(1..)) {}
        }
        End::Reset => stream.set_zero_linger().unwrap(),
    }
}
