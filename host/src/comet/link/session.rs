//! One connection's life: subscribe, then read and write until something ends it.
//!
//! The reader runs in the task that calls [`Session::run`]; the writer in one of its own. The subscription is written
//! before anything else, and events count as arriving only once the server has shown that it read it. Right behind it
//! the logs of its pipes are asked for, so that what was missed comes before what is new.

use std::{
    collections::{BTreeSet, VecDeque},
    future::pending,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::{FutureExt as _, StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep},
};
use tokio_tungstenite::tungstenite::{self, Message as Frame};

use super::{
    Inlet, Port,
    connect::{ConnectError, Connection, Settings},
    intake::Intake,
    status::Place,
    timing::Timing,
    writer::Writer,
};
use crate::{
    comet::{
        asks::AskError,
        catchup::{Catchup, GapReason},
        name::{NameError, PipeName},
        wire::{
            Era, Event, Reader, Standing,
            command::{self, SUBSCRIBED_PIPES_MAX},
        },
    },
    metrics::Connected,
};

/// How often it is checked that the server still answers.
const CHECK_EVERY: Duration = Duration::from_secs(1);

/// Changes of the subscription that come within so long are sent as one: the server drops the whole list each time
/// (PROTOCOL.md, hazard 30).
const CHANGES_GATHERED_FOR: Duration = Duration::from_millis(50);

/// How many frames are read before what they brought is passed on, if more keep coming.
const BURST_FRAMES: usize = 1024;

/// Logs that are asked for at the same time. Each may bring 99 rows of 64 KB.
const LOGS_AT_ONCE: usize = 8;

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
    /// Something sent more than a server does.
    #[error(
        "a frame of {bytes} bytes came, and {most} is the most that is taken: raise `frame-max-kib` if it was meant"
    )]
    FrameTooLarge {
        /// Its length.
        bytes: usize,
        /// The limit.
        most: usize,
    },
    /// Writing failed.
    #[error("writing failed: {0}")]
    Writing(std::io::Error),
    /// Something was sent or asked and not answered.
    #[error("the server has not answered for {} seconds", .0.as_secs())]
    Stalled(Duration),
    /// The subscription was sent and not confirmed.
    #[error("the server did not confirm the subscription: {0}")]
    NotSubscribed(AskError),
    /// The server knew us when we came, and does not any more.
    #[error("the server no longer knows the bot as the user it logged in as: its login was withdrawn")]
    Disowned,
    /// A mistake of ours.
    #[error("a name of our own is none: {0}")]
    Name(#[from] NameError),
}

impl Ended {
    /// Whether the server may have taken us for connected after we had heard the last of it.
    pub(super) const fn is_one_sided(&self) -> bool {
        !matches!(self, Self::Closed | Self::Disowned)
    }
}

/// A question whose answer says that the server is there.
type Probe<'a> = Pin<Box<dyn Future<Output = Result<(), AskError>> + Send + 'a>>;

/// The log of a pipe, on its way.
type Log<'a> = BoxFuture<'a, (PipeName, Result<Vec<Event<'static>>, AskError>)>;

/// A connection on which the server has said who we are.
pub struct Session {
    connection: Connection,
    timing: Timing,
    catch_up: bool,
}

impl Session {
    /// Connects and waits for the server to say who we are. `place` shows how far it is.
    ///
    /// # Errors
    /// A [`ConnectError`] that says what to change.
    pub async fn open(settings: &Settings, place: &Place) -> Result<Self, ConnectError> {
        place.connecting(&settings.address);
        let connection = Connection::open(settings, || place.authorizing()).await?;
        place.connected(&Connected {
            server: &settings.address,
            software: &connection.server,
            user_id: (connection.standing == Standing::Authorized).then_some(connection.user_id),
        });
        Ok(Self { connection, timing: settings.manner.timing, catch_up: settings.manner.catch_up })
    }

    /// Whether the server knows us.
    pub(super) fn is_authorized(&self) -> bool {
        self.connection.standing == Standing::Authorized
    }

    /// Lives until the connection ends. `place` shows that it is live when the subscription is in force.
    pub async fn run(
        self,
        inlet: &mut impl Inlet,
        port: &Port,
        mut subscription: watch::Receiver<Arc<BTreeSet<PipeName>>>,
        place: &Place,
        catchup: &mut Catchup,
    ) -> Ended {
        let Connection { mut incoming, outgoing, mut reader, standing, user_id, time, frame_max_bytes, .. } =
            self.connection;
        let probe = match PipeName::new(PROBE_PIPE) {
            Ok(pipe) => pipe,
            Err(error) => return error.into(),
        };
        let timing = self.timing;
        port.outbox.connected(port.exit);
        port.asks.connected();
        catchup.sends_as(user_id);
        if let Some(time) = time {
            catchup.server_time(time, Instant::now());
        }
        let mut writers = JoinSet::new();
        writers.spawn(Writer::new(outgoing, port.clone()).run());
        let mut intake = Intake::new(port, inlet, catchup, place.tally(), standing);
        let mut list = List { standing, catch_up: self.catch_up, pipes: Vec::new(), to_read: VecDeque::new() };
        let wanted = Arc::clone(&subscription.borrow_and_update());
        list.subscribe(&wanted, true, port, &mut reader, &mut intake);
        let mut confirmation: Probe<'_> = Box::pin(port.asks.probe(&probe));
        let mut is_confirmed = false;
        let mut logs: FuturesUnordered<Log<'_>> = FuturesUnordered::new();
        let mut gathering = Box::pin(pending().left_future());
        let mut heartbeat: Probe<'_> = Box::pin(pending());
        let mut beats = false;
        let mut last_frame = Instant::now();
        let mut check = interval(CHECK_EVERY.min(timing.heartbeat));
        check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            while logs.len() < LOGS_AT_ONCE
                && let Some(pipe) = list.to_read.pop_front()
            {
                logs.push(Box::pin(async move {
                    let rows = port.asks.log_first(&pipe).await;
                    (pipe, rows)
                }));
            }
            let first = tokio::select! {
                frame = incoming.next() => frame,
                confirmed = &mut confirmation, if !is_confirmed => match confirmed {
                    Ok(()) => {
                        is_confirmed = true;
                        place.live();
                        continue;
                    }
                    Err(error) => return Ended::NotSubscribed(error),
                },
                Some((pipe, rows)) = logs.next(), if !logs.is_empty() => {
                    let (catchup, inlet) = intake.catchup();
                    if let Err(error) = &rows {
                        tracing::debug!(%pipe, "its log could not be read: {error}");
                    }
                    catchup.logged(&pipe, rows.map_err(|_| GapReason::LogNotAnswered), Instant::now(), inlet);
                    intake.settle();
                    continue;
                }
                answer = &mut heartbeat, if beats => {
                    if answer.is_err() {
                        return Ended::Stalled(timing.answer);
                    }
                    tracing::debug!("the server is there");
                    beats = false;
                    continue;
                }
                _ = check.tick() => {
                    if port.outbox.stalled_for(port.exit).is_some_and(|time| time > timing.answer) {
                        return Ended::Stalled(timing.answer);
                    }
                    if !beats && last_frame.elapsed() >= timing.heartbeat {
                        heartbeat = Box::pin(port.asks.probe(&probe));
                        beats = true;
                    }
                    continue;
                }
                // Once nobody can change it any more, it stays.
                Ok(()) = subscription.changed() => {
                    subscription.mark_unchanged();
                    gathering = Box::pin(sleep(CHANGES_GATHERED_FOR).right_future());
                    continue;
                }
                () = &mut gathering => {
                    gathering = Box::pin(pending().left_future());
                    let wanted = Arc::clone(&subscription.borrow_and_update());
                    if list.subscribe(&wanted, false, port, &mut reader, &mut intake) {
                        confirmation = Box::pin(port.asks.probe(&probe));
                        is_confirmed = false;
                    }
                    continue;
                }
                Some(written) = writers.join_next() => return written.map_or(Ended::Closed, Ended::Writing),
            };
            // Everything that has arrived is read before any of it is passed on.
            last_frame = Instant::now();
            intake.burst(last_frame);
            let mut next = Some(first);
            let mut end = None;
            let mut frames = 0;
            while let Some(frame) = next.take() {
                match frame {
                    // The server never says goodbye; whoever does it in between has nothing more to say.
                    Some(Ok(Frame::Close(_))) | None => end = Some(Ended::Closed),
                    Some(Ok(frame)) => intake.frame(&mut reader, &frame),
                    Some(Err(error)) => end = Some(in_words(error, frame_max_bytes)),
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
            if intake.is_disowned {
                return Ended::Disowned;
            }
            intake.wait_for_room(timing.answer / 2).await;
            if frames == BURST_FRAMES {
                // More is there already: the writer and other links get their turn all the same.
                tokio::task::yield_now().await;
            }
        }
    }
}

/// What is subscribed.
struct List {
    standing: Standing,
    catch_up: bool,
    /// In the order in which the server has them.
    pipes: Vec<PipeName>,
    /// Pipes whose log shall be read.
    to_read: VecDeque<PipeName>,
}

impl List {
    /// Says to the server what is wanted, if that is something new. Says whether it was.
    ///
    /// The server drops its list name by name and then takes the new one, name by name; what is published in between is
    /// lost. It is shortest for those who stay if they come first and in their old order: nothing new is read and no
    /// new name looked up before they are back. Their logs close what is left of it.
    fn subscribe(
        &mut self,
        wanted: &BTreeSet<PipeName>,
        is_fresh: bool,
        port: &Port,
        reader: &mut Reader,
        intake: &mut Intake<'_, impl Inlet>,
    ) -> bool {
        let wanted = self.possible(wanted);
        let mut pipes = std::mem::take(&mut self.pipes);
        let earlier = pipes.len();
        pipes.retain(|pipe| wanted.contains(pipe));
        let is_changed = is_fresh || pipes.len() != earlier || pipes.len() != wanted.len();
        let new: Vec<PipeName> = wanted.iter().filter(|pipe| !pipes.contains(pipe)).cloned().collect();
        pipes.extend(new);
        self.pipes = pipes;
        if !is_changed {
            return false;
        }
        match command::subscription(&self.pipes) {
            Ok(command) => port.outbox.say_first(port.exit, [command]),
            Err(refusal) => tracing::error!("the subscription cannot be sent: {refusal}"),
        }
        reader.set_pipes(self.pipes.iter().cloned());
        intake.tally().subscribed(self.pipes.len());
        let era = reader.peer().map_or(Era::Modern, |peer| peer.era);
        let (catchup, inlet) = intake.catchup();
        let to_read = catchup.subscribe(&wanted, is_fresh, era, Instant::now());
        if self.catch_up {
            self.to_read.extend(to_read);
        } else {
            let why = GapReason::CatchUpOff;
            to_read.iter().for_each(|pipe| catchup.logged(pipe, Err(why), Instant::now(), inlet));
        }
        true
    }

    /// What can be subscribed; the rest is named in the log.
    fn possible(&self, wanted: &BTreeSet<PipeName>) -> BTreeSet<PipeName> {
        let mut pipes = wanted.clone();
        if self.standing == Standing::Anonymous {
            pipes.retain(|pipe| {
                if pipe.needs_login() {
                    tracing::warn!(%pipe, "not subscribed: private_… pipes are for logged-in users only");
                }
                !pipe.needs_login()
            });
        }
        if let Some(first) = pipes.iter().nth(SUBSCRIBED_PIPES_MAX).cloned() {
            let left_out = pipes.split_off(&first);
            tracing::error!(
                left_out = left_out.iter().map(PipeName::as_str).collect::<Vec<_>>().join(" "),
                "{} pipes are wanted and a connection can have {SUBSCRIBED_PIPES_MAX}: the last ones are not heard",
                wanted.len()
            );
        }
        pipes
    }
}

fn in_words(error: tungstenite::Error, frame_max_bytes: usize) -> Ended {
    use tungstenite::{
        Error,
        error::{CapacityError, ProtocolError},
    };
    match error {
        // The server never says goodbye: the end is a bare end of the stream (PROTOCOL.md, section 2.2).
        Error::ConnectionClosed
        | Error::AlreadyClosed
        | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => Ended::Closed,
        Error::Capacity(CapacityError::MessageTooLong { size, .. }) => {
            Ended::FrameTooLarge { bytes: size, most: frame_max_bytes }
        }
        other => Ended::Reading(other),
    }
}
