//! Any bytes as a frame: no panic, the same reading as text and as bytes, and nothing out of proportion.
#![no_main]
#![allow(dead_code, unused_imports, reason = "the sources are taken in whole, and only the reader is called")]

use libfuzzer_sys::fuzz_target;

#[path = "../../src/comet"]
mod comet {
    pub mod name;
    pub mod wire;
}

use comet::{
    name::PipeName,
    wire::{Message, Reader},
};

/// First frames of a new server, of an old one, and none.
const GREETINGS: [&str; 3] = [
    r#"{"authorized":true,"data":"","event":"serverInfo","pipe":"sys","server":"CppComet community 4.09 (AGPL license)"}"#,
    r#"{"data":"","pipe":"undefined","server":"CppComet 3.31","authorized":"true"}"#,
    "",
];

/// How many bytes of a damaged frame are good.
const GOOD_BYTES: usize = 122;

fn reader(greeting: &str) -> Reader {
    let mut reader = Reader::new();
    reader.read(greeting, &mut |_| {});
    reader.set_pipes(["web_chat", "web_room", "web_roof"].iter().filter_map(|pipe| PipeName::new(pipe).ok()));
    reader
}

fn written(message: &Message<'_>) -> String {
    if let Message::Unreadable(unreadable) = message {
        assert!(unreadable.start().len() < 2_000);
    }
    format!("{message:?}")
}

/// What the server leaves of a frame of 123, 124 or 125 bytes (PROTOCOL.md, section 2.3). No change that a fuzzer makes by
/// chance would put the NULs there, so each frame that is long enough is read in this form as well.
fn damaged(frame: &[u8]) -> Option<Vec<u8>> {
    let mut damaged = frame.get(..GOOD_BYTES)?.to_vec();
    damaged.resize(GOOD_BYTES + 1 + frame.len() % 3, 0);
    Some(damaged)
}

/// Reads a frame as bytes and, where it is text, as text.
fn read(greeting: &str, frame: &[u8]) {
    let mut as_bytes = Vec::new();
    reader(greeting).read_bytes(frame, &mut |message| as_bytes.push(written(&message)));
    assert!(as_bytes.len() <= frame.len());
    if let Ok(text) = std::str::from_utf8(frame) {
        let mut as_text = Vec::new();
        reader(greeting).read(text, &mut |message| as_text.push(written(&message)));
        assert_eq!(as_bytes, as_text);
    }
}

fuzz_target!(|frame: &[u8]| {
    let damaged = damaged(frame);
    for greeting in GREETINGS {
        read(greeting, frame);
        if let Some(damaged) = &damaged {
            read(greeting, damaged);
        }
    }
});
