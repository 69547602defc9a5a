//! What any client could send, put through the model of the server, arrives to the byte; and no text is too strange.

use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Value, json};

use super::{
    super::{
        command,
        growth::{self, FRAME_MAX_BYTES, Grown},
    },
    GREETING, OLD_GREETING, greeted,
    model::{Sent, damaged},
    read, written,
};
use crate::comet::name::PipeName;
use crate::comet::name::USER_ID_MAX;

/// Any text but NUL, rich in what the server escapes and in what looks escaped.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-z ]{1,12}",
        3 => select(vec![
            "\\", "\"", "'", "\n", "\r", "\r\n", "\u{1a}", "\t", "\u{8}", "\u{1}", "\u{7f}", "\\n", "\\\\", "\\\"", "\\Z",
            "\\u0041", "}{", "{\"user_id\":1}", "A::7;", "я", "日", "😀", "\u{2028}", "\u{feff}",
        ]).prop_map(str::to_owned),
        1 => any::<String>().prop_map(|text| text.replace('\0', "")),
    ];
    vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn sent() -> impl Strategy<Value = Sent> {
    let pipe = ("web(auth)?_", "[A-Za-z0-9_-]{0,20}").prop_map(|(prefix, rest)| prefix + &rest);
    let user_id = prop_oneof![0_u64..10, 10_u64..1000, 0_u64..=USER_ID_MAX];
    let lengths = prop_oneof![Just(None), (118_usize..130).prop_map(Some)];
    (any::<bool>(), pipe, "[A-Za-z0-9_-]{0,12}", text(), user_id, 1_000_000_000_u64..2_000_000_000, lengths).prop_map(
        |(long_form, pipe, event, mut text, user_id, time, frame_bytes)| {
            let mut sent = Sent { long_form, pipe, event, text: String::new(), user_id, time };
            // Half of the messages are made to fit a length near those that the server damages.
            if let Some(bytes) = frame_bytes {
                while {
                    sent.text.clone_from(&text);
                    sent.live().len() > bytes
                } && text.pop().is_some()
                {}
                let missing = bytes.saturating_sub(sent.live().len());
                text.extend(std::iter::repeat_n('x', missing));
            }
            sent.text = text;
            sent
        },
    )
}

fn read_bytes(greeting: &str, pipes: &[&str], frame: &[u8]) -> Vec<Value> {
    let mut reader = greeted(greeting);
    reader.set_pipes(pipes.iter().map(|pipe| PipeName::new(pipe).unwrap()));
    let mut messages = Vec::new();
    reader.read_bytes(frame, &mut |message| messages.push(written(&message)));
    messages
}

/// The sender's number may be unknown only where the server destroyed it, and must never be another.
fn user_id_of(sent: &Sent, frame: &str) -> Value {
    if matches!(frame.len(), 124 | 125) { Value::Null } else { json!(sent.user_id) }
}

fn event_of(sent: &Sent, kind: &str, user_id: Value, history: bool) -> Value {
    json!({
        "kind": kind, "pipe": sent.pipe, "name": sent.event, "data": sent.text, "user_id": user_id, "time": sent.time,
        "history": history,
    })
}

/// A failure worth keeping becomes a test with a name, not a line in a file of seeds.
fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases(1_500))]

    /// Hazards 13, 16 and 17.
    #[test]
    fn a_client_s_message_arrives_to_the_byte(sent in sent()) {
        let frame = sent.live();
        let wanted = event_of(&sent, "event", user_id_of(&sent, &frame), false);
        prop_assert_eq!(read_bytes(GREETING, &[], &damaged(&frame)), vec![wanted]);
    }

    #[test]
    fn a_log_row_arrives_to_the_byte(sent in sent()) {
        let frame = sent.row();
        let mut wanted = event_of(&sent, "log_row", user_id_of(&sent, &frame), true);
        wanted["marker"] = Value::Null;
        prop_assert_eq!(read_bytes(GREETING, &[], &damaged(&frame)), vec![wanted]);
    }

    #[test]
    fn a_message_of_the_database_side_arrives_as_it_is(sent in sent()) {
        let wanted = event_of(&sent, "event", Value::Null, false);
        prop_assert_eq!(read_bytes(GREETING, &[&sent.pipe, "web-other"], &damaged(&sent.by_database())), vec![wanted]);
    }

    #[test]
    fn an_answer_brings_the_sent_message_back(sent in sent(), deliveries in 0_u64..5000) {
        let frame = sent.answer(deliveries);
        let cut = frame.len() == 125;
        let pipe = if cut { &sent.pipe[..sent.pipe.len() - 1] } else { &sent.pipe };
        let wanted =
            json!({"kind": "answer", "pipe": pipe, "cut": cut, "message": sent.text, "deliveries": deliveries});
        prop_assert_eq!(read_bytes(GREETING, &[], &damaged(&frame)), vec![wanted]);
    }

    #[test]
    fn an_old_server_s_frames_arrive_to_the_byte(sent in sent(), deliveries in 0_u64..5000) {
        let mut live = event_of(&sent, "event", json!(sent.user_id), false);
        live["time"] = Value::Null;
        prop_assert_eq!(read_bytes(OLD_GREETING, &[], sent.old_live().as_bytes()), vec![live]);

        let mut row = event_of(&sent, "log_row", json!(sent.user_id), true);
        row["time"] = Value::Null;
        row["marker"] = json!("0123456789");
        prop_assert_eq!(read_bytes(OLD_GREETING, &[], sent.old_row().as_bytes()), vec![row]);

        let answer =
            json!({"kind": "answer", "pipe": sent.pipe, "cut": false, "message": sent.text, "deliveries": deliveries});
        prop_assert_eq!(read_bytes(OLD_GREETING, &[], sent.old_answer(deliveries).as_bytes()), vec![answer]);
    }

    /// Hazard 38: one frame may hold many.
    #[test]
    fn many_messages_in_a_frame_are_read_one_by_one(
        messages in vec((sent(), select(vec!["", "\n", "\r\n", "\n\n", " \r\n\r\n "])), 1..6),
    ) {
        let (mut frame, mut wanted) = (String::new(), Vec::new());
        for (sent, between) in &messages {
            frame.push_str(&sent.live());
            frame.push_str(between);
            wanted.push(event_of(sent, "event", json!(sent.user_id), false));
        }
        prop_assume!(!(123..=125).contains(&frame.len()));
        prop_assert_eq!(read_bytes(GREETING, &[], frame.as_bytes()), wanted);
    }

    /// Hazard 38: what is bad ends with its line.
    #[test]
    fn a_bad_line_spoils_no_other(before in sent(), after in sent(), bad in "[^\n{\0]{1,20}") {
        prop_assume!(!bad.trim_ascii().is_empty());
        let frame = format!("{}\n{bad}\r\n{}\n", before.live(), after.live());
        prop_assume!(!(123..=125).contains(&frame.len()));
        let wanted = vec![
            event_of(&before, "event", json!(before.user_id), false),
            json!({"kind": "unreadable"}),
            event_of(&after, "event", json!(after.user_id), false),
        ];
        prop_assert_eq!(read_bytes(GREETING, &[], frame.as_bytes()), wanted);
    }

    /// Hazard 39.
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in vec(any::<u8>(), 0..200)) {
        for greeting in [GREETING, OLD_GREETING] {
            read_bytes(greeting, &["web_a"], &bytes);
        }
    }

    /// Text that is nearly what a server sends: pieces of it in any order.
    #[test]
    fn no_pieces_of_frames_make_the_reader_panic(pieces in vec(select(vec![
        "{", "}", "[", "]", "\"", ":", ",", "\\", "\0", "\n", "null", "1", "-1", "1e999", "true", "\"data\":", "\"event\":",
        "\"event_name\":", "\"pipe\":", "\"user_id\":", "\"authorized\":", "\"error\":", "\"marker\":", "\"nodata\":true",
        "\"history\":true", "\"fromQueue\":true", "\"api_data\":1", "\"sys\"", "\"_answer\"", "\"_answer_to_web_a\"",
        "\"_answer_pipe_count\"", "\"_answer_user_status\"", "\"track_a\"", "\"subscription\"", "\"eyJhIjoxfQ==\"",
        "{\"number_messages\":", "\"message\":", "{\"users\":[", "\"\\u00", "\"\\ud800\"", "\"\\'\"",
    ]), 0..40)) {
        let frame = pieces.concat();
        for greeting in [GREETING, OLD_GREETING] {
            for message in read(&mut greeted(greeting), &frame) {
                prop_assert!(message["kind"].is_string());
            }
        }
    }

    /// Any frame of a server, cut or with one byte changed.
    #[test]
    fn no_damage_makes_the_reader_panic(sent in sent(), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
        for frame in [sent.live(), sent.row(), sent.answer(1), sent.old_live(), sent.old_answer(1), sent.old_row()] {
            let mut bytes = frame.into_bytes();
            let at = at.index(bytes.len());
            if cut { bytes.truncate(at) } else { bytes[at] = byte }
            for greeting in [GREETING, OLD_GREETING] {
                read_bytes(greeting, &["web_a"], &bytes);
            }
        }
    }

    /// Hazard 15: the measure is that of the longer form, with the most digits that its numbers can have.
    #[test]
    fn a_message_is_measured_as_the_server_makes_it(sent in sent()) {
        let worst = Sent { long_form: true, time: 10_000_000_000, user_id: USER_ID_MAX, ..sent };
        let grown = Grown::measure(&worst.text);
        prop_assert_eq!(growth::answer_bytes(&worst.pipe, grown), worst.answer(1_000_000_000).len());
        // 0x1A alone is longer in the log than live.
        let longer_than_live = r#""fromQueue":true,"#.len() + 3 * worst.text.matches('\u{1a}').count();
        prop_assert_eq!(growth::row_bytes(&worst.pipe, &worst.event, grown), worst.live().len() + longer_than_live);
        prop_assert!(worst.row().len() <= growth::row_bytes(&worst.pipe, &worst.event, grown));
        let short = Sent { long_form: false, ..worst.clone() };
        prop_assert!(short.answer(1_000_000_000).len() <= worst.answer(1_000_000_000).len());
    }
}

proptest! {
    #![proptest_config(cases(200))]

    /// Hazard 15: what is let through, the server can deliver in every form; what is refused, it might not.
    #[test]
    fn a_message_is_refused_only_when_a_frame_of_it_may_be_too_large(
        sent in sent(),
        piece in select(vec!["x", "\"", "\\", "'", "\n", "\t", "\u{1}", "\u{1a}", "я", "x\"", "xxxxxxxxxxxxxx\n"]),
        bytes in 5_000_usize..70_000,
        deliveries in 0_u64..1_000_000,
    ) {
        let mut sent = sent;
        sent.text = piece.repeat(bytes / piece.len());
        let mut out = b"before".to_vec();
        let taken = command::web_pipe2(&mut out, &sent.pipe, &sent.event, &sent.text);
        let largest = [true, false].map(|long_form| {
            let sent = Sent { long_form, ..sent.clone() };
            sent.answer(deliveries).len().max(sent.live().len()).max(sent.row().len())
        });
        let largest = largest[0].max(largest[1]);
        match taken {
            Ok(()) => {
                prop_assert!(largest <= FRAME_MAX_BYTES);
                prop_assert!(out.len() - b"before".len() <= FRAME_MAX_BYTES);
            }
            Err(command::Refusal::TooLarge { bytes }) => {
                prop_assert_eq!(&out, b"before");
                prop_assert!(bytes > FRAME_MAX_BYTES);
                // The digits to spare, and the mark of a row that is counted for every message.
                prop_assert!(bytes - largest <= 60, "{bytes} against {largest}");
            }
            Err(other) => prop_assert!(false, "{other}"),
        }
    }
}
