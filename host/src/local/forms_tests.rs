#![allow(clippy::unwrap_used, reason = "tests")]
use super::*;

const NOW: u64 = 1_795_478_221;

fn printed(compatible: bool, saying: &Saying<'_>) -> String {
    let mut out = Vec::new();
    print(&mut out, compatible, NOW, saying);
    String::from_utf8(out).unwrap().replace(&NOW.to_string(), "T")
}

/// PROTOCOL.md, section 3.
#[test]
fn every_kind_of_frame_is_printed_as_captured() {
    let uuid = "T2tttttttttttttttttttttttttttttt";
    for (saying, expected) in [
        (
            Saying::ServerInfo { authorized: false, hash: "" },
            r#"{"authorized":false,"data":"","event":"serverInfo","message_send_time":T,"pipe":"sys","server":"CppComet community 4.09 (AGPL license)"}"#,
        ),
        (
            Saying::Message { data: b"hello", event: b"evt", pipe: b"web_chat", user: 0 },
            r#"{"data":"hello","event":"evt","message_send_time":T,"pipe":"web_chat","user_id":0}"#,
        ),
        (
            Saying::Published { data: b"hello from ql", event: b"evq", pipe: b"web_chat" },
            r#"{"data":"hello from ql","event":"evq","message_send_time":T,"pipe":"web_chat"}"#,
        ),
        (Saying::Personal { data: b"hello 7", event: b"pev" }, r#"{"data":"hello 7","event":"pev","pipe":"msg"}"#),
        (
            Saying::Queued { data: b"queued 0", event: b"ev0", time: 1_000 },
            r#"{"data":"queued 0","event":"ev0","fromQueue":true,"message_send_time":1000,"pipe":"msg"}"#,
        ),
        (
            Saying::LogRow { data: b"plain", event: b"evt", pipe: b"web_log", user: 0, time: 1_000, marker: b"unseen" },
            r#"{"data":"plain","event":"evt","fromQueue":true,"message_send_time":1000,"pipe":"web_log","user_id":0}"#,
        ),
        (
            Saying::Sent { message: b"hello", count: 1, pipe: b"web_chat" },
            r#"{"data":{"message":"hello","number_messages":1},"event":"answer","message_send_time":T,"pipe":"_answer_to_web_chat"}"#,
        ),
        (
            Saying::Counted { count: 2, marker: b"marker0001" },
            r#"{"data":["user_in_pipe",2],"event":"user_in_pipe","marker":"marker0001","message_send_time":T,"pipe":"_answer_pipe_count"}"#,
        ),
        (
            Saying::Status { user: 7, seconds: 3 },
            r#"{"data":{"data":3,"last_online_time":3},"event":"user_status_7","message_send_time":T,"pipe":"_answer_user_status"}"#,
        ),
        (Saying::Presence { user: 7, online: true }, r#"{"data":"online","event":"online","pipe":"user_status_7"}"#),
        (
            Saying::Track { user: 0, uuid, pipe: b"track_room", joined: true },
            r#"{"data":{"user_id":0,"uuid":"T2tttttttttttttttttttttttttttttt"},"event":"subscription","message_send_time":T,"pipe":"track_room"}"#,
        ),
        (
            Saying::UserData { user: 7, data: b"some data", marker: b"marker0001" },
            r#"{"data":{"user_data":"some data","user_id":7},"event":"answer","marker":"marker0001","message_send_time":T,"pipe":"_answer"}"#,
        ),
        (
            Saying::Error(Complaint::ListedNameTooLong),
            r#"{"data":{"code":"403","error":"Channel name is too long"},"event":"error","message_send_time":T,"pipe":"sys"}"#,
        ),
    ] {
        assert_eq!(printed(false, &saying), expected);
    }
}

/// PROTOCOL.md, section 1.4.
#[test]
fn the_compatible_form_adds_two_keys_and_makes_data_a_string() {
    assert_eq!(
        printed(true, &Saying::Message { data: b"it's", event: b"evt", pipe: b"web_chat", user: 7 }),
        r#"{"api_data":"for major_version < 4","data":"it\\'s","event":"evt","event_name":"evt","message_send_time":T,"pipe":"web_chat","user_id":7}"#
    );
    assert_eq!(
        printed(true, &Saying::Sent { message: b"say \"x\"", count: 0, pipe: b"web_a" }),
        r#"{"api_data":"for major_version < 4","data":"{\"message\":\"say \\\\\\\"x\\\\\\\"\",\"number_messages\":0}","event":"answer","event_name":"answer","message_send_time":T,"pipe":"_answer_to_web_a"}"#
    );
}

/// The error of a missing fourth line is one of those that the bug always hits (PROTOCOL.md, section 2.3).
#[test]
fn the_error_about_auth_type_has_125_bytes() {
    let mut out = Vec::new();
    print(&mut out, false, NOW, &Saying::Error(Complaint::AuthType));
    assert_eq!(out.len(), 125);
}
