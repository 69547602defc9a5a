//! The load: a comet server for one bot, as fast as a socket goes.

use std::{
    error::Error,
    io::ErrorKind,
    net::SocketAddr,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, Interest},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// Events in one measurement.
pub(crate) const EVENTS: u32 = 1_000_000;
/// The length of an event's payload.
pub(crate) const PAYLOAD_BYTES: usize = 64;
/// Events that may be without an echo.
const WINDOW: u32 = 4096;
/// A bot that shows nothing for so long is stuck.
const PATIENCE: Duration = Duration::from_secs(20);
/// Bytes that wait to be written before more is made.
const ENOUGH_BYTES: usize = 256 * 1024;
/// Digits of the number at the beginning of a payload.
const DIGITS: usize = 10;
/// Bytes of an event's frame before its payload: the header of a frame of 126 bytes or more, and `{"data":"`.
const EVENT_HEAD: usize = 4 + 9;
/// The command up to its payload.
const COMMAND: &[u8] = b"web_pipe2\nweb_bench\necho\n*\n";

pub(crate) struct Feeder {
    runtime: tokio::runtime::Runtime,
    listener: TcpListener,
    address: SocketAddr,
}

impl Feeder {
    pub(crate) fn bind() -> Result<Self, Box<dyn Error>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let address = listener.local_addr()?;
        Ok(Self { runtime, listener, address })
    }

    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    /// Serves one bot; gives the time from the first event to the last echo.
    pub(crate) fn run(self) -> Result<Duration, Box<dyn Error>> {
        self.runtime.block_on(async {
            let (mut stream, _) = timeout(PATIENCE, self.listener.accept()).await??;
            stream.set_nodelay(true)?;
            greet(&mut stream).await?;
            feed(&mut stream).await
        })
    }
}

/// The handshake, the first frame, and answers until the bot has subscribed.
async fn greet(stream: &mut TcpStream) -> Result<(), Box<dyn Error>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8(head)?;
    let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).ok_or("no key")?;
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n\
         Sec-WebSocket-Version: 13\r\n\r\n",
        derive_accept_key(key.as_bytes())
    );
    stream.write_all(answer.as_bytes()).await?;
    let info = r#"{"authorized":false,"data":"","event":"serverInfo","message_send_time":1795478008,"pipe":"sys","server":"CppComet community 4.09 (AGPL license)"}"#;
    let mut out = Vec::new();
    frame(info.as_bytes(), &mut out);
    stream.write_all(&out).await?;
    // A bot confirms its subscription by a count; one that does not has subscribed with its first frame.
    let mut input = Vec::new();
    let mut subscribed = false;
    loop {
        let waits = if subscribed { Duration::from_millis(200) } else { PATIENCE };
        match timeout(waits, stream.read_buf(&mut input)).await {
            Ok(read) => {
                if read? == 0 {
                    return Err("the bot left".into());
                }
            }
            Err(_) if subscribed => return Ok(()),
            Err(_) => return Err("the bot does not subscribe".into()),
        }
        let mut at = 0;
        while let Some((command, next)) = unmask(&mut input, at) {
            subscribed |= command.starts_with(b"subscription");
            if let Some(rest) = command.strip_prefix(b"pipe_count\n") {
                let rest = String::from_utf8_lossy(rest).into_owned();
                let marker = rest.lines().nth(1).unwrap_or_default();
                out.clear();
                let count = format!(
                    r#"{{"data":["user_in_pipe",1],"event":"user_in_pipe","marker":"{marker}","message_send_time":1795478008,"pipe":"_answer_pipe_count"}}"#
                );
                frame(count.as_bytes(), &mut out);
                stream.write_all(&out).await?;
            }
            at = next;
        }
        input.drain(..at);
    }
}

async fn feed(stream: &mut TcpStream) -> Result<Duration, Box<dyn Error>> {
    let mut output = Vec::with_capacity(2 * ENOUGH_BYTES);
    let mut written = 0;
    let mut input = Vec::with_capacity(ENOUGH_BYTES);
    let template = event_template();
    let (mut sent, mut echoed) = (0, 0);
    let start = Instant::now();
    while echoed < EVENTS {
        while sent < EVENTS && sent - echoed < WINDOW && output.len() - written < ENOUGH_BYTES {
            event(sent, &template, &mut output);
            sent += 1;
        }
        let interest =
            if written < output.len() { Interest::READABLE | Interest::WRITABLE } else { Interest::READABLE };
        let ready =
            timeout(PATIENCE, stream.ready(interest)).await.map_err(|_| format!("stuck after {echoed} echoes"))??;
        if ready.is_readable() {
            match stream.try_read_buf(&mut input) {
                Ok(0) => return Err(format!("the bot left after {echoed} echoes").into()),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
            let mut at = 0;
            while let Some((command, next)) = unmask(&mut input, at) {
                let payload = command.strip_prefix(COMMAND).ok_or_else(|| format!("not an echo: {command:?}"))?;
                let number: u32 = std::str::from_utf8(payload.get(..DIGITS).unwrap_or_default())?.parse()?;
                if number != echoed || payload.len() != PAYLOAD_BYTES {
                    return Err(format!("echo {echoed} was due and {number} came").into());
                }
                echoed += 1;
                answer(payload, &mut output);
                at = next;
            }
            input.drain(..at);
        }
        if ready.is_writable() && written < output.len() {
            match stream.try_write(output.get(written..).unwrap_or_default()) {
                Ok(count) => written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
            if written == output.len() {
                output.clear();
                written = 0;
            }
        }
    }
    Ok(start.elapsed())
}

/// Appends an event whose payload begins with its number.
fn event(number: u32, template: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(template);
    let mut rest = number;
    for digit in out.iter_mut().skip(start + EVENT_HEAD).take(DIGITS).rev() {
        *digit = b'0' + u8::try_from(rest % 10).unwrap_or_default();
        rest /= 10;
    }
}

/// The frame of an event, with zeros for its number.
fn event_template() -> Vec<u8> {
    let json = format!(
        r#"{{"data":"{:0<DIGITS$}{:x<width$}","event":"msg","message_send_time":1795478008,"pipe":"web_bench","user_id":0}}"#,
        "",
        "",
        width = PAYLOAD_BYTES - DIGITS
    );
    let mut template = Vec::new();
    frame(json.as_bytes(), &mut template);
    template
}

fn answer(payload: &[u8], out: &mut Vec<u8>) {
    let mut json = Vec::with_capacity(192);
    json.extend_from_slice(br#"{"data":{"message":""#);
    json.extend_from_slice(payload);
    json.extend_from_slice(
        br#"","number_messages":0},"event":"answer","message_send_time":1795478008,"pipe":"_answer_to_web_bench"}"#,
    );
    frame(&json, out);
}

/// An unmasked text frame, as a server writes it.
fn frame(payload: &[u8], out: &mut Vec<u8>) {
    out.push(0x81);
    match u8::try_from(payload.len()) {
        Ok(length) if length < 126 => out.push(length),
        _ => {
            out.push(126);
            out.extend_from_slice(&u16::try_from(payload.len()).unwrap_or(u16::MAX).to_be_bytes());
        }
    }
    out.extend_from_slice(payload);
}

/// The masked frame at `at`, unmasked in place, and where the next one begins; none if it is not whole.
fn unmask(input: &mut [u8], at: usize) -> Option<(&[u8], usize)> {
    let short = *input.get(at + 1)? & 0x7f;
    let (length, header) = match short {
        126 => (usize::from(u16::from_be_bytes([*input.get(at + 2)?, *input.get(at + 3)?])), 4),
        short => (usize::from(short), 2),
    };
    let mask: [u8; 4] = input.get(at + header..at + header + 4)?.try_into().ok()?;
    let start = at + header + 4;
    let payload = input.get_mut(start..start + length)?;
    let (words, rest) = payload.as_chunks_mut::<4>();
    for word in words {
        *word = (u32::from_ne_bytes(*word) ^ u32::from_ne_bytes(mask)).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(mask) {
        *byte ^= mask;
    }
    Some((payload, start + length))
}
