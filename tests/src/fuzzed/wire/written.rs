//! A server 4.09, as far as it writes what a reader has read (PROTOCOL.md, sections 2 to 5). Written from the protocol's
//! description and not from the reader.

use cometbot::comet::wire::{Event, Message, Seen, Subscriber};

/// "Seconds ago" of a user that is online: the server's clock.
const ONLINE: u64 = 1_795_478_154;

/// The escape for the database (section 4).
fn mysql(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
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

/// A JSON string (section 2.2). How it escapes is all the same to a reader; what it must not do is change the text.
fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn key<T: ToString>(name: &str, value: Option<T>) -> String {
    value.map(|value| format!(r#""{name}":{},"#, value.to_string())).unwrap_or_default()
}

fn frame(data: &str, event: &str, before_pipe: &str, pipe: &str, user_id: Option<u64>) -> String {
    let event = json(event);
    let user_id = user_id.map(|user_id| format!(r#","user_id":{user_id}"#)).unwrap_or_default();
    format!(r#"{{"data":{data},"event":{event},{before_pipe}"pipe":{}{user_id}}}"#, json(pipe))
}

/// An event that happens now. Only what a client sends is escaped for the database.
pub(super) fn live(event: &Event<'_>) -> String {
    let data = if event.user_id.is_some() { json(&mysql(&event.data)) } else { json(&event.data) };
    frame(&data, &event.name, &key("message_send_time", event.time), &event.pipe, event.user_id)
}

/// The same out of the server's memory.
pub(super) fn stored(event: &Event<'_>, marker: Option<&str>) -> String {
    let marker = key("marker", marker.map(json));
    let before_pipe = format!(r#""fromQueue":true,{marker}{}"#, key("message_send_time", event.time));
    frame(&json(&event.data), &event.name, &before_pipe, &event.pipe, event.user_id)
}

/// The frame in which a server says it; none where it cannot, or where that says something else.
pub(super) fn by_server(message: &Message<'_>) -> Option<String> {
    let answer = |data: &str, marker: &str| frame(data, "answer", &key("marker", Some(json(marker))), "_answer", None);
    Some(match message {
        Message::Event(event) if event.history => stored(event, None),
        // What nobody sent means something else in the server's own pipes.
        Message::Event(event) if event.user_id.is_none() && is_servers(&event.pipe) => return None,
        Message::Event(event) => live(event),
        Message::LogRow(row) => stored(&row.event, row.marker.as_deref()),
        Message::Answer { pipe, message, deliveries } => {
            let name = pipe.to_string();
            // The end of its name may be lost.
            if !pipe.is(&name) {
                return None;
            }
            let data = format!(r#"{{"message":{},"number_messages":{deliveries}}}"#, json(&mysql(message)));
            frame(&data, "answer", "", &format!("_answer_to_{name}"), None)
        }
        Message::Count { marker, count } => {
            let marker = key("marker", Some(json(marker)));
            frame(&format!(r#"["user_in_pipe",{count}]"#), "answer", &marker, "_answer_pipe_count", None)
        }
        Message::UserStatus { user_id, seen } => {
            let seconds = match seen {
                Seen::SecondsAgo(seconds) => *seconds,
                Seen::OnlineOrUnknown => ONLINE,
            };
            let data = format!(r#"{{"data":{seconds},"last_online_time":{seconds}}}"#);
            frame(&data, &format!("user_status_{user_id}"), "", "_answer_user_status", None)
        }
        Message::TrackUsers { marker, users } => {
            let user =
                |user: &Subscriber<'_>| format!("{{{}\"uuid\":{}}}", key("user_id", user.user_id), json(&user.uuid));
            let users: Vec<String> = users.iter().map(user).collect();
            answer(&format!("[{}]", users.join(",")), marker)
        }
        Message::UserData { marker, user_id, data } => {
            answer(&format!(r#"{{"user_data":{},"user_id":{user_id}}}"#, json(data)), marker)
        }
        Message::ServerInfo(_) | Message::Error(_) | Message::Unreadable(_) => return None,
    })
}

fn is_servers(pipe: &str) -> bool {
    pipe == "sys" || pipe.starts_with("_answer")
}

/// How many bytes of text a message has.
pub(super) fn text_bytes(message: &Message<'_>) -> usize {
    let of_event = |event: &Event<'_>| event.pipe.len() + event.name.len() + event.data.len();
    match message {
        Message::ServerInfo(info) => info.server.len(),
        Message::Event(event) => of_event(event),
        Message::LogRow(row) => of_event(&row.event) + row.marker.as_ref().map_or(0, |marker| marker.len()),
        Message::Answer { pipe, message, .. } => pipe.to_string().len() + message.len(),
        Message::Count { marker, .. } => marker.len(),
        Message::UserStatus { .. } => 0,
        Message::TrackUsers { marker, users } => marker.len() + users.iter().map(|user| user.uuid.len()).sum::<usize>(),
        Message::UserData { marker, data, .. } => marker.len() + data.len(),
        Message::Error(error) => error.text.len(),
        Message::Unreadable(unreadable) => unreadable.bytes(),
    }
}
