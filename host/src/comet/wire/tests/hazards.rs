//! The checklist of PROTOCOL.md, section 12: what a client owes, as far as it is text. The number is the hazard's.

use serde_json::{Value, json};

use super::{
    super::{Era, Message, Reader, Refusal, Seen, command},
    GREETING, OLD_GREETING, greeted, read, read_modern, read_old,
};
use crate::comet::name::{EventName, Marker, NameError, PipeName};

fn pipe(name: &str) -> PipeName {
    PipeName::new(name).unwrap()
}

fn send(pipe: &str, event: &str, message: &str) -> Result<String, Refusal> {
    let mut out = b"kept".to_vec();
    let sent = command::web_pipe2(&mut out, pipe, event, message);
    let text = String::from_utf8(out).unwrap();
    let text = text.strip_prefix("kept").unwrap();
    assert!(sent.is_ok() || text.is_empty(), "a refusal leaves the buffer as it was");
    sent.map(|()| text.to_owned())
}

fn marker() -> Marker {
    Marker::read("0123456789").unwrap()
}

/// 4. The connection stays open, so the reader must tell.
#[test]
fn a_refused_login_is_told() {
    let frame = GREETING.replace("\"authorized\":false", "\"authorized\":true");
    assert_eq!(read(&mut Reader::new(), &frame)[0]["authorized"], true);
    assert_eq!(read(&mut Reader::new(), GREETING)[0]["authorized"], false);
    assert_eq!(read(&mut Reader::new(), &OLD_GREETING.replace("\"false\"", "\"true\""))[0]["authorized"], true);
}

/// 6. Only what stands in place of the first frame says that we must not come back at once.
#[test]
fn a_refusal_to_connect_is_fatal_and_nothing_else_is() {
    for code in [401, 406, 418, 423] {
        let frame = format!(r#"{{"data":{{"error":"x","error_code":{code},"info":""}},"event":"error","pipe":"sys"}}"#);
        let error = read(&mut Reader::new(), &frame).remove(0);
        assert_eq!((&error["fatal"], &error["code"]), (&json!(true), &json!(code)));
        assert_eq!(read_modern(&frame)[0]["fatal"], false, "after the first frame");
    }
    let frame = r#"{"data":{"error":"x","error_code":500},"event":"error","pipe":"sys"}"#;
    assert_eq!(read(&mut Reader::new(), frame)[0]["fatal"], false);
}

/// 7. The string of JSON is read like the object.
#[test]
fn the_form_for_clients_below_4_says_the_same() {
    let object = r#"{"data":{"message":"x","number_messages":0},"event":"answer","pipe":"_answer_to_web_a"}"#;
    let string = r#"{"api_data":"for major_version < 4","data":"{\"message\":\"x\",\"number_messages\":0}","event":"answer","event_name":"answer","pipe":"_answer_to_web_a"}"#;
    assert_eq!(read_modern(object), read_modern(string));
    assert_eq!(read_modern(object)[0]["kind"], "answer");
}

/// 11 and 12. Every command is a known keyword with its line feed, and none is empty.
#[test]
fn commands_are_written_as_the_server_reads_them() {
    let room = pipe("track_room");
    assert_eq!(command::subscription([&pipe("web_a"), &room]).unwrap(), "subscription\nweb_a\ntrack_room");
    assert_eq!(command::subscription([]).unwrap(), "subscription\n");
    assert_eq!(send("web_chat", "evt", "hello").unwrap(), "web_pipe2\nweb_chat\nevt\n*\nhello");
    assert_eq!(command::pipe_log(&pipe("any_pipe"), &marker()), "pipe_log\nany_pipe\n0123456789\n");
    assert_eq!(command::pipe_count(&pipe("web_x"), &marker()).unwrap(), "pipe_count\nweb_x\n0123456789\n");
    assert_eq!(command::pipe_count(&room, &marker()).unwrap(), "pipe_count\ntrack_room\n0123456789\n");
    assert_eq!(command::user_status(7).unwrap(), "user_status\n7");
    assert!(command::user_status(4_294_967_303).is_err(), "the server would answer for user 7");
    assert_eq!(command::track_pipe_users(&room, &marker()).unwrap(), "track_pipe_users\ntrack_room\n0123456789");
    assert_eq!(command::user_data(7, &marker()), "user_data\n0123456789\n7");
}

/// 13. A lost number is unknown, and the escaping is undone all the same.
#[test]
fn a_sender_whose_number_was_lost_is_unknown_and_never_another() {
    for (user_id, bytes, known) in [
        ("7", 123, true),
        ("42", 123, true),
        ("123", 123, true),
        ("7", 124, false),
        ("42", 124, false),
        ("123", 124, false),
        ("7", 125, false),
        ("42", 125, false),
        ("123", 125, false),
    ] {
        let end = format!(r#"","event":"evt","message_send_time":1795478221,"pipe":"web_chat","user_id":{user_id}}}"#);
        let begin = r#"{"data":"it\\'s "#;
        let whole = format!("{begin}{}{end}", "x".repeat(bytes - begin.len() - end.len()));
        let frame = format!("{}{}", &whole[..122], "\0".repeat(bytes - 122));
        let event = read_modern(&frame).remove(0);
        assert!(event["data"].as_str().unwrap().starts_with("it's x"), "{event}");
        assert_eq!(event["pipe"], "web_chat");
        let wanted = if known { json!(user_id.parse::<u64>().unwrap()) } else { Value::Null };
        assert_eq!(event["user_id"], wanted, "{user_id} in {bytes} bytes");
    }
}

/// 13. The head of the queue of open sends says which pipe it was.
#[test]
fn an_answer_whose_pipe_was_cut_fits_only_what_it_can_be() {
    let frame = "{\"data\":{\"message\":\"hello\",\"number_messages\":1},\"event\":\"answer\",\"message_send_time\":1795478221,\"pipe\":\"_answer_to_web_cha\0\0\0";
    let mut told = 0;
    greeted(GREETING).read(frame, &mut |message| {
        let Message::Answer { pipe, .. } = message else { panic!("{message:?}") };
        assert!(pipe.is("web_chat") && pipe.is("@web_chat") && pipe.is("web_char"));
        assert!(!pipe.is("web_cha") && !pipe.is("web_chats") && !pipe.is("web_bhat"));
        told += 1;
    });
    let whole = r#"{"data":{"message":"x","number_messages":1},"event":"answer","pipe":"_answer_to_web_cha"}"#;
    greeted(GREETING).read(whole, &mut |message| {
        let Message::Answer { pipe, .. } = message else { panic!("{message:?}") };
        assert!(pipe.is("web_cha") && pipe.is("@web_cha") && !pipe.is("web_chat"));
        told += 1;
    });
    assert_eq!(told, 2);
}

/// 15. The server would cut the sender off, after delivery.
#[test]
fn a_message_that_the_server_cannot_answer_is_refused() {
    assert!(send("web_chat", "evt", &"x".repeat(65_000)).is_ok());
    assert!(matches!(send("web_chat", "evt", &"x".repeat(65_416)), Err(Refusal::TooLarge { bytes }) if bytes > 65_535));
    assert!(send("web_chat", "evt", &"\"".repeat(8_000)).is_ok());
    assert!(matches!(send("web_chat", "evt", &"\"".repeat(32_000)), Err(Refusal::TooLarge { .. })));
    assert!(send("web_chat", "evt", &"я".repeat(32_500)).is_ok());
    assert!(matches!(send("web_chat", "evt", &"я".repeat(32_800)), Err(Refusal::TooLarge { .. })));
}

/// 16 and 17. Escaping is undone by the rule, never by looks.
#[test]
fn text_that_looks_escaped_comes_back_as_it_was_typed() {
    let live = r#"{"data":"\\\\\\\"x\\\\\\\"","event":"e","pipe":"web_a","user_id":0}"#;
    assert_eq!(read_modern(live)[0]["data"], r#"\"x\""#);
    let typed = r#"{"data":"\\\\n","event":"e","pipe":"web_a","user_id":0}"#;
    assert_eq!(read_modern(typed)[0]["data"], r"\n");
    let database = r#"{"data":"\\\"x\\\"","event":"e","pipe":"web_a"}"#;
    assert_eq!(read_modern(database)[0]["data"], r#"\"x\""#);
    let all = r#"{"data":"a\\\"b\\\\c\\'d\\n\\r\\Z","event":"e","pipe":"web_a","user_id":0}"#;
    assert_eq!(read_modern(all)[0]["data"], "a\"b\\c'd\n\r\u{1a}");
}

/// 16. Only strings were escaped: JSON text keeps its backslashes.
#[test]
fn structured_data_of_a_sender_is_not_unescaped() {
    let frame = r#"{"data":{"a":"b\nc"},"event":"e","pipe":"web_a","user_id":1}"#;
    assert_eq!(read_modern(frame)[0]["data"], r#"{"a":"b\nc"}"#);
}

/// 38. The newer name counts, wherever it stands.
#[test]
fn of_two_event_names_the_newer_key_counts() {
    for frame in [
        r#"{"data":"x","event":"new","event_name":"old","pipe":"web_a"}"#,
        r#"{"data":"x","event_name":"old","event":"new","pipe":"web_a"}"#,
    ] {
        assert_eq!(read_modern(frame)[0]["name"], "new", "{frame}");
    }
}

/// 18. The server would cut the message there. (19, bad UTF-8, cannot be written with these types.)
#[test]
fn a_nul_in_a_message_is_refused() {
    assert_eq!(send("web_a", "e", "a\0b"), Err(Refusal::Nul));
    assert_eq!(send("web_a", "e", "\0"), Err(Refusal::Nul));
}

/// 20. One error for each bad send, in three forms, each of which answers the send. We would not send them.
#[test]
fn each_error_of_a_send_says_that_it_answers_a_send() {
    for text in [
        "[pipe_msg2] Invalid channel name. The channel should begin with web_",
        "[webauth_pipe_msg2] Invalid user auth. In to channel with name like webauth_* can not send messages anonim users",
        "The channel name can only contain characters A-Za-z0-9_-",
        "Invalid pipe name length",
        "Invalid value auth_type",
    ] {
        let frame =
            json!({"data": {"error": text, "number_messages": -1}, "event": "error", "pipe": "sys"}).to_string();
        assert_eq!(read_modern(&frame)[0]["answers_a_send"], true, "{text}");
    }
    for text in ["The event name can only contain characters A-Za-z0-9_-", "Invalid event name length"] {
        let frame = json!({"data": {"error": text}, "event": "error", "pipe": "sys"}).to_string();
        assert_eq!(read_modern(&frame)[0]["answers_a_send"], true, "{text}");
    }
    for (name, event) in [("chat", "e"), ("web_ch.at", "e"), ("web_чат", "e"), ("web_a", "ev.t"), ("web_a", "e\nv")]
    {
        assert!(send(name, event, "x").is_err(), "{name} {event}");
    }
}

/// 21. The second of a pair of errors is never taken for a send's; the names that cause them cannot be written.
#[test]
fn errors_of_questions_answer_no_send() {
    for text in [
        "[pipe_count] Invalid channel name. The channel should start with web_",
        "Invalid channel name.",
        "Invalid marker value.",
        "Invalid pipe name.",
    ] {
        let frame =
            json!({"data": {"error": text, "number_messages": -1}, "event": "error", "pipe": "sys"}).to_string();
        assert_eq!(read_modern(&frame)[0]["answers_a_send"], false, "{text}");
    }
    for name in ["web_x.y", "web_x y", "web_x\n", "web_x\r", "web_чат", ""] {
        assert!(PipeName::new(name).is_err(), "{name:?}");
    }
    assert_eq!(command::pipe_count(&pipe("webauth_x"), &marker()), Err(Refusal::NotCountable("webauth_x".to_owned())));
    assert_eq!(command::track_pipe_users(&pipe("web_x"), &marker()), Err(Refusal::NotTracked("web_x".to_owned())));
}

/// 22. Legal, though the log will call it `undefined`.
#[test]
fn an_event_may_be_empty() {
    assert_eq!(send("web_a", "", "x").unwrap(), "web_pipe2\nweb_a\n\n*\nx");
    assert_eq!(send("web_a", "", "").unwrap(), "web_pipe2\nweb_a\n\n*\n");
    let frame = r#"{"data":"","event":"","message_send_time":1,"pipe":"web_chat","user_id":0}"#;
    assert_eq!(read_modern(frame)[0]["name"], "");
}

/// 24. No receivers is no failure.
#[test]
fn an_answer_with_0_deliveries_is_an_answer() {
    let frame = r#"{"data":{"message":"x","number_messages":0},"event":"answer","pipe":"_answer_to_web_a"}"#;
    assert_eq!(
        read_modern(frame),
        [json!({"kind": "answer", "pipe": "web_a", "cut": false, "message": "x", "deliveries": 0})]
    );
}

/// 26. A list that the server would stop reading half-way cannot be written.
#[test]
fn no_name_ends_a_subscription_early() {
    for name in ["x", "", "web_a\r", "web_чат", "web_a.evt", "web_a,web_b"] {
        assert!(PipeName::new(name).is_err(), "{name:?}");
    }
}

/// 27. The 33rd name would be left out, and a longer name would close the connection.
#[test]
fn too_many_or_too_long_names_are_refused() {
    let names: Vec<PipeName> = (0..33).map(|n| pipe(&format!("web_{n:02}{}", "n".repeat(58)))).collect();
    let list = command::subscription(&names[..32]).unwrap();
    assert_eq!(list.len(), "subscription\n".len() + 32 * 64 + 31);
    assert_eq!(command::subscription(&names), Err(Refusal::TooManyPipes(33)));
    assert_eq!(PipeName::new(&"n".repeat(65)), Err(NameError::TooLong { what: "pipe", bytes: 65 }));
}

/// 29. It would be delivered twice.
#[test]
fn a_name_given_twice_is_subscribed_once() {
    let names = [pipe("web_a"), pipe("web_b"), pipe("web_a")];
    assert_eq!(command::subscription(&names).unwrap(), "subscription\nweb_a\nweb_b");
    let many = vec![pipe("web_a"); 40];
    assert_eq!(command::subscription(&many).unwrap(), "subscription\nweb_a");
}

/// 28. An anonymous client leaves these out itself.
#[test]
fn a_private_name_says_that_it_needs_a_login() {
    assert!(pipe("private_x").needs_login());
    assert!(!pipe("web_private_x").needs_login());
}

/// 31. A live message between rows is no row, and the marker of the fence comes back.
#[test]
fn rows_live_messages_and_the_fence_are_told_apart() {
    let frame = concat!(
        r#"{"data":"old","event":"e","fromQueue":true,"message_send_time":1,"pipe":"web_a","user_id":0}"#,
        r#"{"data":"new","event":"e","message_send_time":2,"pipe":"web_a","user_id":0}"#,
        r#"{"data":["user_in_pipe",1],"event":"user_in_pipe","marker":"0123456789","message_send_time":2,"pipe":"_answer_pipe_count"}"#,
    );
    let kinds: Vec<Value> = read_modern(frame).iter().map(|message| message["kind"].clone()).collect();
    assert_eq!(kinds, ["log_row", "event", "count"]);
}

/// 33. Messages from the queue come right behind the first frame.
#[test]
fn a_queued_personal_message_is_an_event() {
    let queued = r#"{"data":"q","event":"ev","fromQueue":true,"message_send_time":5,"pipe":"msg"}"#;
    assert_eq!(
        read_modern(queued),
        [
            json!({"kind": "event", "pipe": "msg", "name": "ev", "data": "q", "user_id": null, "time": 5, "history": true})
        ]
    );
}

/// 38. Each old form is read after an old first frame, and only then.
#[test]
fn old_forms_are_read_only_from_old_servers() {
    let apostrophe = r#"{"data":"it\'s \\ back\nnl","pipe":"web_chat","event_name":"evt","user_id":0}"#;
    assert_eq!(read_old(apostrophe)[0]["data"], "it's \\ back\nnl");

    let base64 = r#"{"data":"eyJkYXRhIjoieCIsImV2ZW50X25hbWUiOiJlIn0=","pipe":"web_a","nodata":true}"#;
    assert_eq!((&read_old(base64)[0]["data"], &read_old(base64)[0]["name"]), (&json!("x"), &json!("e")));
    assert_eq!(read_modern(base64)[0]["data"], "eyJkYXRhIjoieCIsImV2ZW50X25hbWUiOiJlIn0=");

    let first_protocol = r#"{"data":"A::7;hi","pipe":"web_a","nodata":true}"#;
    assert_eq!(
        (&read_old(first_protocol)[0]["data"], &read_old(first_protocol)[0]["user_id"]),
        (&json!("hi"), &json!(7))
    );
    assert_eq!(read_modern(first_protocol)[0]["data"], "A::7;hi");
    let typed = r#"{"data":"A::7;hi","pipe":"web_a","event_name":"e","user_id":0}"#;
    assert_eq!((&read_old(typed)[0]["data"], &read_old(typed)[0]["user_id"]), (&json!("A::7;hi"), &json!(0)));
}

/// 38. Only the first frame says how old a server is.
#[test]
fn the_first_frame_decides_the_rules() {
    let mut reader = Reader::new();
    assert!(reader.peer().is_none());
    for (server, version, era) in [
        ("CppComet community 4.09 (AGPL license)", Some("4.09"), Era::Modern),
        ("CppComet 3.31", Some("3.31"), Era::Old),
        ("CppComet 10.0", Some("10.0"), Era::Modern),
        ("somebody else", None, Era::Modern),
        ("", None, Era::Modern),
    ] {
        let mut reader = Reader::new();
        read(&mut reader, &json!({"authorized": false, "server": server}).to_string());
        let peer = reader.peer().unwrap();
        assert_eq!((peer.version.as_deref(), peer.era), (version, era), "{server}");
    }
    read(&mut reader, r#"{"authorized":"true","server":"unnamed"}"#);
    assert_eq!(reader.peer().unwrap().era, Era::Old, "truth as a string is old");
    read(&mut reader, GREETING);
    assert_eq!(reader.peer().unwrap().era, Era::Old, "the first one counts");
}

/// 38. The order of section 10: strict, loose, and only then line by line.
#[test]
fn a_frame_with_a_raw_line_feed_in_a_string_is_not_torn() {
    let refused = "{\"error\":\"418\",\"data\":\"Error code 418(Invalid request Not assigned client api version)\n\",\"event_name\":\"CometServerError\"}";
    let error = read(&mut Reader::new(), refused).remove(0);
    assert_eq!((&error["kind"], &error["code"], &error["fatal"]), (&json!("error"), &json!(418), &json!(true)));
    let closed = read(&mut Reader::new(), "  Closed due to error. See last message.");
    assert_eq!(closed, [json!({"kind": "unreadable"})]);
    let both = format!("{refused}\r\n  Closed due to error.\r\n");
    assert_eq!(read(&mut Reader::new(), &both).len(), 2);
}

/// 38. Blank lines, CRLF, and no line at all between two.
#[test]
fn blank_lines_say_nothing() {
    for frame in ["", "\n", "\r\n\r\n", "   \t "] {
        assert_eq!(read_modern(frame), [] as [Value; 0], "{frame:?}");
    }
    let one = r#"{"data":"x","event":"e","pipe":"web_a"}"#;
    for between in ["", "\n", "\r\n", "\r\n\r\n"] {
        assert_eq!(read_modern(&format!("\r\n{one}{between}{one}{between}")).len(), 2, "{between:?}");
    }
}

/// 39. Foreign text is reported, and the rest of its frame is read.
#[test]
fn foreign_text_is_reported_and_the_rest_is_read() {
    for frame in [r#"{"data":1}"#, "null", "[]", "12", "\"x\"", "not JSON", "{", "{\"data\":", "{}", "{]", "\u{feff}{}"]
    {
        assert_eq!(read_modern(frame), [json!({"kind": "unreadable"})], "{frame}");
    }
    let good = r#"{"data":"x","event":"e","pipe":"web_a"}"#;
    let kinds: Vec<Value> =
        read_modern(&format!("{good}\n{{\"broken\n{good}\n[]\n{good}")).iter().map(|it| it["kind"].clone()).collect();
    assert_eq!(kinds, ["event", "unreadable", "event", "unreadable", "event"]);
    for pipe in ["5", "null", "[\"web_a\"]", "{}"] {
        let frame = format!(r#"{{"data":"x","event":"e","pipe":{pipe}}}"#);
        assert_eq!(read_modern(&frame), [json!({"kind": "unreadable"})], "{frame}");
    }
}

/// 39. Large and deep text costs time in proportion, and no stack.
#[test]
fn ten_megabytes_of_anything_are_survived() {
    for piece in ["{", "[", "{\"a\":", "{\"a\":[\n", "\"", "x\n", "{}\n", "{\"a\":1,\n", "{\"data\":\"\\'\"}\n", "\\"] {
        let frame = piece.repeat(10_000_000 / piece.len());
        let mut messages = 0_u64;
        greeted(GREETING).read(&frame, &mut |_| messages += 1);
        assert!(messages > 0, "{piece}");
    }
}

/// 39. What is shown of it is short, on one line, and never a session hash.
#[test]
fn an_unreadable_text_is_shown_briefly_and_without_secrets() {
    let shown = |frame: &str| {
        let mut shown = String::new();
        greeted(GREETING).read(frame, &mut |message| {
            let Message::Unreadable(unreadable) = message else { panic!("{message:?}") };
            shown = unreadable.to_string();
        });
        shown
    };
    assert_eq!(shown("\u{1b}[2Jx\ty"), "not JSON (7 bytes): \\u{1b}[2Jx\\ty");
    assert!(shown(&"я".repeat(100_000)).len() < 300);
    let secret = shown(r#"{"authorized":true,"data":"0123456789abcdef0123456789abcdef","event":"#);
    assert!(!secret.contains("0123456789abcdef"), "{secret}");
}

/// 40. A forged frame confirms nothing, refuses nothing and ends nothing.
#[test]
fn forged_frames_of_the_server_are_harmless() {
    let error = r#"{"data":"text","event":"error","message_send_time":1,"pipe":"sys"}"#;
    let error = read_modern(error).remove(0);
    assert_eq!(error["kind"], "error");
    assert_eq!(
        (&error["answers_a_send"], &error["fatal"], &error["text"]),
        (&json!(false), &json!(false), &json!("text"))
    );

    let json_text = r#"{"data":"{\"error\":\"Invalid value auth_type\",\"number_messages\":-1,\"error_code\":418}","event":"error","message_send_time":1,"pipe":"sys"}"#;
    let error = read_modern(json_text).remove(0);
    assert_eq!((&error["answers_a_send"], &error["fatal"]), (&json!(false), &json!(false)));

    for frame in [
        r#"{"data":"text","event":"answer","message_send_time":1,"pipe":"_answer_to_web_a"}"#,
        r#"{"data":"{\"message\":\"x\",\"number_messages\":1}","event":"answer","message_send_time":1,"pipe":"_answer_to_web_a"}"#,
        r#"{"data":"[\"user_in_pipe\",1]","event":"user_in_pipe","message_send_time":1,"pipe":"_answer_pipe_count"}"#,
        r#"{"data":"{\"data\":3}","event":"user_status_7","message_send_time":1,"pipe":"_answer_user_status"}"#,
        r#"{"data":"[]","event":"answer","message_send_time":1,"pipe":"_answer"}"#,
        r#"{"data":"text","event":"serverInfo","message_send_time":1,"pipe":"sys"}"#,
        r#"{"data":{"message":"x","number_messages":1},"event":"answer","pipe":"web_a","user_id":0}"#,
    ] {
        assert_eq!(read_modern(frame)[0]["kind"], "event", "{frame}");
    }
    for row in [
        r#"{"data":"x","event":"error","fromQueue":true,"message_send_time":1,"pipe":"sys","user_id":0}"#,
        r#"{"data":{"error":"x"},"event":"error","fromQueue":true,"message_send_time":1,"pipe":"sys"}"#,
        r#"{"data":{"message":"x","number_messages":1},"event":"answer","fromQueue":true,"pipe":"_answer_to_web_a"}"#,
    ] {
        assert_eq!(read_modern(row)[0]["kind"], "log_row", "{row}");
    }
}

/// 41. In a cluster the number is a string.
#[test]
fn a_tracked_user_s_number_may_be_a_string() {
    let frame = r#"{"data":[{"user_id":"7","uuid":"a"},{"user_id":7,"uuid":"b"},{"uuid":"c"}],"event":"answer","marker":"m","pipe":"_answer"}"#;
    assert_eq!(
        read_modern(frame)[0]["users"],
        json!([{"user_id": 7, "uuid": "a"}, {"user_id": 7, "uuid": "b"}, {"user_id": null, "uuid": "c"}])
    );
}

/// 42. The server's clock is no age.
#[test]
fn a_user_is_not_said_to_be_away_for_57_years() {
    for (seconds, wanted) in [(3, Seen::SecondsAgo(3)), (1_795_479_002, Seen::OnlineOrUnknown)] {
        let frame = format!(
            r#"{{"data":{{"data":{seconds},"last_online_time":{seconds}}},"event":"user_status_7","pipe":"_answer_user_status"}}"#
        );
        let mut told = None;
        greeted(GREETING).read(&frame, &mut |message| {
            let Message::UserStatus { user_id: 7, seen } = message else { panic!("{message:?}") };
            told = Some(seen);
        });
        assert_eq!(told, Some(wanted));
    }
}

/// 43. The shortest and the longest name.
#[test]
fn names_of_4_and_of_64_characters_are_legal() {
    assert!(send("web_", "e", "x").is_ok());
    let longest = format!("web_{}", "n".repeat(60));
    let event = "e".repeat(64);
    assert!(send(&longest, &event, "x").is_ok() && send(&format!("@{longest}"), &event, "x").is_ok());
    assert!(matches!(send(&format!("{longest}n"), "e", "x"), Err(Refusal::Name(NameError::TooLong { .. }))));
    assert!(matches!(send("web_a", &format!("{event}e"), "x"), Err(Refusal::Name(NameError::TooLong { .. }))));
    assert!(EventName::new(&event).is_ok());
}

/// Section 5: who may be sent to, and hidden how.
#[test]
fn only_the_pipes_of_clients_can_be_sent_to() {
    assert_eq!(send("@web_a", "e", "x").unwrap(), "web_pipe2\n@web_a\ne\n*\nx");
    assert!(send("webauth_a", "e", "x").is_ok());
    assert_eq!(send("@webauth_a", "e", "x"), Err(Refusal::HiddenSender("@webauth_a".to_owned())));
    for name in ["msg", "sys", "track_a", "user_status_7", "_answer_to_web_a", "Web_a", "webauth", "web"] {
        assert_eq!(send(name, "e", "x"), Err(Refusal::NotSendable(name.to_owned())));
    }
    for name in ["@@web_a", "@", "", "w", "web_a\nevil", "web_a ", " web_a"] {
        assert!(matches!(send(name, "e", "x"), Err(Refusal::Name(_))), "{name:?}");
    }
}

/// Section 5: everything behind the fourth line feed is the message.
#[test]
fn a_message_keeps_its_line_feeds() {
    assert_eq!(send("web_a", "e", "\n\r\nx\n").unwrap(), "web_pipe2\nweb_a\ne\n*\n\n\r\nx\n");
}
