//! A wire between the bot and its server that can be clamped: what the bot says is held back, what it hears flows on.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
    sync::watch,
    task::JoinSet,
};

use crate::Comet;

/// How much is read at once.
const READ_BYTES: usize = 64 * 1024;

/// A relay on a port of its own. All its connections end with it.
pub struct Wire {
    address: SocketAddr,
    clamped: watch::Sender<bool>,
    _relay: JoinSet<()>,
}

impl Wire {
    /// A wire that leads to `comet`.
    pub async fn to(comet: &Comet) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let clamped = watch::Sender::new(false);
        let mut relay = JoinSet::new();
        relay.spawn(accept(listener, comet.address(), clamped.clone()));
        Self { address, clamped, _relay: relay }
    }

    /// Where the bot connects.
    #[must_use]
    pub fn url(&self) -> String {
        format!("ws://{}/ws/", self.address)
    }

    /// From now on nothing that the bot says reaches the server.
    pub fn clamp(&self) {
        self.clamped.send_replace(true);
    }

    /// What was held back goes on its way.
    pub fn release(&self) {
        self.clamped.send_replace(false);
    }
}

async fn accept(listener: TcpListener, server: SocketAddr, clamped: watch::Sender<bool>) {
    let mut connections = JoinSet::new();
    loop {
        let (bot, _) = listener.accept().await.unwrap();
        // A server that is away looks to the bot like one that hangs up.
        let Ok(server) = TcpStream::connect(server).await else { continue };
        let (bot_says, mut to_bot) = bot.into_split();
        let (mut server_says, to_server) = server.into_split();
        let clamped = clamped.subscribe();
        connections.spawn(async move {
            // Either end takes the other with it.
            tokio::select! {
                () = relay(bot_says, to_server, clamped) => {}
                _ = copy(&mut server_says, &mut to_bot) => {}
            }
        });
    }
}

async fn relay(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut clamped: watch::Receiver<bool>) {
    let mut bytes = vec![0; READ_BYTES];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        if clamped.wait_for(|clamped| !clamped).await.is_err() || to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}
