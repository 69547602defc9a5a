//! How a 3.31 prints what the server says (PROTOCOL.md, section 10): keys in the order in which they were thought of,
//! answers in base64, MySQL's escape taken for JSON's.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::complaint::Complaint;
use super::escape;
use super::forms::Saying;
use super::options::Era;

/// The name that 3.31 gives itself.
pub(super) const SERVER: &str = "CppComet 3.31";
/// The second frame of a refused request, which is no JSON.
pub(super) const FAREWELL: &[u8] = b"  Closed due to error. See last message.";
/// The text over which the marker of log rows is laid.
const MARKER: [u8; 10] = *b"MarkerName";

/// Whether the connection ends after this error.
pub(super) const fn closes(complaint: Complaint) -> bool {
    !matches!(complaint, Complaint::TooManyNames | Complaint::CountPrefix)
}

/// Appends the JSON text of `saying` as 3.31 prints it.
pub(super) fn print(out: &mut Vec<u8>, saying: &Saying<'_>) {
    match *saying {
        Saying::ServerInfo { authorized, hash } => {
            let rest = format!(r#""server":"{SERVER}","authorized":"{authorized}""#);
            frame(out, |out| out.extend_from_slice(hash.as_bytes()), b"undefined", rest.as_bytes());
        }
        Saying::Refused(refusal) => {
            let (code, text) = (refusal.code(), refusal.text(Era::V331));
            let whole = format!(r#"{{"error":"{code}","data":"{text}","event_name":"CometServerError"}}"#);
            out.extend_from_slice(whole.as_bytes());
        }
        Saying::Message { data, event, pipe, user } => {
            text(out, data, pipe, &[br#""event_name":""#, event, br#"","user_id":"#, user.to_string().as_bytes()]);
        }
        Saying::Published { data, event, pipe } => text(out, data, pipe, &[br#""event_name":""#, event, b"\""]),
        Saying::Personal { data, event } => {
            text(out, data, b"undefined", &[br#""event_name":""#, event, br#"","SendToUser":true"#]);
        }
        Saying::Queued { data, event, .. } => {
            text(out, data, b"undefined", &[br#""fromQueue":true,"event_name":""#, event, b"\""]);
        }
        Saying::LogRow { data, event, pipe, user, marker, .. } => {
            let (marker, user) = (laid_over(marker), user.to_string());
            let before = [br#""marker":""#, &marker[..], br#"","history":true,"event_name":""#].concat();
            text(out, data, pipe, &[&before, event, br#"","user_id":"#, user.as_bytes()]);
        }
        Saying::Sent { message, count, pipe } => {
            let mut inner = format!(r#"{{"data":{{"number_messages":{count},"message":""#).into_bytes();
            escape::mysql(&mut inner, message);
            inner.extend_from_slice(br#"","error":""},"event_name":"answer"}"#);
            encoded(out, &inner, &[b"_answer_to_", pipe].concat(), br#""nodata":true"#);
        }
        Saying::Counted { count, marker } => {
            let data = format!(r#"{{\"user_in_pipe\":\"{count}\"}}"#);
            let rest = [br#""marker":""#, &laid_over(marker)[..], br#"","event_name":"user_in_pipe""#].concat();
            frame(out, |out| out.extend_from_slice(data.as_bytes()), b"_answer_pipe_count", &rest);
        }
        Saying::Status { user, seconds } => {
            let inner = format!(r#"{{"data":"{seconds}","event_name":"user_status_{user}"}}"#);
            encoded(out, inner.as_bytes(), b"_answer_user_status", br#""nodata":true"#);
        }
        Saying::Presence { user, online } => {
            let event = if online { "online" } else { "offline" };
            let data = format!(r#"{{\"data\":\"{event}\",\"event_name\":\"{event}\"}}"#);
            let pipe = format!("user_status_{user}");
            frame(out, |out| out.extend_from_slice(data.as_bytes()), pipe.as_bytes(), br#""nodata":true"#);
        }
        Saying::Track { user, uuid, pipe, joined: true } => {
            let data = format!(r#"{{\"data\":{{\"user_id\":\"{user}\",\"uuid\":\"{uuid}\"}}}}"#);
            frame(out, |out| out.extend_from_slice(data.as_bytes()), pipe, br#""event_name":"subscription""#);
        }
        Saying::Track { user, uuid, pipe, joined: false } => {
            let rest = format!(r#""user_id":"{user}","uuid":"{uuid}","event_name":"unsubscription""#);
            frame(out, |out| out.extend_from_slice(br#"{\"data\":\"\"}"#), pipe, rest.as_bytes());
        }
        Saying::Tracked { users, pipe, marker } => {
            let person = |(user, uuid): &(u32, String)| format!(r#"{{"user_id":{user},"uuid":"{uuid}"}}"#);
            let people = users.iter().map(person).collect::<Vec<_>>().join(",");
            let inner = format!(r#"{{"event_name":"answer","data":{{"users":[{people}]}}}}"#);
            let rest = [br#""marker":""#, marker, b"\""].concat();
            encoded(out, inner.as_bytes(), &[b"_answer_to_", pipe].concat(), &rest);
        }
        // 3.31 does not know the command.
        Saying::UserData { .. } => {}
        Saying::Error(complaint) => encoded(out, error(complaint).as_bytes(), b"_answer", br#""nodata":true"#),
    }
}

fn error(complaint: Complaint) -> String {
    let text = match complaint {
        Complaint::AuthType => "Invalid value auth_type.",
        Complaint::CountPrefix => "[pipe_count] Invalid channel name. The channel should begin with web_",
        Complaint::TooManyNames => "Too many subscriptions",
        other => other.text(),
    };
    match complaint {
        Complaint::TooManyNames | Complaint::ListTooLong | Complaint::ListedNameTooLong => {
            format!(r#"{{"error":"{text}"}}"#)
        }
        Complaint::NameCharacters | Complaint::NameLength | Complaint::EventCharacters | Complaint::EventLength => {
            format!(r#"{{"data":{{"error":"{text}"}},"event_name":"answer"}}"#)
        }
        Complaint::TrackPrefix => {
            format!(r#"{{"data":{{"number_users":-1,"error":"{text}"}},"event_name":"answer"}}"#)
        }
        _ => format!(r#"{{"data":{{"number_messages":-1,"error":"{text}"}},"event_name":"answer"}}"#),
    }
}

fn laid_over(marker: &[u8]) -> [u8; 10] {
    let mut laid = MARKER;
    for (place, &byte) in laid.iter_mut().zip(marker) {
        *place = byte;
    }
    laid
}

fn text(out: &mut Vec<u8>, data: &[u8], pipe: &[u8], rest: &[&[u8]]) {
    frame(out, |out| escape::mysql(out, data), pipe, &rest.concat());
}

fn encoded(out: &mut Vec<u8>, inner: &[u8], pipe: &[u8], rest: &[u8]) {
    frame(out, |out| out.extend_from_slice(STANDARD.encode(inner).as_bytes()), pipe, rest);
}

fn frame(out: &mut Vec<u8>, data: impl FnOnce(&mut Vec<u8>), pipe: &[u8], rest: &[u8]) {
    out.extend_from_slice(br#"{"data":""#);
    data(out);
    for part in [br#"","pipe":""#, pipe, br#"","#, rest, b"}"] {
        out.extend_from_slice(part);
    }
}

#[cfg(test)]
#[path = "old_tests.rs"]
mod tests;
