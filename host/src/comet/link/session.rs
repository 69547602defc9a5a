//! One connection's life: subscribe, then read and write until something ends it.
//!
//! The reader runs in the task that calls [`Session::run`]; the writer in one of its own. The subscription is written
//! before anything else, and events count as arriving only once the server has shown that it read it.

use std::{
    collections::BTreeSet,
    future::pending,
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};

use futures_util::{FutureExt as _, StreamExt as _};
use tokio::{
    io::{AsyncWriteExt as _, WriteHalf},
    sync::watch,
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval},
};
use tokio_tungstenite::tungstenite::{self, Message as Frame};

use super::{
    Inlet, Port, Status,
    connect::{ConnectError, Connection, Settings},
    frames::{self, Stream},
};
use crate::{
    comet::{
        asks::{ANSWER_TIMEOUT, AskError},
        commands::Commands,
        name::{NameError, PipeName},
        wire::{
            Message, Reader, Standing,
            command::{self, SUBSCRIBED_PIPES_MAX},
        },
    },
    report::{Throttle, brief},
};

/// How often it is checked that the server still answers.
const CHECK_EVERY: Duration = Duration::from_secs(1);

/// How many frames are read before what they brought is passed on, if more keep coming.
const BURST_FRAMES: usize = 1024;

/// Refusals of the server that are logged word for word.
const REFUSALS_PER_SECOND: u32 = 10;

/// What the server is asked to count to show that it read the subscription, and that it is still there. It need not
/// exist.
const PROBE_PIPE: &str = "web_probe";

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub enum Ended {
    /// The server closed it, which it does without a word.
    #[error("the server closed the connection")]
    Closed,
    /// Reading failed.
    #[error("reading failed: {0}")]
    Reading(tungstenite::Error),
    /// Writing failed.
    #[error("writing failed: {0}")]
    Writing(std::io::Error),
    /// Something was sent or asked and not answered.
    #[error("the server has not answered for {} seconds", ANSWER_TIMEOUT.as_secs())]
    Stalled,
    /// The subscription was sent and not confirmed.
    #[error("the server did not confirm the subscription: {0}")]
    NotSubscribed(AskError),
    /// A mistake of ours.
    #[error("a name of our own is none: {0}")]
    Name(#[from] NameError),
}

/// A question whose answer says that the server is there.
type Heartbeat<'a> = Pin<Box<dyn Future<Output = Result<(), AskError>> + Send + 'a>>;

/// A connection on which the server has said who we are.
pub struct Session {
    connection: Connection,
    heartbeat: Duration,
}

impl Session {
    /// Connects and waits for the server to say who we are.
    ///
    /// # Errors
    /// A [`ConnectError`] that says what to change.
    pub async fn open(settings: &Settings) -> Result<Self, ConnectError> {
        let (connection, software) = Connection::open(settings).await?;
        tracing::info!(
            server = %settings.address,
            software = brief(&software),
            "connected {}",
            match connection.standing {
                Standing::Authorized => format!("as user {}", connection.user_id),
                Standing::Anonymous => "as an anonymous client".to_owned(),
            }
        );
        Ok(Self { connection, heartbeat: settings.manner.heartbeat })
    }

    /// Lives until the connection ends. `status` becomes [`Status::Live`] when the subscription is in force.
    pub async fn run(
        self,
        inlet: &mut impl Inlet,
        port: &Port,
        mut subscription: watch::Receiver<Arc<BTreeSet<PipeName>>>,
        status: &watch::Sender<Status>,
    ) -> Ended {
        let Connection { mut incoming, outgoing, mut reader, standing, .. } = self.connection;
        // Reader and writer both have yet to see it.
        subscription.mark_changed();
        port.asks.connected();
        let mut writers = JoinSet::new();
        let writer = Writer { outgoing, standing, port: port.clone(), subscription: subscription.clone() };
        writers.spawn(writer.run());
        let probe = match PipeName::new(PROBE_PIPE) {
            Ok(pipe) => pipe,
            Err(error) => return error.into(),
        };
        let mut confirmation = pin!(port.asks.probe(&probe).fuse());
        let mut heartbeat: Heartbeat<'_> = Box::pin(pending());
        let mut beats = false;
        let mut last_frame = Instant::now();
        let mut check = interval(CHECK_EVERY);
        check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut intake = Intake {
            port,
            inlet,
            answered: 0,
            unreadable: Throttle::lines_per_second(1),
            refused: Throttle::lines_per_second(REFUSALS_PER_SECOND),
            subscription,
        };
        loop {
            let first = tokio::select! {
                frame = incoming.next() => frame,
                confirmed = &mut confirmation, if *status.borrow() == Status::Connecting => match confirmed {
                    Ok(_) => {
                        status.send_replace(Status::Live);
                        continue;
                    }
                    Err(error) => return Ended::NotSubscribed(error),
                },
                answer = &mut heartbeat, if beats => {
                    if answer.is_err() {
                        return Ended::Stalled;
                    }
                    tracing::debug!("the server is there");
                    beats = false;
                    continue;
                }
                _ = check.tick() => {
                    if port.outbox.stalled_for().is_some_and(|time| time > ANSWER_TIMEOUT) {
                        return Ended::Stalled;
                    }
                    if !beats && last_frame.elapsed() >= self.heartbeat {
                        heartbeat = Box::pin(port.asks.probe(&probe));
                        beats = true;
                    }
                    continue;
                }
                Some(written) = writers.join_next() => match written {
                    Ok(ended) => return ended,
                    Err(_) => return Ended::Closed,
                },
            };
            last_frame = Instant::now();
            let mut next = Some(first);
            let mut end = None;
            let mut frames = 0;
            while let Some(frame) = next.take() {
                match frame {
                    // The server never says goodbye; whoever does it in between has nothing more to say.
                    Some(Ok(Frame::Close(_))) => end = Some(Ended::Closed),
                    Some(Ok(frame)) => intake.frame(&mut reader, &frame),
                    Some(Err(error)) => end = Some(in_words(error)),
                    None => end = Some(Ended::Closed),
                }
                frames += 1;
                if end.is_none() && frames < BURST_FRAMES {
                    next = incoming.next().now_or_never();
                }
            }
            intake.settle();
            if let Some(end) = end {
                return end;
            }
        }
    }
}

/// What is done with each frame.
struct Intake<'a, I> {
    port: &'a Port,
    inlet: &'a mut I,
    /// Answers to sends since the last [`Self::settle`].
    answered: usize,
    unreadable: Throttle,
    refused: Throttle,
    subscription: watch::Receiver<Arc<BTreeSet<PipeName>>>,
}

impl<I: Inlet> Intake<'_, I> {
    fn frame(&mut self, reader: &mut Reader, frame: &Frame) {
        if self.subscription.has_changed().unwrap_or(false) {
            let pipes = self.subscription.borrow_and_update();
            reader.set_pipes(pipes.iter().cloned());
        }
        match frame {
            Frame::Text(text) => reader.read(text, &mut |message| self.message(message)),
            // The server sends text alone; something in between may not keep to that.
            Frame::Binary(bytes) => reader.read_bytes(bytes, &mut |message| self.message(message)),
            // Never answered: see `frames`.
            Frame::Ping(_) | Frame::Pong(_) | Frame::Close(_) | Frame::Frame(_) => {}
        }
    }

    fn message(&mut self, message: Message<'_>) {
        match message {
            Message::Event(event) => self.inlet.event(event),
            Message::LogRow(row) => {
                self.port.asks.row(&row);
            }
            Message::Answer { pipe, .. } => {
                self.answered += 1;
                self.inlet.answer(Ok(&pipe), None);
            }
            Message::Count { marker, count } => {
                self.port.asks.counted(&marker, count);
            }
            Message::UserStatus { user_id, seen } => {
                self.port.asks.user_seen(user_id, seen);
            }
            Message::Error(error) => {
                if error.answers_a_send {
                    let sender = self.port.outbox.sender(self.answered);
                    self.answered += 1;
                    self.inlet.answer(Err(&error), sender.as_deref());
                } else if let Some(times) = self.refused.pass() {
                    tracing::warn!(code = error.code, times, "the server refuses: {}", brief(error.text.trim()));
                }
            }
            Message::Unreadable(unreadable) => {
                if let Some(times) = self.unreadable.pass() {
                    tracing::warn!(times, "the server sent what cannot be read: {unreadable}");
                }
            }
            // Nobody asks for these yet, and a second first frame means nothing.
            Message::ServerInfo(_) | Message::TrackUsers { .. } | Message::UserData { .. } => {}
        }
    }

    fn settle(&mut self) {
        if self.answered > 0 {
            self.port.outbox.answered(std::mem::take(&mut self.answered));
        }
        self.inlet.settle();
    }
}

/// Writes the subscription when it changes, and commands as they come.
struct Writer {
    outgoing: WriteHalf<Box<dyn Stream>>,
    standing: Standing,
    port: Port,
    subscription: watch::Receiver<Arc<BTreeSet<PipeName>>>,
}

impl Writer {
    async fn run(mut self) -> Ended {
        let mut commands = Commands::default();
        let mut bytes = Vec::new();
        loop {
            let subscription = &mut self.subscription;
            let subscribe = tokio::select! {
                // The subscription goes out before anything that waits. Once nobody can change it any more, it stays.
                biased;
                Ok(()) = subscription.changed() => Some(Arc::clone(&subscription.borrow_and_update())),
                () = self.port.outbox.take(&mut commands) => None,
            };
            match subscribe {
                Some(pipes) => {
                    if let Some(list) = subscription_command(&pipes, self.standing) {
                        frames::write_text(list.as_bytes(), &mut bytes);
                    }
                }
                None => frames::write(&commands, &mut bytes),
            }
            if let Err(error) = self.outgoing.write_all(&bytes).await {
                return Ended::Writing(error);
            }
            if let Err(error) = self.outgoing.flush().await {
                return Ended::Writing(error);
            }
            commands.clear();
            bytes.clear();
        }
    }
}

/// The list that the server can take; what it cannot is left out and named.
fn subscription_command(pipes: &BTreeSet<PipeName>, standing: Standing) -> Option<String> {
    let mut names: Vec<&PipeName> = pipes.iter().collect();
    if standing == Standing::Anonymous {
        names.retain(|pipe| {
            if pipe.needs_login() {
                tracing::warn!(%pipe, "not subscribed: private_… pipes are for logged-in users only");
            }
            !pipe.needs_login()
        });
    }
    if names.len() > SUBSCRIBED_PIPES_MAX {
        let left_out = names.split_off(SUBSCRIBED_PIPES_MAX);
        tracing::error!(
            left_out = left_out.iter().map(|pipe| pipe.as_str()).collect::<Vec<_>>().join(" "),
            "the plugins want {} pipes and a connection can have {SUBSCRIBED_PIPES_MAX}: the last ones are not heard",
            pipes.len()
        );
    }
    match command::subscription(names) {
        Ok(command) => Some(command),
        Err(refusal) => {
            tracing::error!("the subscription cannot be sent: {refusal}");
            None
        }
    }
}

fn in_words(error: tungstenite::Error) -> Ended {
    use tungstenite::{Error, error::ProtocolError};
    match error {
        // The server never says goodbye: the end is a bare end of the stream (PROTOCOL.md, section 2.2).
        Error::ConnectionClosed
        | Error::AlreadyClosed
        | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => Ended::Closed,
        other => Ended::Reading(other),
    }
}
