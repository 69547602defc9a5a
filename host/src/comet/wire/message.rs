//! What a frame of the server can say.
//!
//! Texts are borrowed from the frame wherever they stand in it as they are; whoever keeps one makes it owned. Nothing
//! of the wire's own making is left in them: no escaping, no base64, no padding, no old key names.

use std::{borrow::Cow, fmt};

/// One message of the server (PROTOCOL.md, section 3).
#[derive(Debug, Clone, PartialEq)]
pub enum Message<'m> {
    /// The first frame of a connection that was let in.
    ServerInfo(ServerInfo<'m>),
    /// Something happened in a pipe: from a client, from the server's database side, a personal message, presence, or a
    /// change in a `track_` pipe.
    Event(Event<'m>),
    /// A row of a pipe's log, which answers a `pipe_log`. The end of the rows is not announced (section 7).
    LogRow(LogRow<'m>),
    /// The answer to one `web_pipe2`: the server took the message. Answers come in the order of the sends.
    Answer {
        /// The pipe that was sent to.
        pipe: AnsweredPipe<'m>,
        /// The message as it was sent, to compare.
        message: Cow<'m, str>,
        /// What the server says about receivers. It counts only those whose frame had 126 bytes or more, so 0 does not
        /// mean that nobody heard it (section 9).
        deliveries: u64,
    },
    /// The answer to a `pipe_count`.
    Count {
        /// The marker of the question.
        marker: Cow<'m, str>,
        /// Subscription entries of the pipe, one's own included.
        count: u64,
    },
    /// The answer to a `user_status`. It has no marker.
    UserStatus {
        /// The user that was asked about.
        user_id: u64,
        /// When it was last there.
        seen: Seen,
    },
    /// The answer to a `track_pipe_users`.
    TrackUsers {
        /// The marker of the question.
        marker: Cow<'m, str>,
        /// Newest first.
        users: Vec<Subscriber<'m>>,
    },
    /// The answer to a `user_data`.
    UserData {
        /// The marker of the question.
        marker: Cow<'m, str>,
        /// The user that was asked about.
        user_id: u64,
        /// What is stored for it; empty for an unknown user.
        data: Cow<'m, str>,
    },
    /// The server refuses something.
    Error(ServerError<'m>),
    /// Text that is no message. The rest of its frame is read all the same.
    Unreadable(Unreadable<'m>),
}

/// The first frame. The session hash that it carries is a secret that nobody here needs, so it is not handed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerInfo<'m> {
    /// How the server names itself, e.g. `CppComet community 4.09 (AGPL license)`.
    pub server: Cow<'m, str>,
    /// As whom the server took us. A wrong login is no error: the connection stays open as anonymous (section 1.3).
    pub standing: Standing,
    /// The server's clock, Unix seconds; servers before 4.0 do not say it.
    pub time: Option<u64>,
}

/// As whom the server took us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The user of the login.
    Authorized,
    /// User 0.
    Anonymous,
}

/// Something that happened in a pipe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event<'m> {
    /// The pipe; `msg` for a personal message.
    pub pipe: Cow<'m, str>,
    /// The event's name; may be empty.
    pub name: Cow<'m, str>,
    /// The text that the sender wrote, to the byte. What the server itself made of objects, lists or numbers is here as
    /// its JSON text.
    pub data: Cow<'m, str>,
    /// The client that sent it: 0 is an anonymous one. `None` if it came from no client, or if the server lost the
    /// number (section 2.3); never a guess.
    pub user_id: Option<u64>,
    /// Server time, Unix seconds.
    pub time: Option<u64>,
    /// Whether the server had stored it and hands it out late: a row of a log, or a personal message that had waited in
    /// the queue.
    pub history: bool,
}

impl Event<'_> {
    /// The same, borrowing nothing.
    #[must_use]
    pub fn into_owned(self) -> Event<'static> {
        Event {
            pipe: Cow::Owned(self.pipe.into_owned()),
            name: Cow::Owned(self.name.into_owned()),
            data: Cow::Owned(self.data.into_owned()),
            user_id: self.user_id,
            time: self.time,
            history: self.history,
        }
    }
}

/// A row of a pipe's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRow<'m> {
    /// The message as stored; its `history` is true.
    pub event: Event<'m>,
    /// The marker of the question; only servers before 4.0 repeat it.
    pub marker: Option<Cow<'m, str>>,
}

/// The pipe of an answer. The server may have cut its last character off (section 2.3), so it can only be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnsweredPipe<'m> {
    pub(super) text: Cow<'m, str>,
    pub(super) cut: bool,
}

impl AnsweredPipe<'_> {
    /// Whether an answer for this pipe can be the answer to a send to `sent` (`@` in front of it or not).
    #[must_use]
    pub fn is(&self, sent: &str) -> bool {
        let sent = sent.strip_prefix('@').unwrap_or(sent);
        if self.cut { sent.len() == self.text.len() + 1 && sent.starts_with(&*self.text) } else { sent == self.text }
    }
}

impl fmt::Display for AnsweredPipe<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        if self.cut { f.write_str("…") } else { Ok(()) }
    }
}

/// When a user was last there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// So many seconds ago.
    SecondsAgo(u64),
    /// Online now, or never heard of: the server says the same for both (section 5).
    OnlineOrUnknown,
}

/// One subscriber of a `track_` pipe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscriber<'m> {
    /// The user; 0 is anonymous.
    pub user_id: Option<u64>,
    /// What its client gave as uuid: any text at all.
    pub uuid: Cow<'m, str>,
}

/// The server refuses something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerError<'m> {
    /// What the server says.
    pub text: Cow<'m, str>,
    /// Its number, if it has one: 401, 406, 418, 423 while connecting, 403 for subscriptions.
    pub code: Option<u16>,
    /// Whether it stands in place of the answer to the oldest open send (section 9).
    pub answers_a_send: bool,
    /// Whether the subscription list was not taken as a whole (section 6).
    pub about_subscription: bool,
    /// Whether the address or login is at fault, so that connecting again at once cannot help. Only in place of the
    /// first frame: later, such a text can only be somebody's message.
    pub fatal: bool,
}

/// Text that is no message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable<'m> {
    pub(super) text: Cow<'m, str>,
    /// What is wrong with it.
    pub why: Why,
}

/// Why a text is no message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// It is not JSON, not even nearly.
    #[error("not JSON")]
    NotJson,
    /// It is not UTF-8.
    #[error("not UTF-8")]
    NotUtf8,
    /// It is JSON but names no pipe.
    #[error("a JSON object that names no pipe")]
    NoPipe,
    /// The server cut the last character of the pipe off, and no pipe or more than one can be meant (section 2.3).
    #[error("the server cut off the end of the pipe name, and it fits {0} of the subscribed pipes")]
    CutPipe(usize),
    /// The server damaged it in a way that is not known.
    #[error("damaged by the server and beyond repair")]
    Damaged,
}

/// How much of an unreadable text is shown, in characters.
const SHOWN_CHARACTERS: usize = 96;

impl Unreadable<'_> {
    /// The beginning of the text, escaped, for a log. A text that may be the first frame is not shown: it holds a
    /// session hash.
    #[must_use]
    pub fn start(&self) -> String {
        if self.text.contains("authorized") {
            return "(a login frame, not shown)".to_owned();
        }
        let mut shown: String = self.text.chars().take(SHOWN_CHARACTERS).flat_map(char::escape_debug).collect();
        if self.text.chars().nth(SHOWN_CHARACTERS).is_some() {
            shown.push('…');
        }
        shown
    }

    /// Length of the text in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.text.len()
    }
}

impl fmt::Display for Unreadable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} bytes): {}", self.why, self.bytes(), self.start())
    }
}
