//! What a plugin writes to standard output and standard error: its log, line by line.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use tokio::io::AsyncWrite;
use wasmtime_wasi::{
    cli::{IsTerminal, StdoutStream},
    p2::{OutputStream, Pollable, StreamError, StreamResult},
};

use super::{
    Tag,
    logging::{self, Level},
};

/// A line that grows longer than this is written in pieces.
const PIECE_BYTES: usize = 4 * 1024;

/// How much a plugin may write in one call, in bytes.
const WRITE_MAX_BYTES: usize = 64 * 1024;

#[derive(Debug, Clone, Copy)]
pub(super) enum Stream {
    Stdout,
    Stderr,
}

/// One of the two streams. All writers that a plugin opens share its unfinished line.
#[derive(Clone)]
pub(super) struct Lines {
    tag: Tag,
    stream: Stream,
    unfinished: Arc<Mutex<Vec<u8>>>,
}

impl Lines {
    pub(super) fn new(tag: Tag, stream: Stream) -> Self {
        Self { tag, stream, unfinished: Arc::default() }
    }

    fn take(&self, bytes: &[u8]) {
        let mut unfinished = self.unfinished.lock().unwrap_or_else(PoisonError::into_inner);
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            for piece in line.chunks(PIECE_BYTES) {
                if unfinished.len() + piece.len() > PIECE_BYTES {
                    self.write_line(&unfinished);
                    unfinished.clear();
                }
                unfinished.extend_from_slice(piece);
            }
            if line.ends_with(b"\n") {
                self.write_line(&unfinished);
                unfinished.clear();
            }
        }
    }

    fn write_line(&self, line: &[u8]) {
        let text = String::from_utf8_lossy(line);
        let (level, context) = match self.stream {
            Stream::Stdout => (Level::Info, "stdout"),
            Stream::Stderr => (Level::Warn, "stderr"),
        };
        let text = text.trim_end_matches(['\n', '\r']);
        if !text.is_empty() {
            logging::write(&self.tag, level, context, text);
        }
    }
}

impl Drop for Lines {
    /// The last words of a plugin often come without a line break.
    fn drop(&mut self) {
        if Arc::strong_count(&self.unfinished) == 1 {
            let unfinished = std::mem::take(&mut *self.unfinished.lock().unwrap_or_else(PoisonError::into_inner));
            self.write_line(&unfinished);
        }
    }
}

impl IsTerminal for Lines {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Lines {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl OutputStream for Lines {
    fn write(&mut self, bytes: bytes::Bytes) -> StreamResult<()> {
        if bytes.len() > WRITE_MAX_BYTES {
            return Err(StreamError::trap("the plugin wrote more than it was permitted to"));
        }
        self.take(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE_MAX_BYTES)
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Lines {
    async fn ready(&mut self) {}
}

impl AsyncWrite for Lines {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        self.take(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
