//! What the server says for itself: errors, and the answers to questions (sections 3, 5 and 9).
//!
//! Anyone with the server's database side can write into the pipes that these use, so each is taken for what it seems
//! only if it has all that the server's own frame has; else it is an event like any other.

use std::borrow::Cow;

use serde::Deserialize;

use super::{
    envelope::Envelope,
    escape,
    message::{AnsweredPipe, Message, Seen, ServerError, Subscriber},
    reader::Era,
    sort::Known,
    values::{Data, Scalar},
};

/// What stands before the pipe in the pipe of an answer to a send.
pub(super) const ANSWER_TO: &str = "_answer_to_";
/// The pipe of answers to `pipe_count`.
pub(super) const COUNTS: &str = "_answer_pipe_count";
/// The pipe of answers to `user_status`.
pub(super) const STATUSES: &str = "_answer_user_status";
/// The pipe of other answers.
pub(super) const OTHERS: &str = "_answer";
/// What stands before the user's number in the event of an answer to `user_status`, and in presence pipes.
pub(super) const USER_STATUS: &str = "user_status_";

/// Above this a "seconds ago" is the server's clock: the user is online or unknown (section 5).
const SECONDS_AGO_MAX: u64 = 1_000_000_000;
/// Codes after which the server closes a connection that it did not let in (section 1.2).
const FATAL_CODES: [u16; 4] = [401, 406, 418, 423];
/// The code of subscription errors.
const SUBSCRIPTION_CODE: u16 = 403;
/// Beginnings of errors that `web_pipe2` is answered with (section 5).
const SEND_ERRORS: [&str; 7] = [
    "[pipe_msg2]",
    "[webauth_pipe_msg2]",
    "The channel name can only",
    "The event name can only",
    "Invalid pipe name length",
    "Invalid event name length",
    "Invalid value auth_type",
];
/// Beginnings of errors that only other commands are answered with, though they have the same shape.
const QUESTION_ERRORS: [&str; 7] = [
    "[pipe_count]",
    "[track_pipe_users]",
    "Invalid channel name.",
    "Invalid marker",
    "Invalid pipe name.",
    "Invalid user id",
    "get_pipe_",
];
/// Beginnings of errors that `subscription` is answered with (section 6; the last one by servers before 4.0).
const SUBSCRIPTION_ERRORS: [&str; 3] = ["Too many letters", "Channel name is too long", "Too many subscriptions"];

/// The keys of the server's own objects.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Facts<'j> {
    #[serde(borrow)]
    error: Scalar<'j>,
    #[serde(borrow)]
    error_code: Scalar<'j>,
    #[serde(borrow)]
    code: Scalar<'j>,
    #[serde(borrow)]
    number_messages: Scalar<'j>,
    #[serde(borrow)]
    user_id: Scalar<'j>,
    #[serde(borrow)]
    user_data: Scalar<'j>,
    #[serde(borrow)]
    uuid: Scalar<'j>,
    #[serde(borrow)]
    data: Scalar<'j>,
    #[serde(borrow)]
    user_in_pipe: Scalar<'j>,
}

fn facts(json: &str) -> Option<Facts<'_>> {
    // A list would be taken for an object's values in order.
    if json.starts_with('{') { serde_json::from_str(json).ok() } else { None }
}

/// An error in pipe `sys`; `json` is its structured data, if it has any.
pub(super) fn error<'j>(data: &'j Data<'_>, json: Option<&'j str>, greeted: bool) -> ServerError<'j> {
    let Some(facts) = json.and_then(facts) else {
        // Not of the server's making: it can neither answer nor refuse anything.
        let text = if let Data::Text(text) = data { text } else { json.unwrap_or_default() };
        let text = Cow::Borrowed(text);
        return ServerError { text, code: None, answers_a_send: false, about_subscription: false, fatal: false };
    };
    from_facts(facts, greeted)
}

fn from_facts(facts: Facts<'_>, greeted: bool) -> ServerError<'_> {
    let number = facts.error_code.as_number().or_else(|| facts.code.as_number());
    let code = number.and_then(|number| u16::try_from(number).ok());
    let refused = !facts.number_messages.is_absent() && facts.number_messages.as_number().is_none();
    let text = facts.error.into_text().unwrap_or_default();
    server_error(text, code, refused, greeted)
}

/// The old error that has its code beside its text (section 10).
pub(super) fn old_error<'j>(code: &Scalar<'j>, data: &'j Data<'_>, greeted: bool) -> ServerError<'j> {
    let number = code.as_number().and_then(|number| u16::try_from(number).ok());
    let text = match (data, code) {
        (Data::Text(text), _) => Cow::Borrowed(&**text),
        (_, Scalar::Text(text)) => text.clone(),
        _ => Cow::Borrowed(""),
    };
    server_error(text, number, false, greeted)
}

fn server_error(text: Cow<'_, str>, code: Option<u16>, refused: bool, greeted: bool) -> ServerError<'_> {
    let begins = |beginnings: &[&str]| beginnings.iter().any(|beginning| text.starts_with(beginning));
    let about_subscription = code == Some(SUBSCRIPTION_CODE) || begins(&SUBSCRIPTION_ERRORS);
    let answers_a_send = !about_subscription && (begins(&SEND_ERRORS) || refused && !begins(&QUESTION_ERRORS));
    let fatal = !greeted && code.is_some_and(|code| FATAL_CODES.contains(&code));
    // Some texts end in a line feed.
    let text = match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    };
    ServerError { text, code, answers_a_send, about_subscription, fatal }
}

/// The answer to a send.
pub(super) fn answer<'j>(pipe: &'j str, known: Known, message: Cow<'j, str>, deliveries: u64) -> Message<'j> {
    let pipe = AnsweredPipe { text: Cow::Borrowed(pipe), cut: known.pipe_cut };
    // Servers before 4.0 escape once, and the JSON reader has undone that.
    let message = if known.era == Era::Old { message } else { escape::undo(message) };
    Message::Answer { pipe, message, deliveries }
}

/// The answer to a question, if it is one; `json` is its structured data.
pub(super) fn question<'j>(envelope: &'j Envelope<'_>, json: &'j str, known: Known) -> Option<Message<'j>> {
    let Known { era, greeted, .. } = known;
    let pipe = envelope.pipe.as_text()?;
    let marker = envelope.marker.as_text().map(Cow::Borrowed);
    match pipe {
        COUNTS => count(json).zip(marker).map(|(count, marker)| Message::Count { marker, count }),
        STATUSES => status(envelope.name.as_text()?, json, era),
        _ if json.starts_with('[') => {
            users(json).zip(marker).map(|(users, marker)| Message::TrackUsers { marker, users })
        }
        _ => {
            let facts = facts(json)?;
            if era == Era::Old && facts.error.as_text().is_some_and(|text| !text.is_empty()) {
                return Some(Message::Error(from_facts(facts, greeted)));
            }
            if era == Era::Old && pipe.starts_with(ANSWER_TO) {
                return old_users(json).zip(marker).map(|(users, marker)| Message::TrackUsers { marker, users });
            }
            let user_id = facts.user_id.as_number()?;
            let data = facts.user_data.into_text()?;
            (pipe == OTHERS).then_some(Message::UserData { marker: marker?, user_id, data })
        }
    }
}

/// `["user_in_pipe",2]`, or the old `{"user_in_pipe":"2"}`.
fn count(json: &str) -> Option<u64> {
    if let Some(facts) = facts(json) {
        return facts.user_in_pipe.as_number();
    }
    let (what, count): (Scalar<'_>, Scalar<'_>) = serde_json::from_str(json).ok()?;
    if what.as_text() == Some("user_in_pipe") { count.as_number() } else { None }
}

/// `{"data":3,"last_online_time":3}`, or the old bare number as a string.
fn status(event: &str, json: &str, era: Era) -> Option<Message<'static>> {
    let user_id = event.strip_prefix(USER_STATUS)?.parse().ok()?;
    let seconds = match facts(json) {
        Some(facts) => facts.data.as_number()?,
        None if era == Era::Old => json.parse().ok()?,
        None => return None,
    };
    let seen = if seconds > SECONDS_AGO_MAX { Seen::OnlineOrUnknown } else { Seen::SecondsAgo(seconds) };
    Some(Message::UserStatus { user_id, seen })
}

fn users(json: &str) -> Option<Vec<Subscriber<'_>>> {
    let users: Vec<Facts<'_>> = serde_json::from_str(json).ok()?;
    Some(users.into_iter().map(subscriber).collect())
}

fn old_users(json: &str) -> Option<Vec<Subscriber<'_>>> {
    #[derive(Deserialize)]
    struct Users<'j> {
        #[serde(borrow)]
        users: Vec<Facts<'j>>,
    }
    let users: Users<'_> = serde_json::from_str(json).ok()?;
    Some(users.users.into_iter().map(subscriber).collect())
}

fn subscriber(facts: Facts<'_>) -> Subscriber<'_> {
    // In a cluster the number comes as a string.
    Subscriber { user_id: facts.user_id.as_number(), uuid: facts.uuid.into_text().unwrap_or_default() }
}
