//! One frame in, messages out.
//!
//! A reader lives as long as one connection: the first frame tells it how old the server is, and the rules follow from
//! that. The usual frame, a client's message, costs one pass over its text and no allocation.

use std::borrow::Cow;

use super::{
    answers,
    envelope::{self, Envelope},
    loose,
    message::{Message, Unreadable, Why},
    repair,
    sort::{self, Known},
    values::Scalar,
};
use crate::comet::name::{PERSONAL_PIPE, PipeName};

/// By which rules a server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Era {
    /// 4.0 and later; assumed until the first frame says otherwise.
    #[default]
    Modern,
    /// Before 4.0 (section 10).
    Old,
}

/// The server at the other end, by its first frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Its version, e.g. `4.09`, if it names one.
    pub version: Option<String>,
    /// By which rules it speaks.
    pub era: Era,
}

/// Reads the frames of one connection.
#[derive(Debug, Default)]
pub struct Reader {
    peer: Option<Peer>,
    /// The subscribed pipes, to complete a name whose last character the server lost.
    pipes: Vec<PipeName>,
}

impl Reader {
    /// A reader for a new connection.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The server, once its first frame was read.
    #[must_use]
    pub fn peer(&self) -> Option<&Peer> {
        self.peer.as_ref()
    }

    /// Tells the reader what is subscribed now. Without it, an event whose pipe the server cut short cannot be read.
    pub fn set_pipes(&mut self, pipes: impl IntoIterator<Item = PipeName>) {
        self.pipes = pipes.into_iter().collect();
    }

    /// Reads a text frame: one message, as the server sends it, or many, on lines or not. Hands each to `each`, in
    /// order; what cannot be read is handed over as [`Message::Unreadable`] and the rest is read on.
    pub fn read(&mut self, frame: &str, each: &mut impl FnMut(Message<'_>)) {
        if let Some((good, lost)) = repair::good_part(frame.as_bytes()) {
            // It was cut out of text, before a NUL: it is text.
            let good = std::str::from_utf8(good).unwrap_or_default();
            return self.read_damaged(good, lost, each);
        }
        self.read_text(frame, each);
    }

    /// Reads a frame that need not be UTF-8: the server fills damaged frames up with whatever bytes lie about.
    pub fn read_bytes(&mut self, frame: &[u8], each: &mut impl FnMut(Message<'_>)) {
        if let Some((good, lost)) = repair::good_part(frame)
            && let Ok(good) = std::str::from_utf8(good)
        {
            return self.read_damaged(good, lost, each);
        }
        match std::str::from_utf8(frame) {
            Ok(text) => self.read_text(text, each),
            Err(_) => each(unreadable(String::from_utf8_lossy(frame), Why::NotUtf8)),
        }
    }

    /// Reads objects one after the other, strictly or, where the server was careless, loosely.
    fn read_text(&mut self, text: &str, each: &mut impl FnMut(Message<'_>)) {
        let mut rest = text.trim_ascii_start();
        while !rest.is_empty() {
            match self.read_object(rest, each) {
                Some(after) => rest = after.trim_ascii_start(),
                None => return self.read_lines(rest, each),
            }
        }
    }

    /// Reads line by line, so that a bad line does not spoil those after it. What is bad is bad up to its line's end.
    fn read_lines(&mut self, text: &str, each: &mut impl FnMut(Message<'_>)) {
        for line in text.split('\n') {
            let mut rest = line.trim_ascii();
            while !rest.is_empty() {
                match self.read_object(rest, each) {
                    Some(after) => rest = after.trim_ascii_start(),
                    None => {
                        each(unreadable(Cow::Borrowed(rest), Why::NotJson));
                        break;
                    }
                }
            }
        }
    }

    /// Reads the object at the beginning of `text` and answers what follows it; nothing if there is no object.
    fn read_object<'t>(&mut self, text: &'t str, each: &mut impl FnMut(Message<'_>)) -> Option<&'t str> {
        let mut envelope = Envelope::default();
        if let Ok(bytes) = envelope::first_into(text, &mut envelope) {
            let (object, after) = text.split_at_checked(bytes)?;
            self.sort(&mut envelope, object, false, each);
            return Some(after);
        }
        let (object, after) = text.split_at_checked(loose::object_end(text)?)?;
        let strict = loose::strict(object);
        let (mut envelope, _) = envelope::first(&strict).ok()?;
        self.sort(&mut envelope, &strict, false, each);
        Some(after)
    }

    fn read_damaged(&mut self, good: &str, lost: usize, each: &mut impl FnMut(Message<'_>)) {
        let Some(repaired) = repair::repair(good, lost) else {
            return each(unreadable(Cow::Borrowed(good), Why::Damaged));
        };
        let Ok((mut envelope, _)) = envelope::first(&repaired.text) else {
            return each(unreadable(Cow::Borrowed(good), Why::Damaged));
        };
        let mut pipe_cut = repaired.pipe_cut;
        if let Scalar::Text(cut) = &envelope.pipe
            && pipe_cut
            && !cut.starts_with(answers::ANSWER_TO)
        {
            match self.whole_pipe(cut, &envelope) {
                Ok(pipe) => envelope.pipe = Scalar::Text(Cow::Owned(pipe.to_owned())),
                Err(candidates) => return each(unreadable(Cow::Borrowed(good), Why::CutPipe(candidates))),
            }
            pipe_cut = false;
        }
        self.sort(&mut envelope, &repaired.text, pipe_cut, each);
    }

    /// The pipe whose name without its last character is `cut`: one of the server's own if the frame has what such a
    /// frame has, else the one that is subscribed.
    fn whole_pipe(&self, cut: &str, envelope: &Envelope<'_>) -> Result<&str, usize> {
        let name = envelope.name.as_text().unwrap_or_default();
        let has_marker = !envelope.marker.is_absent();
        // A pipe's own message always has a time and is never stored without its sender.
        let personal = envelope.time.is_absent() || envelope.stored;
        for (pipe, fits) in [
            ("sys", name == "error"),
            (PERSONAL_PIPE, personal),
            (answers::COUNTS, has_marker),
            (answers::OTHERS, has_marker),
            (answers::STATUSES, name.starts_with(answers::USER_STATUS)),
        ] {
            if fits && is_cut_of(cut, pipe) {
                return Ok(pipe);
            }
        }
        let mut candidates = self.pipes.iter().map(PipeName::as_str).filter(|pipe| is_cut_of(cut, pipe));
        match (candidates.next(), candidates.count()) {
            (Some(pipe), 0) => Ok(pipe),
            (None, _) => Err(0),
            (Some(_), others) => Err(1 + others),
        }
    }

    fn sort<'m>(
        &mut self,
        envelope: &mut Envelope<'m>,
        object: &'m str,
        pipe_cut: bool,
        each: &mut impl FnMut(Message<'_>),
    ) {
        if !envelope.authorized.is_absent() && self.peer.is_none() {
            self.peer = Some(peer(envelope));
        }
        let era = self.peer.as_ref().map_or(Era::Modern, |peer| peer.era);
        let known = Known { era, greeted: self.peer.is_some(), pipe_cut };
        sort::sort(known, envelope, object, each);
    }
}

fn is_cut_of(cut: &str, whole: &str) -> bool {
    whole.len() == cut.len() + 1 && whole.starts_with(cut)
}

/// What the first frame says of the server. One that names no version is old if it writes truth as a string.
fn peer(envelope: &Envelope<'_>) -> Peer {
    let version = envelope.server.as_text().and_then(version);
    let major = version.and_then(|version| version.split('.').next()?.parse::<u32>().ok());
    let is_old = major.map_or(envelope.authorized.as_text().is_some(), |major| major < FIRST_MODERN_MAJOR);
    Peer { version: version.map(str::to_owned), era: if is_old { Era::Old } else { Era::Modern } }
}

/// The major version with which the form of messages changed (section 10).
const FIRST_MODERN_MAJOR: u32 = 4;

/// The first word of the form `digits.digits`.
fn version(server: &str) -> Option<&str> {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    server
        .split_ascii_whitespace()
        .find(|word| word.split_once('.').is_some_and(|(major, minor)| is_number(major) && is_number(minor)))
}

fn unreadable(text: Cow<'_, str>, why: Why) -> Message<'_> {
    Message::Unreadable(Unreadable { text, why })
}
