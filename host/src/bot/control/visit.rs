//! One connection: its requests in order, each answered before the next is read.

use std::{future::pending, io, time::Duration};

use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader},
    sync::oneshot,
    time::{sleep, timeout},
};

use super::{Answer, Request, Requests};

/// The most that a request may have, its line break included.
const LINE_BYTES: u64 = 64 * 1024;

/// What clients are given.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// How long a request may take, from the end of the one before.
    pub(super) line: Duration,
    /// How long an answer is waited for once the client has said all it wants to say. It may be gone, or wait for the end
    /// of a probation.
    pub(super) half_closed: Duration,
    /// How long a client may take to read an answer.
    pub(super) taking: Duration,
    /// How long is still read of a client that has been refused, so that the refusal is not lost with a reset connection.
    pub(super) farewell: Duration,
}

/// What comes of reading a line.
enum Line {
    Whole(Vec<u8>),
    TooLong,
    BrokenOff,
    End,
}

/// Answers a client until it ends or breaks the rules.
pub(super) async fn visit(stream: impl AsyncRead + AsyncWrite, requests: &Requests, limits: Limits) -> io::Result<()> {
    let (reader, mut writer) = tokio::io::split(stream);
    let mut reader = BufReader::new(reader);
    let mut say = async |answer: Answer| timeout(limits.taking, write_line(&mut writer, &answer)).await?;
    let why = loop {
        let line = match timeout(limits.line, read_line(&mut reader)).await?? {
            Line::Whole(line) => line,
            Line::TooLong => break format!("this is no request: a line may have {LINE_BYTES} bytes"),
            Line::BrokenOff => break "this is no request: it ends before its line does".to_owned(),
            Line::End => return Ok(()),
        };
        let answer = match Request::parse(&line) {
            Ok(request) => tokio::select! {
                answer = answer(request, requests) => answer,
                () = gone(&mut reader, limits.half_closed) => return Ok(()),
            },
            Err(why) => Answer::Refused { why },
        };
        say(answer).await?;
    };
    say(Answer::Refused { why }).await?;
    writer.shutdown().await?;
    timeout(limits.farewell, tokio::io::copy(&mut reader, &mut tokio::io::sink())).await??;
    Ok(())
}

async fn read_line(reader: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Line> {
    let mut line = Vec::new();
    let bytes = reader.take(LINE_BYTES).read_until(b'\n', &mut line).await? as u64;
    Ok(match line.last() {
        None => Line::End,
        Some(b'\n') => Line::Whole(line),
        Some(_) if bytes < LINE_BYTES => Line::BrokenOff,
        Some(_) => Line::TooLong,
    })
}

async fn write_line(writer: &mut (impl AsyncWrite + Unpin), answer: &Answer) -> io::Result<()> {
    let mut line = serde_json::to_vec(answer)?;
    line.push(b'\n');
    writer.write_all(&line).await
}

/// Has a request answered.
async fn answer(request: Request, requests: &Requests) -> Answer {
    let (sender, answer) = oneshot::channel();
    // Both ends are the bot's: without them, it is on its way out.
    if requests.send((request, sender)).await.is_err() {
        return stopping();
    }
    answer.await.unwrap_or_else(|_| stopping())
}

fn stopping() -> Answer {
    Answer::Refused { why: "the bot stops, and does nothing more".to_owned() }
}

/// Resolves some time after the client has ended its side, or at once if the connection is broken.
async fn gone(reader: &mut (impl AsyncBufRead + Unpin), half_closed: Duration) {
    match reader.fill_buf().await {
        // It has asked for more already, so it wants to know.
        Ok([_, ..]) => pending().await,
        Ok([]) => sleep(half_closed).await,
        Err(_) => {}
    }
}
