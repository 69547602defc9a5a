//! Reading an event, and answering it.
//!
//! An event whose `history` is true was missed while there was no connection, and comes from the pipe's log: before
//! everything newer in that pipe, and once. An event of the pipe `host:gap` is the host's own and says what is missing for
//! good: its `name` is the pipe that it is about, and its `data` are the JSON object `{"pipe", "since", "until",
//! "recovered", "why"}`, with times in Unix seconds.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::{Error, Event, comet};

impl Event {
    /// A live event from nobody in particular, for tests of your plugin; set the other fields as you need them.
    #[must_use]
    pub fn new(pipe: impl Into<String>, name: impl Into<String>, data: impl Into<String>) -> Self {
        Self { pipe: pipe.into(), name: name.into(), data: data.into(), user_id: None, time: None, history: false }
    }

    /// The same event, sent by this user.
    #[must_use]
    pub fn from_user(mut self, user_id: u64) -> Self {
        self.user_id = Some(user_id);
        self
    }

    /// The payload as JSON, read into whatever it is to be.
    ///
    /// # Errors
    /// It is no JSON, or other JSON: the text says what and where.
    pub fn json<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Error> {
        serde_json::from_str(&self.data).map_err(|error| {
            format!("the data of `{}` in {} are not as expected: {error}", self.name, self.pipe).into()
        })
    }

    /// Sends a value as JSON to the pipe that the event came from.
    ///
    /// # Errors
    /// As [`comet::send_json`].
    pub fn reply_json(&self, event: &str, value: &impl Serialize) -> Result<(), comet::Error> {
        comet::send_json(&self.pipe, event, value)
    }

    /// What a person wrote.
    ///
    /// The server's JavaScript client sends each message as JSON, so that its plain text `hi` arrives as `"hi"`, quotes
    /// included; other clients send the bare text. This is `hi` for both. Anything else stays as it is, a JSON object
    /// for example.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        self.json_text().map_or(Cow::Borrowed(self.data.as_str()), Cow::Owned)
    }

    /// Sends a text to the pipe that the event came from, in the form that its sender uses (see [`Event::text`]):
    /// whoever writes JSON strings also reads them, and only in them does a JavaScript client keep the line breaks.
    ///
    /// # Errors
    /// As [`comet::send`]. Nobody can send to `msg` and to `host:gap`.
    pub fn reply(&self, event: &str, text: &str) -> Result<(), comet::Error> {
        comet::send(&self.pipe, event, &self.in_same_form(text))
    }

    fn in_same_form<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let json = self.json_text().and_then(|_| serde_json::to_string(text).ok());
        json.map_or(Cow::Borrowed(text), Cow::Owned)
    }

    fn json_text(&self) -> Option<String> {
        // Looked at first, so that most texts never see a parser.
        if self.data.trim_start().starts_with('"') { serde_json::from_str(&self.data).ok() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(data: &str) -> String {
        Event::new("web_chat", "msg", data).text().into_owned()
    }

    #[test]
    fn a_json_string_is_read() {
        assert_eq!(text(r#""hi""#), "hi");
        assert_eq!(text(r#""say \"hi\"\n\u043f\u0440\u0438\u0432\u0435\u0442 \ud83d\ude00""#), "say \"hi\"\nпривет 😀");
    }

    #[test]
    fn everything_else_stays_as_it_is() {
        for data in ["hi", "", "12", r#"{"text":"hi"}"#, r#""hi" she said"#, r#""hi"#, "it's"] {
            assert_eq!(text(data), data);
        }
    }
    #[test]
    fn an_answer_has_the_form_of_the_question() {
        let answer = |data| Event::new("web_chat", "msg", data).in_same_form("a\n\"b\"").into_owned();
        assert_eq!(answer("!last 5"), "a\n\"b\"");
        assert_eq!(answer(r#"{"text":"!last 5"}"#), "a\n\"b\"");
        assert_eq!(answer(r#""!last 5""#), r#""a\n\"b\"""#);
    }
}
