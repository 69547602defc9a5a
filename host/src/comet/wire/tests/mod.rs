//! Tests of the wire as a whole: captured frames, the hazards of PROTOCOL.md's checklist, and what any client could send
//! put through a model of the server.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod hazards;
mod model;
mod properties;
mod vectors;

use serde_json::{Value, json};

use super::{Event, Message, Reader, Seen, Standing, Subscriber};

const GREETING: &str = r#"{"authorized":false,"data":"","event":"serverInfo","message_send_time":1795478154,"pipe":"sys","server":"CppComet community 4.09 (AGPL license)"}"#;
const OLD_GREETING: &str = r#"{"data":"","pipe":"undefined","server":"CppComet 3.31","authorized":"false"}"#;

/// A reader that has read this first frame.
fn greeted(greeting: &str) -> Reader {
    let mut reader = Reader::new();
    reader.read(greeting, &mut |_| {});
    reader
}

/// What the reader makes of a frame, written down.
fn read(reader: &mut Reader, frame: &str) -> Vec<Value> {
    let mut messages = Vec::new();
    reader.read(frame, &mut |message| messages.push(written(&message)));
    messages
}

/// What a reader of a server 4.09 makes of a frame.
fn read_modern(frame: &str) -> Vec<Value> {
    read(&mut greeted(GREETING), frame)
}

/// What a reader of a server 3.31 makes of a frame.
fn read_old(frame: &str) -> Vec<Value> {
    read(&mut greeted(OLD_GREETING), frame)
}

fn event(event: &Event<'_>, kind: &str) -> Value {
    json!({
        "kind": kind, "pipe": event.pipe, "name": event.name, "data": event.data, "user_id": event.user_id,
        "time": event.time, "history": event.history,
    })
}

fn written(message: &Message<'_>) -> Value {
    match message {
        Message::ServerInfo(info) => {
            let authorized = info.standing == Standing::Authorized;
            json!({"kind": "server_info", "server": info.server, "authorized": authorized})
        }
        Message::Event(it) => event(it, "event"),
        Message::LogRow(row) => {
            let mut written = event(&row.event, "log_row");
            written["marker"] = json!(row.marker);
            written
        }
        Message::Answer { pipe, message, deliveries } => {
            let (name, cut) = (&pipe.text, pipe.cut);
            json!({"kind": "answer", "pipe": name, "cut": cut, "message": message, "deliveries": deliveries})
        }
        Message::Count { marker, count } => json!({"kind": "count", "marker": marker, "count": count}),
        Message::UserStatus { user_id, seen } => {
            let seconds_ago = match seen {
                Seen::SecondsAgo(seconds) => Some(seconds),
                Seen::OnlineOrUnknown => None,
            };
            json!({"kind": "user_status", "user_id": user_id, "seconds_ago": seconds_ago})
        }
        Message::TrackUsers { marker, users } => {
            let user = |user: &Subscriber<'_>| json!({"user_id": user.user_id, "uuid": user.uuid});
            json!({"kind": "track_users", "marker": marker, "users": users.iter().map(user).collect::<Vec<_>>()})
        }
        Message::UserData { marker, user_id, data } => {
            json!({"kind": "user_data", "marker": marker, "user_id": user_id, "data": data})
        }
        Message::Error(error) => json!({
            "kind": "error", "text": error.text, "code": error.code, "answers_a_send": error.answers_a_send,
            "about_subscription": error.about_subscription, "fatal": error.fatal,
        }),
        Message::Unreadable(_) => json!({"kind": "unreadable"}),
    }
}
