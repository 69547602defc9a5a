//! A double of its own for each test, and clients that see every byte.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use cometbot::local::{Control, Options, Secret, Server, User};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// No answer takes this long; only a test that fails waits for it.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long an answer is waited for that may never come.
const RETRY: Duration = Duration::from_millis(200);

/// Room for one read, so that it takes all that has come.
const READ_BYTES: usize = 65_536;

pub const HASH: &str = "0123456789abcdef0123456789abcdef";
pub const KEY: &str = "Sec-WebSocket-Key: xXrpRlasnKhKD3kg8cr2JQ==\r\n";

pub struct Double {
    pub address: SocketAddr,
    pub control: Control,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Double {
    pub async fn start(options: Options) -> Self {
        let server = Server::bind(options).await.unwrap();
        let (address, control) = (server.address(), server.control());
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(server.run(async {
            let _ = stopped.await;
        }));
        Self { address, control, stop, task }
    }

    /// User 7 of dev 0 may log in with [`HASH`].
    pub async fn faithful() -> Self {
        Self::start(Options { users: vec![user(0, 7)], password: Secret::new("PASS"), ..Options::default() }).await
    }

    pub async fn stop(self) {
        self.stop.send(()).unwrap();
        within(self.task).await.unwrap();
    }

    /// Somebody unknown with `v=4.08`, greeted.
    pub async fn anonymous(&self) -> Raw {
        self.greeted("sesion=&myid=&devid=0&v=4.08&uuid=Db_YTZOMMQc902yluqo7mLns3RXWFz2t&api=js").await
    }

    /// Somebody unknown with `v=3.31`, greeted.
    pub async fn compatible(&self) -> Raw {
        self.greeted("sesion=&myid=&devid=0&v=3.31&uuid=Db_YTZOMMQc902yluqo7mLns3RXWFz2t&api=js").await
    }

    /// User 7, greeted.
    pub async fn seven(&self) -> Raw {
        let parameters = format!("sesion={HASH}&myid=7&devid=0&v=4.08&uuid=77777777777777777777777777777777&api=js");
        self.greeted(&parameters).await
    }

    /// A connection behind its first frame.
    pub async fn greeted(&self, parameters: &str) -> Raw {
        let mut raw = self.shaken(parameters).await;
        raw.payload().await;
        raw
    }

    /// A connection behind the 101 head.
    pub async fn shaken(&self, parameters: &str) -> Raw {
        let mut raw = self.raw().await;
        raw.write(request(&format!("/ws/{parameters}")).as_bytes()).await;
        raw.head().await;
        raw
    }

    /// A connection that has sent nothing.
    pub async fn raw(&self) -> Raw {
        let stream = TcpStream::connect(self.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Raw { stream, buffer: Vec::new() }
    }
}

pub fn user(dev: u32, id: u32) -> User {
    User { dev, id, hash: Secret::new(HASH) }
}

pub fn request(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:18087\r\nUpgrade: websocket\r\n{KEY}\r\n")
}

/// One client and all that it has received and not looked at.
pub struct Raw {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Raw {
    pub async fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    pub async fn send(&mut self, command: impl AsRef<[u8]>) {
        self.write(&frame(0x81, command.as_ref())).await;
    }

    /// Sends a command and answers the next frame.
    pub async fn ask(&mut self, command: impl AsRef<[u8]>) -> String {
        self.send(command).await;
        self.text().await
    }

    /// Subscribes and waits until that is done. Nothing else may be on its way.
    pub async fn subscribe(&mut self, names: &str) {
        self.send(format!("subscription\n{names}")).await;
        self.quiet().await;
    }

    /// Everything up to the blank line.
    pub async fn head(&mut self) -> String {
        loop {
            if let Some(end) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                let head = self.buffer.drain(..end + 4).collect();
                return String::from_utf8(head).unwrap();
            }
            assert!(self.more().await, "the end before a blank line");
        }
    }

    /// The payload of the next frame, which must be one that the server sends: text, whole, unmasked.
    pub async fn payload(&mut self) -> Vec<u8> {
        loop {
            if let Some((head, length)) = frame_size(&self.buffer)
                && self.buffer.len() >= head + length
            {
                assert_eq!(self.buffer[0], 0x81);
                let frame: Vec<u8> = self.buffer.drain(..head + length).collect();
                return frame[head..].to_vec();
            }
            assert!(self.more().await, "the end before a frame; so far {:?}", String::from_utf8_lossy(&self.buffer));
        }
    }

    /// The payload of the next frame with its time replaced by `T`.
    pub async fn text(&mut self) -> String {
        timeless(&self.payload().await)
    }

    /// Sends a command of which the answer is known and takes that answer: all before it was answered too, and there was
    /// nothing else to read.
    pub async fn quiet(&mut self) {
        assert_eq!(self.ask("pipe_count\nweb_fence\nfence00001\n").await, counted(0, "fence00001"));
    }

    /// Asks until something is answered, since a command that is read together with a pong is lost; whether the first
    /// answer is to one of these commands.
    pub async fn is_answered(&mut self) -> bool {
        loop {
            self.send("pipe_count\nweb_fence\nafterpong1\n").await;
            if let Ok(text) = tokio::time::timeout(RETRY, self.text()).await {
                return text == counted(0, "afterpong1");
            }
        }
    }

    /// Waits for the end of the connection, before which nothing may come.
    pub async fn ends(mut self) {
        while self.more().await {}
        assert_eq!(String::from_utf8_lossy(&self.buffer), "");
    }

    /// The bytes up to the end of the connection.
    pub async fn rest(mut self) -> Vec<u8> {
        while self.more().await {}
        self.buffer
    }

    /// The next `count` bytes.
    pub async fn bytes(&mut self, count: usize) -> Vec<u8> {
        while self.buffer.len() < count {
            assert!(self.more().await, "the end before {count} bytes");
        }
        self.buffer.drain(..count).collect()
    }

    /// One read as the system gives it; nothing at the end.
    pub async fn one_read(&mut self) -> Vec<u8> {
        assert!(self.buffer.is_empty());
        self.more().await;
        std::mem::take(&mut self.buffer)
    }

    pub async fn close_writing(&mut self) {
        self.stream.shutdown().await.unwrap();
    }

    pub fn into_stream(self) -> TcpStream {
        self.stream
    }

    /// Reads on; false at the end, be it orderly or a reset.
    async fn more(&mut self) -> bool {
        self.buffer.reserve(READ_BYTES);
        matches!(within(self.stream.read_buf(&mut self.buffer)).await, Ok(1..))
    }
}

pub async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("nothing happened for a long time")
}

fn frame_size(bytes: &[u8]) -> Option<(usize, usize)> {
    match *bytes.get(1)? {
        126 => Some((4, usize::from(u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?])))),
        short => Some((2, usize::from(short))),
    }
}

/// A masked frame.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match u8::try_from(payload.len()) {
        Ok(short) if short < 126 => frame.push(0x80 | short),
        _ => {
            frame.push(0x80 | 126);
            frame.extend(u16::try_from(payload.len()).unwrap().to_be_bytes());
        }
    }
    let mask = [0x11, 0x22, 0x33, 0x44];
    frame.extend(mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}

pub fn timeless(payload: &[u8]) -> String {
    let text = String::from_utf8(payload.to_vec()).unwrap();
    let name = "\"message_send_time\":";
    let Some(at) = text.find(name) else { return text };
    let (before, after) = text.split_at(at + name.len());
    let digits = after.bytes().take_while(u8::is_ascii_digit).count();
    assert_eq!(digits, 10, "{text}");
    format!("{before}T{}", &after[digits..])
}

pub fn counted(count: u32, marker: &str) -> String {
    format!(
        r#"{{"data":["user_in_pipe",{count}],"event":"user_in_pipe","marker":"{marker}","message_send_time":T,"pipe":"_answer_pipe_count"}}"#
    )
}

/// The answer to a send as it is printed; only good for payloads that the bug does not touch.
pub fn answered(message: &str, number: u32, pipe: &str) -> String {
    format!(
        r#"{{"data":{{"message":"{message}","number_messages":{number}}},"event":"answer","message_send_time":T,"pipe":"_answer_to_{pipe}"}}"#
    )
}

pub fn error(text: &str) -> String {
    format!(
        r#"{{"data":{{"error":"{text}","number_messages":-1}},"event":"error","message_send_time":T,"pipe":"sys"}}"#
    )
}
