//! Whatever a client sends, nothing here may panic, hang or grow without bound.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;

use super::clock::Clock;
use super::commands::{self, Session};
use super::desk::Desk;
use super::forms::Voice;
use super::frames::Step;
use super::http;
use super::options::{Era, Faults, LogRule, Options};
use super::outbox::Outbox;
use super::pipes;
use super::reader::Reader;
use super::wire::{self, Tail};
use super::world::{Peer, World};

fn faults() -> impl Strategy<Value = Faults> {
    prop_oneof![Just(Faults::Faithful), Just(Faults::Forgiving)]
}

/// Commands that are nearly right, so that the parsers are reached.
fn command() -> impl Strategy<Value = Vec<u8>> {
    let keyword = prop_oneof![
        Just("subscription"),
        Just("user_status"),
        Just("pipe_count"),
        Just("web_pipe2"),
        Just("pipe_log"),
        Just("track_pipe_users"),
        Just("user_data"),
        Just("CometQL_call"),
        Just(""),
    ];
    let name = prop_oneof![Just("web_a"), Just("@web_a"), Just("track_a"), Just("private_x"), Just("7"), Just("")];
    let piece = prop_oneof![name.prop_map(|name| name.as_bytes().to_vec()), vec(any::<u8>(), 0..80)];
    let end = prop_oneof![Just(b"\n".to_vec()), Just(b"\r\n".to_vec()), Just(b"\0".to_vec()), Just(b" ".to_vec())];
    let lines = vec((end, piece), 0..7);
    (keyword, lines).prop_map(|(keyword, lines)| {
        let mut command = keyword.as_bytes().to_vec();
        for (end, piece) in lines {
            command.extend(end);
            command.extend(piece);
        }
        command
    })
}

proptest! {
    #[test]
    fn any_reads_are_taken(faults in faults(), reads in vec(vec(any::<u8>(), 1..300), 0..10)) {
        let mut reader = Reader::behind(b"", faults);
        'reads: for read in reads {
            reader.buffer().extend_from_slice(&read);
            if !reader.received(read.len()) {
                break;
            }
            loop {
                match reader.step() {
                    Step::Command(_) | Step::Reply(_) => {}
                    Step::Wait => break,
                    Step::Close => break 'reads,
                }
            }
        }
    }

    #[test]
    fn any_request_is_read(faults in faults(), text in vec(any::<u8>(), 0..300), old in any::<bool>()) {
        let era = if old { Era::V331 } else { Era::V409 };
        let with_beginning = [b"GET /ws/sesion=&myid=1&devid=&v=4.0", &text[..]].concat();
        for text in [&text[..], &with_beginning] {
            let _ = (http::is_whole(text, faults), http::route(text), http::key(text, faults));
            let _ = http::parameters(text, era, faults);
        }
    }

    #[test]
    fn any_commands_are_carried_out_and_printed_as_frames(
        faults in faults(), old in any::<bool>(), user in 0_u32..2, commands in vec(command(), 1..20),
    ) {
        let era = if old { Era::V331 } else { Era::V409 };
        let logs = vec![LogRule { pipes: "web_*".to_owned(), length: 3 }];
        let mut world = World::new(Options { faults, era, logs, ..Options::default() });
        let outbox = Outbox::new(usize::MAX);
        let (voice, uuid) = (Voice::of(era, 4), "u".to_owned());
        let peer = Arc::new(Peer { id: 1, dev: 0, user, voice, uuid, outbox: Arc::clone(&outbox) });
        let (mut desk, mut session) = (Desk::new(faults, Clock::default()), Session { peer, names: Vec::new() });
        pipes::enter(&mut world, &mut desk, &session.peer.clone());
        for command in commands {
            commands::run(&mut world, &mut desk, &mut session, &command);
        }
        pipes::leave(&mut world, &mut desk, &mut session);
        prop_assert_eq!(world.subscribers(0, b"web_a") + world.subscribers(0, b"track_a"), 0);
        prop_assert!(outbox.waiting() < 1 << 20);
    }

    /// 4.09 prints valid JSON for any valid text, and what a client undoes is what was sent.
    #[test]
    fn any_text_is_printed_as_json(text in any::<String>()) {
        let text = text.replace('\0', "");
        let mut out = b"\"".to_vec();
        super::escape::json(&mut out, text.as_bytes());
        out.push(b'"');
        prop_assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text.clone());
        let mut live = b"\"".to_vec();
        super::escape::live(&mut live, text.as_bytes());
        live.push(b'"');
        let mut escaped = Vec::new();
        super::escape::mysql(&mut escaped, text.as_bytes());
        prop_assert_eq!(serde_json::from_slice::<String>(&live).unwrap().into_bytes(), escaped);
    }

    #[test]
    fn any_payload_up_to_the_limit_has_a_true_length(length in 0_usize..70_000) {
        let mut out = Vec::new();
        wire::text(&mut out, &vec![b'x'; length], Tail::Spoilt);
        let head = if length > 125 { 4 } else { 2 };
        prop_assert_eq!(out.len(), if length > 65_535 { 0 } else { length + head });
    }
}
