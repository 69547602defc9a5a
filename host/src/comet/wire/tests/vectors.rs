//! The frames in `vectors/`, each with what it must be read as.
//!
//! A line `! new` begins a connection, `! pipes a b` says what is subscribed, `< ` is a frame (`\\` is a backslash, `\xNN`
//! a byte), and each `> ` behind it is one message, in order. What stands behind `#` is for people.

use serde_json::Value;

use super::{Reader, read, written};
use crate::comet::name::PipeName;

fn bytes(line: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = line.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        match (first, after) {
            (b'\\', [b'\\', after @ ..]) => {
                bytes.push(b'\\');
                rest = after;
            }
            (b'\\', [b'x', high, low, after @ ..]) => {
                let digits = String::from_utf8(vec![*high, *low]).unwrap();
                bytes.push(u8::from_str_radix(&digits, 16).unwrap());
                rest = after;
            }
            (b'\\', _) => panic!("bad escape in {line}"),
            (byte, _) => bytes.push(*byte),
        }
    }
    bytes
}

/// Runs a file; answers how many frames it has.
fn run(name: &str, file: &str) -> usize {
    let mut reader = Reader::new();
    let mut open: Option<(Vec<u8>, Vec<Value>, Vec<Value>)> = None;
    let mut frames = 0;
    let close = |open: &mut Option<(Vec<u8>, Vec<Value>, Vec<Value>)>| {
        if let Some((frame, got, wanted)) = open.take() {
            assert_eq!(got, wanted, "{name}: {}", String::from_utf8_lossy(&frame));
        }
    };
    for line in file.lines() {
        if let Some(wanted) = line.strip_prefix("> ") {
            open.as_mut().unwrap().2.push(serde_json::from_str(wanted).unwrap());
            continue;
        }
        close(&mut open);
        if line == "! new" {
            reader = Reader::new();
        } else if let Some(pipes) = line.strip_prefix("! pipes ") {
            reader.set_pipes(pipes.split(' ').map(|pipe| PipeName::new(pipe).unwrap()));
        } else if let Some(frame) = line.strip_prefix("< ") {
            frames += 1;
            let frame = bytes(frame);
            let mut got = Vec::new();
            reader.read_bytes(&frame, &mut |message| got.push(written(&message)));
            if let Ok(text) = std::str::from_utf8(&frame) {
                assert_eq!(read(&mut reader, text), got, "{name}: as text and as bytes: {text}");
            }
            open = Some((frame, got, Vec::new()));
        } else {
            assert!(line.is_empty() || line.starts_with('#'), "{name}: what is this line: {line}");
        }
    }
    close(&mut open);
    frames
}

#[test]
fn every_captured_frame_is_read_as_what_it_says() {
    for (name, file) in [
        ("connect", include_str!("../vectors/connect.txt")),
        ("messages", include_str!("../vectors/messages.txt")),
        ("subscriptions", include_str!("../vectors/subscriptions.txt")),
        ("logs", include_str!("../vectors/logs.txt")),
        ("answers", include_str!("../vectors/answers.txt")),
        ("old", include_str!("../vectors/old.txt")),
    ] {
        assert!(run(name, file) > 10, "{name} is nearly empty");
    }
}

#[test]
fn every_frame_of_the_protocol_s_tables_is_read_as_what_it_says() {
    assert!(run("tables", include_str!("../vectors/tables.txt")) > 30);
}
