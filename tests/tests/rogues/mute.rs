//! A way to the server on which no question for a log arrives.

use std::{io, net::SocketAddr};

use cometbot_tests::Comet;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader, copy},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    task::JoinSet,
};

/// The question. The one behind it, whose answer ends the log's, goes with it.
const LOG: &[u8] = b"pipe_log\n";
/// A frame of text, whole.
const TEXT: u8 = 0x81;
/// The bit that says that a mask follows; the rest is the length, or one of two marks.
const MASKED: u8 = 0x80;
const TWO_BYTES_OF_LENGTH: u8 = 126;
const EIGHT_BYTES_OF_LENGTH: u8 = 127;

/// Carries connections to a server, and swallows every frame that asks for a log.
pub struct Mute {
    address: SocketAddr,
    _relay: JoinSet<()>,
}

impl Mute {
    pub async fn before(comet: &Comet) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let (address, server) = (listener.local_addr().unwrap(), comet.address());
        let mut relay = JoinSet::new();
        relay.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((bot, _)) = listener.accept().await {
                let server = TcpStream::connect(server).await.unwrap();
                let (from_bot, mut to_bot) = bot.into_split();
                let (mut from_server, to_server) = server.into_split();
                // Either end closes when it likes to.
                connections.spawn(async move { drop(carry(from_bot, to_server).await) });
                connections.spawn(async move { drop(copy(&mut from_server, &mut to_bot).await) });
            }
        });
        Self { address, _relay: relay }
    }

    pub fn url(&self) -> String {
        format!("ws://{}/ws/", self.address)
    }
}

/// Carries what the bot says: the head of its request, and then frame by frame.
async fn carry(from: OwnedReadHalf, mut to: OwnedWriteHalf) -> io::Result<()> {
    let mut from = BufReader::new(from);
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(from.read_u8().await?);
    }
    to.write_all(&head).await?;
    let mut is_behind_a_log = false;
    loop {
        let (kind, short) = (from.read_u8().await?, from.read_u8().await?);
        let mut frame = vec![kind, short];
        let length = match short & !MASKED {
            TWO_BYTES_OF_LENGTH => u64::from(from.read_u16().await?),
            EIGHT_BYTES_OF_LENGTH => from.read_u64().await?,
            length => u64::from(length),
        };
        match short & !MASKED {
            TWO_BYTES_OF_LENGTH => frame.extend(u16::try_from(length).unwrap().to_be_bytes()),
            EIGHT_BYTES_OF_LENGTH => frame.extend(length.to_be_bytes()),
            _ => {}
        }
        let mut mask = [0; 4];
        from.read_exact(&mut mask).await?;
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        from.read_exact(&mut payload).await?;
        let said: Vec<u8> = payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
        if is_behind_a_log || kind == TEXT && said.starts_with(LOG) {
            is_behind_a_log = !is_behind_a_log;
            continue;
        }
        frame.extend(mask);
        frame.extend(payload);
        to.write_all(&frame).await?;
    }
}
