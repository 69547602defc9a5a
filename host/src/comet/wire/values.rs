//! The values of a server's object, of whatever type they turn out to be.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};

/// A value of which only the simple forms matter.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) enum Scalar<'m> {
    /// The key is not there.
    #[default]
    Absent,
    /// A string.
    Text(Cow<'m, str>),
    /// A whole number that is not negative.
    Whole(u64),
    /// True or false.
    Bool(bool),
    /// There, but nothing of the above.
    Other,
}

impl<'m> Scalar<'m> {
    pub(super) fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    pub(super) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn into_text(self) -> Option<Cow<'m, str>> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A number, or a string of digits: old servers and clusters write numbers as strings.
    pub(super) fn as_number(&self) -> Option<u64> {
        match self {
            Self::Whole(number) => Some(*number),
            Self::Text(digits) => digits.parse().ok(),
            _ => None,
        }
    }

    /// True, or the string `true`.
    pub(super) fn is_true(&self) -> bool {
        match self {
            Self::Bool(value) => *value,
            Self::Text(text) => text == "true",
            _ => false,
        }
    }
}

/// What stands at `data`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) enum Data<'m> {
    /// The key is not there.
    #[default]
    Absent,
    /// A string.
    Text(Cow<'m, str>),
    /// An object with `message`, a string, and `number_messages`, and no error: what an answer to a send carries.
    Answer { message: Cow<'m, str>, deliveries: u64 },
    /// Any other JSON; `envelope::data_text` has it.
    Json,
}

impl<'de: 'm, 'm> Deserialize<'de> for Scalar<'m> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Whole(number))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Scalar<'de>, E> {
        Ok(u64::try_from(number).map_or(Scalar::Other, Scalar::Whole))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Other)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Bool(value))
    }

    fn visit_unit<E>(self) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Scalar<'de>, A::Error> {
        IgnoredAny.visit_map(map).map(|_| Scalar::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Scalar<'de>, A::Error> {
        IgnoredAny.visit_seq(list).map(|_| Scalar::Other)
    }
}

impl<'de: 'm, 'm> Deserialize<'de> for Data<'m> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DataVisitor)
    }
}

struct DataVisitor;

impl<'de> Visitor<'de> for DataVisitor {
    type Value = Data<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Data<'de>, E> {
        Ok(Data::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Data<'de>, E> {
        Ok(Data::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Data<'de>, E> {
        Ok(Data::Json)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Data<'de>, E> {
        Ok(Data::Json)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Data<'de>, E> {
        Ok(Data::Json)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Data<'de>, E> {
        Ok(Data::Json)
    }

    fn visit_unit<E>(self) -> Result<Data<'de>, E> {
        Ok(Data::Json)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Data<'de>, A::Error> {
        IgnoredAny.visit_seq(list).map(|_| Data::Json)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Data<'de>, A::Error> {
        let (mut message, mut deliveries, mut error) = (Scalar::Absent, Scalar::Absent, Scalar::Absent);
        while let Some(key) = map.next_key::<AnswerKey>()? {
            match key {
                AnswerKey::Message => message = map.next_value()?,
                AnswerKey::NumberMessages => deliveries = map.next_value()?,
                AnswerKey::Error => error = map.next_value()?,
                AnswerKey::Unknown => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        // Servers before 4.0 add an empty error to a good answer.
        let good = error.is_absent() || error.as_text() == Some("");
        Ok(match (message, deliveries) {
            (Scalar::Text(message), Scalar::Whole(deliveries)) if good => Data::Answer { message, deliveries },
            _ => Data::Json,
        })
    }
}

enum AnswerKey {
    Message,
    NumberMessages,
    Error,
    Unknown,
}

impl<'de> Deserialize<'de> for AnswerKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_identifier(AnswerKeyVisitor)
    }
}

struct AnswerKeyVisitor;

impl Visitor<'_> for AnswerKeyVisitor {
    type Value = AnswerKey;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<AnswerKey, E> {
        Ok(match key {
            "message" => AnswerKey::Message,
            "number_messages" => AnswerKey::NumberMessages,
            "error" => AnswerKey::Error,
            _ => AnswerKey::Unknown,
        })
    }
}
