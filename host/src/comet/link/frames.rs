//! The websocket library's two edges: commands become masked frames, nothing that the library would say by itself gets
//! out, and what comes in is not text to it.
//!
//! A ping or pong of ours costs a command or the connection (PROTOCOL.md, section 2.1), and the library answers a ping by
//! itself. So after the handshake it only reads: its stream is a [`Gate`] whose way out is shut, and commands are
//! written beside it.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, ReadHalf, WriteHalf};
use tokio_tungstenite::tungstenite::protocol::frame::{
    FrameHeader,
    coding::{Data, OpCode},
};

use super::opaque::Opaque;
use crate::comet::commands::Commands;

/// Any byte stream: TCP, or TLS over it.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A stream whose way out can be taken away; what is written then is swallowed.
pub(super) struct Gate {
    incoming: ReadHalf<Box<dyn Stream>>,
    outgoing: Option<WriteHalf<Box<dyn Stream>>>,
    opaque: Opaque,
}

impl Gate {
    /// A gate that stands open both ways.
    pub(super) fn open(stream: Box<dyn Stream>) -> Self {
        let (incoming, outgoing) = tokio::io::split(stream);
        Self { incoming, outgoing: Some(outgoing), opaque: Opaque::new() }
    }

    /// Takes the way out away; none the second time.
    pub(super) const fn shut(&mut self) -> Option<WriteHalf<Box<dyn Stream>>> {
        self.outgoing.take()
    }
}

impl AsyncRead for Gate {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let earlier = buffer.filled().len();
        ready!(Pin::new(&mut self.incoming).poll_read(cx, buffer))?;
        self.opaque.pass(buffer.filled_mut().get_mut(earlier..).unwrap_or_default());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Gate {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.outgoing {
            Some(outgoing) => Pin::new(outgoing).poll_write(cx, bytes),
            None => Poll::Ready(Ok(bytes.len())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.outgoing {
            Some(outgoing) => Pin::new(outgoing).poll_flush(cx),
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.outgoing {
            Some(outgoing) => Pin::new(outgoing).poll_shutdown(cx),
            None => Poll::Ready(Ok(())),
        }
    }
}

/// Appends each command as one masked text frame, the only kind that a server takes (PROTOCOL.md, section 2.1).
pub(super) fn write(commands: &Commands, out: &mut Vec<u8>) {
    for command in commands.iter() {
        write_text(command, out);
    }
}

/// Appends one masked text frame.
fn write_text(text: &[u8], out: &mut Vec<u8>) {
    let mask: [u8; 4] = rand::random();
    let header = FrameHeader { opcode: OpCode::Data(Data::Text), mask: Some(mask), ..FrameHeader::default() };
    // Writing into a vector does not fail.
    let _ = header.format(text.len() as u64, out);
    let start = out.len();
    out.extend_from_slice(text);
    let (words, rest) = out.get_mut(start..).unwrap_or_default().as_chunks_mut::<4>();
    let word_mask = u32::from_ne_bytes(mask);
    for word in words {
        *word = (u32::from_ne_bytes(*word) ^ word_mask).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(mask) {
        *byte ^= mask;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, reason = "tests")]
    use super::*;

    #[test]
    fn a_command_is_one_final_masked_text_frame_of_its_own() {
        for length in [1, 3, 4, 125, 126, 127, 65_535] {
            let text = vec![b'x'; length];
            let mut frame = Vec::new();
            write_text(&text, &mut frame);
            assert_eq!(frame[0], 0x81, "final text frame");
            let (header, long) = if length < 126 { (2, false) } else { (4, true) };
            assert_eq!(frame[1], 0x80 | if long { 126 } else { u8::try_from(length).unwrap_or(0) });
            let mask = &frame[header..header + 4];
            let payload: Vec<u8> =
                frame[header + 4..].iter().enumerate().map(|(at, byte)| byte ^ mask[at % 4]).collect();
            assert_eq!(payload, text);
        }
    }
}
