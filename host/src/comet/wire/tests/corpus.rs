//! The inputs that the fuzzer found worth keeping, read again in every run of the tests. `host/fuzz` says how to find more.

use std::{fs, path::Path};

use super::{GREETING, OLD_GREETING, greeted, read, written};
use crate::comet::{name::PipeName, wire::Reader};

/// How many bytes of a frame of 123, 124 or 125 bytes the server leaves whole (PROTOCOL.md, section 2.3).
const GOOD_BYTES: usize = 122;

fn check(mut reader: impl FnMut() -> Reader, name: &Path, frame: &[u8]) {
    let mut as_bytes = Vec::new();
    reader().read_bytes(frame, &mut |message| as_bytes.push(written(&message)));
    assert!(as_bytes.len() <= frame.len(), "{}: more messages than bytes", name.display());
    if let Ok(text) = std::str::from_utf8(frame) {
        assert_eq!(read(&mut reader(), text), as_bytes, "{}: as text and as bytes", name.display());
    }
}

#[test]
fn every_kept_input_is_read_alike_as_bytes_and_as_text() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/wire_reader");
    let mut inputs = 0;
    for entry in fs::read_dir(corpus).unwrap() {
        let path = entry.unwrap().path();
        let frame = fs::read(&path).unwrap();
        inputs += 1;
        for greeting in [GREETING, OLD_GREETING, ""] {
            let reader = || {
                let mut reader = greeted(greeting);
                reader.set_pipes(["web_chat", "web_room", "web_roof"].map(|pipe| PipeName::new(pipe).unwrap()));
                reader
            };
            check(reader, &path, &frame);
            if let Some(good) = frame.get(..GOOD_BYTES) {
                for lost in 1..=3 {
                    check(reader, &path, &[good, &vec![0; lost]].concat());
                }
            }
        }
    }
    assert!(inputs > 60, "the corpus is nearly empty");
}
