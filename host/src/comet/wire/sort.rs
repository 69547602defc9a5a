//! Which kind of message an object is (section 3, "telling apart").

use std::borrow::Cow;

use super::{
    answers,
    envelope::{self, Envelope},
    escape,
    message::{Event, LogRow, Message, ServerInfo, Standing, Unreadable, Why},
    old,
    reader::Era,
    values::{Data, Scalar},
};
use crate::comet::name::PERSONAL_PIPE;

/// What the reader knows when it sorts.
#[derive(Clone, Copy)]
pub(super) struct Known {
    /// The server's age.
    pub(super) era: Era,
    /// Whether the first frame was read.
    pub(super) greeted: bool,
    /// Whether the last character of the pipe is missing.
    pub(super) pipe_cut: bool,
}

/// Hands what `envelope` says to `each`; `object` is the text that it was read from.
pub(super) fn sort<'m>(known: Known, envelope: &mut Envelope<'m>, object: &'m str, each: &mut impl FnMut(Message<'_>)) {
    // Only clients' messages have a sender, and a client can write into no pipe of the server's: the usual case ends here.
    if known.era == Era::Modern && !envelope.user_id.is_absent() && envelope.authorized.is_absent() {
        return each(message(known.era, envelope, object));
    }
    let inner = if known.era == Era::Old { old::inner_object(envelope) } else { None };
    match inner.as_deref() {
        Some(inner) => {
            // What it says afterwards lives no longer than the inner text.
            let mut envelope: Envelope<'_> = std::mem::take(envelope);
            let object = if old::unfold(&mut envelope, inner) { inner } else { object };
            sort_unfolded(known, &mut envelope, object, each);
        }
        None => sort_unfolded(known, envelope, object, each),
    }
}

fn sort_unfolded<'m>(known: Known, envelope: &mut Envelope<'m>, object: &'m str, each: &mut impl FnMut(Message<'_>)) {
    if !envelope.authorized.is_absent() {
        let standing = if envelope.authorized.is_true() { Standing::Authorized } else { Standing::Anonymous };
        return each(Message::ServerInfo(ServerInfo {
            server: std::mem::take(&mut envelope.server).into_text().unwrap_or_default(),
            standing,
            time: envelope.time.as_number(),
        }));
    }
    if !envelope.error.is_absent() {
        return each(Message::Error(answers::old_error(&envelope.error, &envelope.data, known.greeted)));
    }
    let Some(pipe) = envelope.pipe.as_text() else {
        return each(Message::Unreadable(Unreadable { text: Cow::Borrowed(object), why: Why::NoPipe }));
    };
    let from_server = envelope.user_id.is_absent() && !envelope.stored;
    if from_server && pipe == "sys" && envelope.name.as_text() == Some("error") {
        let json = structured(known.era, envelope, object);
        return each(Message::Error(answers::error(&envelope.data, json, known.greeted)));
    }
    if from_server && pipe.starts_with(answers::OTHERS) {
        return answer_or_event(known, envelope, object, each);
    }
    each(message(known.era, envelope, object));
}

fn answer_or_event<'m>(known: Known, envelope: &mut Envelope<'m>, object: &'m str, each: &mut impl FnMut(Message<'_>)) {
    if envelope.name.as_text() == Some("answer")
        && let Some(pipe) = envelope.pipe.as_text().and_then(|pipe| pipe.strip_prefix(answers::ANSWER_TO))
    {
        match std::mem::take(&mut envelope.data) {
            Data::Answer { message, deliveries } => {
                return each(answers::answer(pipe, known, message, deliveries));
            }
            Data::Text(text) if envelope.long_form => {
                if let Ok(Data::Answer { message, deliveries }) = serde_json::from_str(&text) {
                    return each(answers::answer(pipe, known, message, deliveries));
                }
                envelope.data = Data::Text(text);
            }
            other => envelope.data = other,
        }
    }
    if let Some(json) = structured(known.era, envelope, object)
        && let Some(answer) = answers::question(envelope, json, known)
    {
        return each(answer);
    }
    each(message(known.era, envelope, object));
}

/// The JSON text of structured data. In the form for old clients it is a string, which nobody but the server may be
/// believed to have filled with JSON elsewhere.
fn structured<'e>(era: Era, envelope: &'e Envelope<'_>, object: &'e str) -> Option<&'e str> {
    match &envelope.data {
        Data::Json | Data::Answer { .. } => envelope::data_text(object),
        Data::Text(text) if envelope.long_form || era == Era::Old => Some(text),
        Data::Text(_) | Data::Absent => None,
    }
}

/// A message in a pipe: an event, or a row of its log.
fn message<'m>(era: Era, envelope: &mut Envelope<'m>, object: &'m str) -> Message<'m> {
    let old_track = if era == Era::Old { old::track_data(envelope) } else { None };
    let &mut Envelope {
        ref mut data,
        ref mut name,
        ref mut pipe,
        ref user_id,
        ref time,
        ref mut marker,
        stored,
        history,
        send_to_user,
        ..
    } = envelope;
    let Scalar::Text(pipe) = std::mem::take(pipe) else {
        return Message::Unreadable(Unreadable { text: Cow::Borrowed(object), why: Why::NoPipe });
    };
    let from_client = !user_id.is_absent();
    let data = match std::mem::take(data) {
        // The rule of section 4: what comes from a client live was escaped once, and nothing else was.
        Data::Text(text) if era == Era::Modern && from_client && !stored => escape::undo(text),
        Data::Text(text) => text,
        Data::Json | Data::Answer { .. } => Cow::Borrowed(envelope::data_text(object).unwrap_or_default()),
        Data::Absent => Cow::Borrowed(""),
    };
    let mut event = Event {
        pipe,
        data,
        user_id: user_id.as_number(),
        time: time.as_number(),
        history: stored,
        name: std::mem::take(name).into_text().unwrap_or_default(),
    };

    if event.pipe == old::NO_PIPE && (send_to_user || era == Era::Old && stored && !history) {
        event.pipe = Cow::Borrowed(PERSONAL_PIPE);
    }
    if let Some(data) = old_track {
        event.data = Cow::Owned(data);
        event.user_id = None;
    } else if era == Era::Old
        && !from_client
        && event.name.is_empty()
        && let Some((user_id, text)) = old::sender_in_front(&event.data)
    {
        event.user_id = Some(user_id);
        event.data = Cow::Owned(text.to_owned());
    }

    if stored && event.pipe != PERSONAL_PIPE {
        return Message::LogRow(LogRow { event, marker: std::mem::take(marker).into_text() });
    }
    Message::Event(event)
}
