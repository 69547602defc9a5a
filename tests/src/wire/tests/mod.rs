//! The wire itself: each fault does what it says.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::timeout,
};

use super::{End, Way, Wire};
use crate::within;

mod ends;
mod flows;
mod newcomers;
mod shapes;

const BOTH_WAYS: [Way; 2] = [Way::Up, Way::Down];

/// Longer than anything takes that is not held up. A test that waits for it in vain passes wrongly, never fails wrongly.
const A_WHILE: Duration = Duration::from_millis(50);

/// A wire and what it leads to.
struct Line {
    wire: Wire,
    server: TcpListener,
}

/// The two ends of a connection.
struct Ends {
    bot: TcpStream,
    server: TcpStream,
}

impl Line {
    async fn new() -> Self {
        let server = listen().await;
        Self { wire: Wire::to_address(server.local_addr().unwrap()).await, server }
    }

    async fn connect(&self) -> Ends {
        let bot = connect(self.wire.address()).await;
        let (server, _) = within("a connection through the wire", self.server.accept()).await.unwrap();
        server.set_nodelay(true).unwrap();
        Ends { bot, server }
    }
}

impl Ends {
    /// The end that writes and the one that reads.
    fn of(&mut self, way: Way) -> (&mut TcpStream, &mut TcpStream) {
        match way {
            Way::Up => (&mut self.bot, &mut self.server),
            Way::Down => (&mut self.server, &mut self.bot),
        }
    }

    async fn passes(&mut self, way: Way) {
        let (from, to) = self.of(way);
        say(from, b"alive").await;
        assert_eq!(hear(to, 5).await, b"alive");
    }
}

fn other(way: Way) -> Way {
    match way {
        Way::Up => Way::Down,
        Way::Down => Way::Up,
    }
}

async fn listen() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

async fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

async fn say(stream: &mut TcpStream, bytes: &[u8]) {
    within("the end of a write", stream.write_all(bytes)).await.unwrap();
}

async fn hear(stream: &mut TcpStream, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    within("bytes", stream.read_exact(&mut bytes)).await.unwrap();
    bytes
}

/// What is heard to the end, and whether it ended by a reset.
async fn hear_to_the_end(stream: &mut TcpStream) -> (Vec<u8>, End) {
    let mut bytes = Vec::new();
    let end = match within("the end", stream.read_to_end(&mut bytes)).await {
        Ok(_) => End::Fin,
        Err(_) => End::Reset,
    };
    (bytes, end)
}

async fn hears_nothing(stream: &mut TcpStream) {
    let mut bytes = [0; 64];
    let heard = timeout(A_WHILE, stream.read(&mut bytes)).await;
    assert!(heard.is_err(), "{heard:?}");
}
