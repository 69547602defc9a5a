//! The way in of a session: what is done with each frame.

use std::time::{Duration, Instant};

use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message as Frame;

use super::{Inlet, Port};
use crate::{
    comet::{
        catchup::Catchup,
        commands::Sent,
        wire::{AnsweredPipe, Era, Message, Reader, ServerError, Standing},
    },
    metrics::LinkTally,
    report::{Throttle, brief},
};

/// How an error begins that only a client without a login can get (PROTOCOL.md, section 5).
const NOT_AUTHORIZED: &str = "[webauth_pipe_msg2] Invalid user auth";

/// What is done with each frame.
pub(super) struct Intake<'a, I> {
    port: &'a Port,
    inlet: &'a mut I,
    catchup: &'a mut Catchup,
    tally: &'a LinkTally,
    standing: Standing,
    /// When the burst that is read now began.
    now: Instant,
    events: u64,
    has_answers: bool,
    /// Whether the burst had a whole frame.
    has_read: bool,
    /// Whether the server has shown that it does not know us any more.
    pub(super) is_disowned: bool,
    foreign: Throttle,
}

impl<'a, I: Inlet> Intake<'a, I> {
    pub(super) fn new(
        port: &'a Port,
        inlet: &'a mut I,
        catchup: &'a mut Catchup,
        tally: &'a LinkTally,
        standing: Standing,
    ) -> Self {
        Self {
            port,
            inlet,
            catchup,
            tally,
            standing,
            now: Instant::now(),
            events: 0,
            has_answers: false,
            has_read: false,
            is_disowned: false,
            foreign: Throttle::lines_per_second(1),
        }
    }

    /// The frames that come now arrived together.
    pub(super) const fn burst(&mut self, now: Instant) {
        self.now = now;
        self.has_read = false;
    }

    pub(super) const fn tally(&self) -> &LinkTally {
        self.tally
    }

    /// What was missed is asked for, and what comes of it handed in, by others than the frames.
    pub(super) fn catchup(&mut self) -> (&mut Catchup, &mut I) {
        (self.catchup, self.inlet)
    }

    pub(super) fn frame(&mut self, reader: &mut Reader, frame: &Frame) {
        self.has_read = true;
        let era = reader.peer().map_or(Era::Modern, |peer| peer.era);
        match frame {
            // Text as well: see `opaque`.
            Frame::Binary(bytes) => reader.read_bytes(bytes, &mut |message| self.message(era, message)),
            // Never answered: see `frames`.
            Frame::Text(_) | Frame::Ping(_) | Frame::Pong(_) | Frame::Close(_) | Frame::Frame(_) => {}
        }
    }

    fn message(&mut self, era: Era, message: Message<'_>) {
        match message {
            Message::Event(event) => {
                self.events += 1;
                self.catchup.event(event, self.now, self.inlet);
            }
            Message::LogRow(row) => {
                self.port.asks.row(&row);
            }
            Message::Answer { pipe, message, .. } => {
                // An old server's answer does not repeat the message to the byte.
                self.answer(&pipe, (era == Era::Modern).then_some(&*message));
            }
            Message::Count { marker, count } => {
                self.port.asks.counted(&marker, count);
            }
            Message::UserStatus { user_id, seen } => {
                self.port.asks.user_seen(user_id, seen);
            }
            Message::Error(error) => self.error(&error),
            Message::Unreadable(unreadable) => self.tally.unreadable(&unreadable),
            // Nobody asks for these yet, and a second first frame means nothing.
            Message::ServerInfo(_) | Message::TrackUsers { .. } | Message::UserData { .. } => {}
        }
    }

    fn answer(&mut self, pipe: &AnsweredPipe<'_>, message: Option<&str>) {
        let (catchup, now) = (&mut *self.catchup, self.now);
        let in_the_log = |sent: Sent<'_>| catchup.own_sent(sent.shown_pipe(), sent.event, sent.message, now);
        if self.port.outbox.taken(self.port.exit, pipe, message, in_the_log) {
            self.has_answers = true;
            self.inlet.answer(Ok(pipe), None);
        } else if let Some(times) = self.foreign.pass() {
            let pipe = brief(&pipe.to_string());
            tracing::warn!(times, "an answer for {pipe} is to nothing that was sent, and is ignored");
        }
    }

    fn error(&mut self, error: &ServerError<'_>) {
        let sender = if error.answers_a_send { self.port.outbox.refused(self.port.exit) } else { None };
        if let Some(sender) = sender {
            self.has_answers = true;
            self.inlet.answer(Err(error), Some(&sender));
            self.is_disowned |= self.standing == Standing::Authorized && error.text.starts_with(NOT_AUTHORIZED);
        } else {
            self.tally.refused(error.code, &error.text);
        }
    }

    /// Passes on what the burst brought.
    pub(super) fn settle(&mut self) {
        if std::mem::take(&mut self.has_read) {
            self.catchup.alive(self.now);
        }
        if std::mem::take(&mut self.has_answers) {
            self.port.outbox.settle(self.port.exit);
        }
        self.tally.heard(std::mem::take(&mut self.events));
        self.inlet.settle();
    }

    /// Waits, if that is wanted, until there is room for more, for at most so long. Not while somebody waits for an answer,
    /// which lies behind what is not read: it may be the one who would make room.
    pub(super) async fn wait_for_room(&mut self, most: Duration) {
        let Some(room) = self.inlet.room() else { return };
        let since = Instant::now();
        let goes_on = async {
            tokio::select! {
                () = room => {}
                () = self.port.asks.is_waited_for() => {}
            }
        };
        let goes_on = timeout(most, goes_on).await.is_ok();
        self.inlet.read_on(goes_on);
        self.port.outbox.was_not_read(self.port.exit, since.elapsed());
    }
}
