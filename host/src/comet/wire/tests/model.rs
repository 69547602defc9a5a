//! A model of the server, written from PROTOCOL.md and not from the reader: what it makes of a message.

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// The escape for the database (section 4).
pub(super) fn mysql(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        match character {
            '\n' => escaped += "\\n",
            '\r' => escaped += "\\r",
            '\u{1a}' => escaped += "\\Z",
            '\\' | '\'' | '"' => escaped.extend(['\\', character]),
            other => escaped.push(other),
        }
    }
    escaped
}

/// A JSON string as the server prints it (section 2.2).
pub(super) fn json(text: &str) -> String {
    let mut printed = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => printed += "\\\"",
            '\\' => printed += "\\\\",
            '\u{8}' => printed += "\\b",
            '\u{c}' => printed += "\\f",
            '\n' => printed += "\\n",
            '\r' => printed += "\\r",
            '\t' => printed += "\\t",
            control if u32::from(control) < 32 => printed += &format!("\\u{:04x}", u32::from(control)),
            other => printed.push(other),
        }
    }
    printed + "\""
}

/// A message on its way, and the form that the receiver asked for: for clients below version 4 or not (section 1.4).
#[derive(Debug, Clone)]
pub(super) struct Sent {
    pub(super) long_form: bool,
    pub(super) pipe: String,
    pub(super) event: String,
    pub(super) text: String,
    pub(super) user_id: u64,
    pub(super) time: u64,
}

impl Sent {
    fn frame(&self, data: &str, event: &str, stored: bool, pipe: &str, user_id: Option<u64>) -> String {
        let mut frame = String::from("{");
        if self.long_form {
            frame += r#""api_data":"for major_version < 4","#;
        }
        frame += &format!(r#""data":{data},"event":{},"#, json(event));
        if self.long_form {
            frame += &format!(r#""event_name":{},"#, json(event));
        }
        if stored {
            frame += r#""fromQueue":true,"#;
        }
        frame += &format!(r#""message_send_time":{},"pipe":{}"#, self.time, json(pipe));
        if let Some(user_id) = user_id {
            frame += &format!(r#","user_id":{user_id}"#);
        }
        frame + "}"
    }

    /// What the listeners get.
    pub(super) fn live(&self) -> String {
        self.frame(&json(&mysql(&self.text)), &self.event, false, &self.pipe, Some(self.user_id))
    }

    /// The row in the pipe's log.
    pub(super) fn row(&self) -> String {
        self.frame(&json(&self.text), &self.event, true, &self.pipe, Some(self.user_id))
    }

    /// The same text written into the pipe by the database side.
    pub(super) fn by_database(&self) -> String {
        self.frame(&json(&self.text), &self.event, false, &self.pipe, None)
    }

    /// What the sender gets.
    pub(super) fn answer(&self, deliveries: u64) -> String {
        let data = format!(r#"{{"message":{},"number_messages":{deliveries}}}"#, json(&mysql(&self.text)));
        let data = if self.long_form { json(&data) } else { data };
        self.frame(&data, "answer", false, &format!("_answer_to_{}", self.pipe), None)
    }

    /// What the listeners of a server 3.31 get (section 10).
    pub(super) fn old_live(&self) -> String {
        let Self { pipe, event, user_id, .. } = self;
        let text = mysql(&self.text);
        format!(r#"{{"data":"{text}","pipe":"{pipe}","event_name":"{event}","user_id":{user_id}}}"#)
    }

    /// A log row of a server 3.31.
    pub(super) fn old_row(&self) -> String {
        let Self { pipe, event, user_id, .. } = self;
        let text = mysql(&self.text);
        format!(
            r#"{{"data":"{text}","pipe":"{pipe}","marker":"0123456789","history":true,"event_name":"{event}","user_id":{user_id}}}"#
        )
    }

    /// What the sender gets from a server 3.31.
    pub(super) fn old_answer(&self, deliveries: u64) -> String {
        let text = mysql(&self.text);
        let inner = format!(
            r#"{{"data":{{"number_messages":{deliveries},"message":"{text}","error":""}},"event_name":"answer"}}"#
        );
        format!(r#"{{"data":"{}","pipe":"_answer_to_{}","nodata":true}}"#, STANDARD.encode(inner), self.pipe)
    }
}

/// The damage of section 2.3.
pub(super) fn damaged(frame: &str) -> Vec<u8> {
    let mut bytes = frame.as_bytes().to_vec();
    if (123..=125).contains(&bytes.len()) {
        bytes[122..].fill(0);
    }
    bytes
}
