//! What the server can say, and how 4.09 prints it (PROTOCOL.md, sections 1.2 and 3). [`super::old`] prints the same
//! for a 3.31.

use super::complaint::Complaint;
use super::escape;
use super::http::Refusal;
use super::options::Era;

/// The form in which one connection is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Voice {
    /// 4.09 to a client of `v` 4 and more.
    New,
    /// 4.09 to a client of `v` below 4: `event_name`, `api_data`, data always a string (PROTOCOL.md, section 1.4).
    Compatible,
    /// 3.31 to anybody.
    Old,
}

impl Voice {
    pub(super) const fn of(era: Era, major: u32) -> Self {
        match era {
            Era::V331 => Self::Old,
            Era::V409 if major < 4 => Self::Compatible,
            Era::V409 => Self::New,
        }
    }
}

/// Every kind of frame. Text is given as it is, not escaped.
#[derive(Debug, Clone, Copy)]
pub(super) enum Saying<'a> {
    /// The first frame.
    ServerInfo { authorized: bool, hash: &'a str },
    /// The only frame of a request that is refused. A 3.31 sends [`super::old::FAREWELL`] after it.
    Refused(Refusal),
    /// A client's message.
    Message { data: &'a [u8], event: &'a [u8], pipe: &'a [u8], user: u32 },
    /// A message that came from outside, by CometQL.
    Published { data: &'a [u8], event: &'a [u8], pipe: &'a [u8] },
    /// A personal message to somebody online.
    Personal { data: &'a [u8], event: &'a [u8] },
    /// A personal message that waited; `time` is that of its arrival.
    Queued { data: &'a [u8], event: &'a [u8], time: u64 },
    /// One row of a log; only 3.31 says the marker.
    LogRow { data: &'a [u8], event: &'a [u8], pipe: &'a [u8], user: u32, time: u64, marker: &'a [u8] },
    /// The answer to a send.
    Sent { message: &'a [u8], count: u64, pipe: &'a [u8] },
    /// The answer to `pipe_count`.
    Counted { count: u64, marker: &'a [u8] },
    /// The answer to `user_status`: seconds since the user was seen.
    Status { user: u64, seconds: u64 },
    /// A user came or went.
    Presence { user: u32, online: bool },
    /// A connection joined or left a `track_` pipe.
    Track { user: u32, uuid: &'a str, pipe: &'a [u8], joined: bool },
    /// The answer to `track_pipe_users`, newest first.
    Tracked { users: &'a [(u32, String)], pipe: &'a [u8], marker: &'a [u8] },
    /// The answer to `user_data`.
    UserData { user: i64, data: &'a [u8], marker: &'a [u8] },
    /// An error that follows a command.
    Error(Complaint),
}

/// The top-level keys of a frame except the data, in their printed order. Names need no escaping.
#[derive(Debug, Default)]
struct Keys<'a> {
    info: Option<&'static str>,
    authorized: Option<bool>,
    event: &'a [u8],
    event_number: Option<u64>,
    from_queue: bool,
    marker: Option<&'a [u8]>,
    time: Option<u64>,
    pipe_beginning: &'static str,
    pipe: &'a [u8],
    pipe_number: Option<u64>,
    server: Option<&'static str>,
    user: Option<u32>,
}

/// The name that 4.09 gives itself.
pub(super) const SERVER: &str = "CppComet community 4.09 (AGPL license)";

/// Appends the JSON text of `saying` as 4.09 prints it. `now` is the Unix time.
pub(super) fn print(out: &mut Vec<u8>, compatible: bool, now: u64, saying: &Saying<'_>) {
    let keys = keys(now, saying);
    out.push(b'{');
    if let Some(info) = keys.info {
        put(out, &[br#""_info":""#, info.as_bytes(), br#"","#]);
    }
    if compatible {
        out.extend_from_slice(br#""api_data":"for major_version < 4","#);
    }
    if let Some(authorized) = keys.authorized {
        put(out, &[br#""authorized":"#, if authorized { b"true" } else { b"false" }, b","]);
    }
    out.extend_from_slice(br#""data":"#);
    data(out, compatible, saying);
    out.extend_from_slice(br#","event":""#);
    event(out, &keys);
    out.push(b'"');
    if compatible {
        out.extend_from_slice(br#","event_name":""#);
        event(out, &keys);
        out.push(b'"');
    }
    if keys.from_queue {
        out.extend_from_slice(br#","fromQueue":true"#);
    }
    if let Some(marker) = keys.marker {
        out.extend_from_slice(br#","marker":""#);
        escape::json(out, marker);
        out.push(b'"');
    }
    if let Some(time) = keys.time {
        out.extend_from_slice(br#","message_send_time":"#);
        escape::number(out, time);
    }
    put(out, &[br#","pipe":""#, keys.pipe_beginning.as_bytes(), keys.pipe]);
    if let Some(number) = keys.pipe_number {
        escape::number(out, number);
    }
    out.push(b'"');
    if let Some(server) = keys.server {
        put(out, &[br#","server":""#, server.as_bytes(), b"\""]);
    }
    if let Some(user) = keys.user {
        out.extend_from_slice(br#","user_id":"#);
        escape::number(out, user.into());
    }
    out.push(b'}');
}

fn put(out: &mut Vec<u8>, parts: &[&[u8]]) {
    for part in parts {
        out.extend_from_slice(part);
    }
}

fn event(out: &mut Vec<u8>, keys: &Keys<'_>) {
    out.extend_from_slice(keys.event);
    if let Some(number) = keys.event_number {
        escape::number(out, number);
    }
}

fn keys<'a>(now: u64, saying: &Saying<'a>) -> Keys<'a> {
    let base = Keys { time: Some(now), ..Keys::default() };
    match *saying {
        Saying::ServerInfo { authorized, .. } => {
            Keys { authorized: Some(authorized), event: b"serverInfo", pipe: b"sys", server: Some(SERVER), ..base }
        }
        Saying::Refused(_) | Saying::Error(_) => Keys { event: b"error", pipe: b"sys", ..base },
        Saying::Message { event, pipe, user, .. } => Keys { event, pipe, user: Some(user), ..base },
        Saying::Published { event, pipe, .. } => Keys { event, pipe, ..base },
        Saying::Personal { event, .. } => Keys { event, pipe: b"msg", ..Keys::default() },
        Saying::Queued { event, time, .. } => Keys { event, pipe: b"msg", from_queue: true, time: Some(time), ..base },
        Saying::LogRow { event, pipe, user, time, .. } => {
            Keys { event, pipe, user: Some(user), from_queue: true, time: Some(time), ..base }
        }
        Saying::Sent { pipe, .. } => Keys { event: b"answer", pipe_beginning: "_answer_to_", pipe, ..base },
        Saying::Counted { marker, .. } => {
            Keys { event: b"user_in_pipe", marker: Some(marker), pipe: b"_answer_pipe_count", ..base }
        }
        Saying::Status { user, .. } => {
            Keys { event: b"user_status_", event_number: Some(user), pipe: b"_answer_user_status", ..base }
        }
        Saying::Presence { user, online } => Keys {
            event: if online { b"online" } else { b"offline" },
            pipe: b"user_status_",
            pipe_number: Some(user.into()),
            ..Keys::default()
        },
        Saying::Track { pipe, joined, .. } => {
            Keys { event: if joined { b"subscription" } else { b"unsubscription" }, pipe, ..base }
        }
        Saying::Tracked { marker, .. } => Keys {
            info: Some("answer for track_pipe_users"),
            event: b"answer",
            marker: Some(marker),
            pipe: b"_answer",
            ..base
        },
        Saying::UserData { marker, .. } => Keys { event: b"answer", marker: Some(marker), pipe: b"_answer", ..base },
    }
}

fn data(out: &mut Vec<u8>, compatible: bool, saying: &Saying<'_>) {
    match *saying {
        Saying::ServerInfo { hash, .. } => put(out, &[b"\"", hash.as_bytes(), b"\""]),
        Saying::Message { data, .. } => string(out, data, escape::live),
        Saying::Published { data, .. }
        | Saying::Personal { data, .. }
        | Saying::Queued { data, .. }
        | Saying::LogRow { data, .. } => string(out, data, escape::json),
        Saying::Presence { online, .. } => {
            out.extend_from_slice(if online { br#""online""# } else { br#""offline""# });
        }
        // An object or array: the compatible form has it as a string that holds JSON.
        _ if compatible => {
            let mut value = Vec::new();
            compound(&mut value, saying);
            string(out, &value, escape::json);
        }
        _ => compound(out, saying),
    }
}

fn string(out: &mut Vec<u8>, text: &[u8], escape: fn(&mut Vec<u8>, &[u8])) {
    out.push(b'"');
    escape(out, text);
    out.push(b'"');
}

fn compound(out: &mut Vec<u8>, saying: &Saying<'_>) {
    match *saying {
        Saying::Sent { message, count, .. } => {
            out.extend_from_slice(br#"{"message":"#);
            string(out, message, escape::live);
            out.extend_from_slice(br#","number_messages":"#);
            escape::number(out, count);
            out.push(b'}');
        }
        Saying::Counted { count, .. } => {
            out.extend_from_slice(br#"["user_in_pipe","#);
            escape::number(out, count);
            out.push(b']');
        }
        Saying::Status { seconds, .. } => {
            out.extend_from_slice(br#"{"data":"#);
            escape::number(out, seconds);
            out.extend_from_slice(br#","last_online_time":"#);
            escape::number(out, seconds);
            out.push(b'}');
        }
        Saying::Track { user, uuid, .. } => person(out, user, uuid),
        Saying::Tracked { users, .. } => {
            out.push(b'[');
            for (index, (user, uuid)) in users.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                person(out, *user, uuid);
            }
            out.push(b']');
        }
        Saying::UserData { user, data, .. } => {
            out.extend_from_slice(br#"{"user_data":"#);
            string(out, data, escape::json);
            put(out, &[br#","user_id":"#, user.to_string().as_bytes(), b"}"]);
        }
        Saying::Refused(refusal) => {
            out.extend_from_slice(br#"{"error":"#);
            string(out, refusal.text(Era::V409).as_bytes(), escape::json);
            out.extend_from_slice(br#","error_code":"#);
            escape::number(out, refusal.code().into());
            out.extend_from_slice(br#","info":"Closed due to error. See last message."}"#);
        }
        Saying::Error(complaint) => {
            let (before, after) = complaint.frame();
            put(out, &[before.as_bytes(), complaint.text().as_bytes(), after.as_bytes()]);
        }
        _ => out.extend_from_slice(br#""""#),
    }
}

fn person(out: &mut Vec<u8>, user: u32, uuid: &str) {
    out.extend_from_slice(br#"{"user_id":"#);
    escape::number(out, user.into());
    out.extend_from_slice(br#","uuid":"#);
    string(out, uuid.as_bytes(), escape::json);
    out.push(b'}');
}

#[cfg(test)]
#[path = "forms_tests.rs"]
mod tests;
