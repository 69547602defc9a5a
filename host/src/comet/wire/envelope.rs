//! One JSON object of the server, read in one pass over borrowed text.
//!
//! Tolerant of types: a key that holds something else than expected is as good as absent, and the last of two equal
//! keys counts, so that no frame is lost for a detail that nobody looks at.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeSeed, IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::values::{Data, Scalar};

/// The keys of an object that mean something to us.
#[derive(Debug, Default)]
pub(super) struct Envelope<'m> {
    pub(super) data: Data<'m>,
    pub(super) name: Scalar<'m>,
    pub(super) pipe: Scalar<'m>,
    pub(super) user_id: Scalar<'m>,
    pub(super) time: Scalar<'m>,
    pub(super) marker: Scalar<'m>,
    pub(super) authorized: Scalar<'m>,
    pub(super) server: Scalar<'m>,
    pub(super) error: Scalar<'m>,
    pub(super) uuid: Scalar<'m>,
    /// `fromQueue` or the old `history`: stored by the server.
    pub(super) stored: bool,
    /// The old `history` alone: a log row, not a queued personal message.
    pub(super) history: bool,
    pub(super) send_to_user: bool,
    pub(super) no_data: bool,
    /// Whether it has a key of the form for clients below version 4, in which structured data is a string of JSON.
    pub(super) long_form: bool,
}

/// Reads the first object of `text`; answers it with the number of bytes that it took.
///
/// # Errors
/// What is wrong with the JSON.
pub(super) fn first(text: &str) -> Result<(Envelope<'_>, usize), serde_json::Error> {
    let mut envelope = Envelope::default();
    let bytes = first_into(text, &mut envelope)?;
    Ok((envelope, bytes))
}

/// The same into an envelope of the caller's, which must be a new one: an envelope is too large to be handed about for
/// every frame.
///
/// # Errors
/// What is wrong with the JSON.
pub(super) fn first_into<'m>(text: &'m str, envelope: &mut Envelope<'m>) -> Result<usize, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    Fill(envelope).deserialize(&mut deserializer)?;
    if deserializer.end().is_ok() {
        return Ok(text.len());
    }
    // Only a stream tells where an object ends.
    let mut objects = serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>();
    match objects.next() {
        Some(object) => object.map(|_| objects.byte_offset()),
        None => Err(de::Error::custom("empty")),
    }
}

/// The JSON text of `data` in an object that [`first`] has read.
pub(super) fn data_text(object: &str) -> Option<&str> {
    #[derive(Deserialize)]
    struct DataOnly<'m> {
        #[serde(borrow)]
        data: &'m RawValue,
    }
    serde_json::from_str::<DataOnly<'_>>(object).ok().map(|object| object.data.get())
}

enum Key {
    Data,
    Event,
    EventName,
    Pipe,
    UserId,
    Time,
    Marker,
    Authorized,
    Server,
    Error,
    Uuid,
    FromQueue,
    History,
    SendToUser,
    NoData,
    ApiData,
    Unknown,
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_identifier(KeyVisitor)
    }
}

struct KeyVisitor;

impl Visitor<'_> for KeyVisitor {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Key, E> {
        Ok(match key {
            "data" => Key::Data,
            "event" => Key::Event,
            "event_name" => Key::EventName,
            "pipe" | "pipe_name" => Key::Pipe,
            "user_id" => Key::UserId,
            "message_send_time" => Key::Time,
            "marker" => Key::Marker,
            "authorized" => Key::Authorized,
            "server" => Key::Server,
            "error" => Key::Error,
            "uuid" => Key::Uuid,
            "fromQueue" => Key::FromQueue,
            "history" => Key::History,
            "SendToUser" => Key::SendToUser,
            "nodata" => Key::NoData,
            "api_data" => Key::ApiData,
            _ => Key::Unknown,
        })
    }
}

/// Fills an envelope in its place.
struct Fill<'e, 'm>(&'e mut Envelope<'m>);

impl<'de> DeserializeSeed<'de> for Fill<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Fill<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let envelope = self.0;
        while let Some(key) = map.next_key::<Key>()? {
            match key {
                Key::Data => envelope.data = map.next_value()?,
                Key::Event => envelope.name = map.next_value()?,
                Key::EventName => {
                    let name = map.next_value()?;
                    // Where both are given they are equal.
                    if envelope.name.is_absent() {
                        envelope.name = name;
                    }
                    envelope.long_form = true;
                }
                Key::Pipe => envelope.pipe = map.next_value()?,
                Key::UserId => envelope.user_id = map.next_value()?,
                Key::Time => envelope.time = map.next_value()?,
                Key::Marker => envelope.marker = map.next_value()?,
                Key::Authorized => envelope.authorized = map.next_value()?,
                Key::Server => envelope.server = map.next_value()?,
                Key::Error => envelope.error = map.next_value()?,
                Key::Uuid => envelope.uuid = map.next_value()?,
                Key::FromQueue => envelope.stored |= map.next_value::<Scalar<'de>>()?.is_true(),
                Key::History => {
                    envelope.history = map.next_value::<Scalar<'de>>()?.is_true();
                    envelope.stored |= envelope.history;
                }
                Key::SendToUser => envelope.send_to_user = map.next_value::<Scalar<'de>>()?.is_true(),
                Key::NoData => envelope.no_data = map.next_value::<Scalar<'de>>()?.is_true(),
                Key::ApiData => {
                    map.next_value::<IgnoredAny>()?;
                    envelope.long_form = true;
                }
                Key::Unknown => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}
