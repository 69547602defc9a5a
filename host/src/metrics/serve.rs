//! The metrics over HTTP: `GET /metrics`, and `/` that says so.
//!
//! For one scraper that comes now and then, so every connection has one request and ends. Whoever is slow or talks
//! nonsense holds one of a few places for a few seconds, and nothing else: heads are parsed by `httparse`, which the
//! websocket side brings anyway, and a whole HTTP server would be the larger part of it.

use std::{io, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpListener,
    task::JoinSet,
    time::{sleep, timeout},
};

use super::Metrics;
use crate::report::Throttle;

/// What visitors are given.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// Connections at a time; further ones wait until one ends.
    visits: usize,
    /// How long a connection may take, from its first byte to its last.
    visit: Duration,
}

const LIMITS: Limits = Limits { visits: 16, visit: Duration::from_secs(5) };

/// The most that a request may have before its empty line.
const HEAD_BYTES: usize = 8 * 1024;

/// The most header fields of a request.
const HEADER_FIELDS: usize = 64;

/// What is still read of a visitor who has been answered, so that the answer is not lost with a reset connection.
const LEFTOVER_BYTES: u64 = 64 * 1024;

/// After a connection could not be taken, usually because there are no file descriptors left, for a moment none is.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves the metrics to whoever connects, for ever. Dropping the future ends all connections.
pub async fn serve(listener: TcpListener, metrics: Metrics) {
    serve_within(LIMITS, listener, metrics).await;
}

async fn serve_within(limits: Limits, listener: TcpListener, metrics: Metrics) {
    let mut visits = JoinSet::new();
    let mut complaints = Throttle::lines_per_second(1);
    loop {
        tokio::select! {
            accepted = listener.accept(), if visits.len() < limits.visits => match accepted {
                Ok((stream, _)) => {
                    let metrics = metrics.clone();
                    visits.spawn(timeout(limits.visit, async move { visit(stream, &metrics).await }));
                }
                Err(error) => {
                    if let Some(times) = complaints.pass() {
                        tracing::warn!(times, "a connection to the metrics could not be taken: {error}");
                    }
                    sleep(ACCEPT_PAUSE).await;
                }
            },
            // How a visit ended is the visitor's business alone.
            Some(_) = visits.join_next(), if !visits.is_empty() => {}
        }
    }
}

/// One connection: a request, an answer, the end.
async fn visit(mut stream: impl AsyncRead + AsyncWrite + Unpin, metrics: &Metrics) -> io::Result<()> {
    let answer = match read_request(&mut stream).await? {
        Ok(request) => answer(&request, metrics),
        Err(fault) => fault.to_answer(),
    };
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await?;
    tokio::io::copy(&mut stream.take(LEFTOVER_BYTES), &mut tokio::io::sink()).await?;
    Ok(())
}

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
struct Request {
    method: Method,
    /// Without what stands behind a question mark.
    path: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    Get,
    Head,
    Other,
}

/// Why a request is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Malformed,
    TooLarge,
}

impl Fault {
    fn to_answer(self) -> String {
        match self {
            Self::Malformed => whole("400 Bad Request", TEXT, "This is no HTTP request.\n", Method::Get),
            Self::TooLarge => {
                whole("431 Request Header Fields Too Large", TEXT, "This request is too large.\n", Method::Get)
            }
        }
    }
}

/// Reads the head of a request. What ends before its head does is malformed.
async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Result<Request, Fault>> {
    let mut head = Vec::with_capacity(HEAD_BYTES);
    let mut stream = stream.take(HEAD_BYTES as u64);
    loop {
        // The end of the head may have begun in the piece before.
        let looked_at = head.len().saturating_sub(2);
        if stream.read_buf(&mut head).await? == 0 {
            let is_full = head.len() >= HEAD_BYTES;
            return Ok(Err(if is_full { Fault::TooLarge } else { Fault::Malformed }));
        }
        // A head that comes byte by byte is parsed once, not once a byte.
        if has_empty_line(head.get(looked_at..).unwrap_or_default())
            && let Some(request) = parse(&head)
        {
            return Ok(request);
        }
    }
}

fn has_empty_line(bytes: &[u8]) -> bool {
    bytes.windows(2).any(|pair| pair == b"\n\n") || bytes.windows(3).any(|triple| triple == b"\n\r\n")
}

/// A request, if its head is complete.
fn parse(head: &[u8]) -> Option<Result<Request, Fault>> {
    let mut fields = [httparse::EMPTY_HEADER; HEADER_FIELDS];
    let mut request = httparse::Request::new(&mut fields);
    match request.parse(head) {
        Ok(httparse::Status::Partial) => None,
        Ok(httparse::Status::Complete(_)) => {
            let target = request.path.unwrap_or_default();
            let path = target.split_once('?').map_or(target, |(path, _)| path).to_owned();
            let method = match request.method {
                Some("GET") => Method::Get,
                Some("HEAD") => Method::Head,
                _ => Method::Other,
            };
            Some(Ok(Request { method, path }))
        }
        Err(httparse::Error::TooManyHeaders) => Some(Err(Fault::TooLarge)),
        Err(_) => Some(Err(Fault::Malformed)),
    }
}

const TEXT: &str = "text/plain; charset=utf-8";
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

fn answer(request: &Request, metrics: &Metrics) -> String {
    match (request.path.as_str(), request.method) {
        ("/" | "/metrics", Method::Other) => {
            whole("405 Method Not Allowed\r\nAllow: GET, HEAD", TEXT, "Only GET and HEAD.\n", request.method)
        }
        ("/metrics", method) => match metrics.exposition() {
            Ok(text) => whole("200 OK", OPEN_METRICS, &text, method),
            Err(_) => whole("500 Internal Server Error", TEXT, "The metrics cannot be written.\n", method),
        },
        ("/", method) => whole("200 OK", TEXT, "This is cometbot. Its metrics are at /metrics.\n", method),
        (_, method) => whole("404 Not Found", TEXT, "There is nothing here. The metrics are at /metrics.\n", method),
    }
}

fn whole(status: &str, content_type: &str, body: &str, method: Method) -> String {
    let length = body.len();
    let body = if method == Method::Head { "" } else { body };
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\nCache-Control: no-store\r\n\
         Connection: close\r\n\r\n{body}"
    )
}

#[cfg(test)]
#[path = "serve_tests.rs"]
mod tests;
