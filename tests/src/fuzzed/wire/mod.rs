//! Any bytes as the frames of a connection: the same reading as text and as bytes, nothing out of proportion, nothing
//! carried from one frame to the next, and what was read reads the same when a server writes it again.

use cometbot::comet::{
    name::PipeName,
    wire::{LogRow, Message, Reader},
};

mod again;
mod written;

/// Stands between two frames of one connection.
const BETWEEN_FRAMES: u8 = 0x1e;
/// The most frames of a connection that are read.
const FRAMES_MAX: usize = 8;
/// First frames of a new server, of an old one, and none.
const GREETINGS: [&str; 3] = [
    r#"{"authorized":true,"data":"","event":"serverInfo","pipe":"sys","server":"CppComet community 4.09 (AGPL license)"}"#,
    r#"{"data":"","pipe":"undefined","server":"CppComet 3.31","authorized":"true"}"#,
    "",
];
/// What is subscribed. Two names differ in their last character, which the server may cut off.
const PIPES: [&str; 3] = ["web_chat", "web_room", "web_roof"];
/// How many bytes of a damaged frame are good (PROTOCOL.md, section 2.3).
const GOOD_BYTES: usize = 122;
/// How many bytes the server may damage.
const LOST_BYTES: [usize; 3] = [1, 2, 3];
/// What a message may have for each byte of its frame: a control character, escaped in JSON, is six.
const GROWTH_MAX: usize = 6;
/// What a message may have besides: what stands for keys that are not there.
const MESSAGE_BYTES: usize = 64;
/// The longest that a line of the log may be that shows an unreadable frame.
const SHOWN_MAX_BYTES: usize = 2_000;

/// Reads the frames of a connection.
pub fn check(input: &[u8]) {
    for greeting in GREETINGS {
        connection(greeting, input);
    }
}

fn connection(greeting: &str, input: &[u8]) {
    let mut running = reader(greeting);
    // The frame by which the server told what it is.
    let mut introduction = greeting.to_owned();
    for frame in input.split(|byte| *byte == BETWEEN_FRAMES).take(FRAMES_MAX) {
        if let Ok(text) = std::str::from_utf8(frame) {
            let before = running.peer().cloned();
            let messages = read_text(&mut running, text);
            let mut fresh = reader(&introduction);
            assert_eq!(messages, read_text(&mut fresh, text), "a frame means the same whatever was read before it");
            assert_eq!(messages, alone(&introduction, frame), "as text and as bytes");
            match (before, running.peer()) {
                (Some(before), after) => assert_eq!(Some(&before), after, "a server stays what it is"),
                (None, Some(_)) => text.clone_into(&mut introduction),
                (None, None) => {}
            }
        } else {
            alone(&introduction, frame);
        }
        // No change that a fuzzer makes by chance would put the NULs there, so each frame that is long enough is read in
        // this form as well.
        if let Some(good) = frame.get(..GOOD_BYTES) {
            for lost in LOST_BYTES {
                alone(&introduction, &[good, &vec![0; lost]].concat());
            }
        }
    }
}

/// A reader that has read this first frame.
fn reader(greeting: &str) -> Reader {
    let mut reader = Reader::new();
    reader.set_pipes(PIPES.iter().filter_map(|pipe| PipeName::new(pipe).ok()));
    reader.read(greeting, &mut |_| {});
    reader
}

fn read_text(reader: &mut Reader, frame: &str) -> Vec<String> {
    let mut messages = Vec::new();
    reader.read(frame, &mut |message| messages.push(format!("{message:?}")));
    messages
}

/// Reads a frame's bytes after a greeting, and looks at each message.
fn alone(greeting: &str, frame: &[u8]) -> Vec<String> {
    let (mut messages, mut texts) = (Vec::new(), 0);
    let mut reader = reader(greeting);
    reader.read_bytes(frame, &mut |message| {
        messages.push(format!("{message:?}"));
        texts += written::text_bytes(&message);
        sound(&message);
    });
    assert!(messages.len() <= frame.len(), "{} messages in {} bytes", messages.len(), frame.len());
    let most = GROWTH_MAX * frame.len() + MESSAGE_BYTES * messages.len();
    assert!(texts <= most, "{texts} bytes of text in a frame of {}", frame.len());
    messages
}

fn sound(message: &Message<'_>) {
    match message {
        Message::Unreadable(unreadable) => {
            let shown = unreadable.to_string();
            assert!(shown.len() < SHOWN_MAX_BYTES, "{shown}");
            assert!(!shown.chars().any(char::is_control), "{shown:?}");
        }
        Message::Event(event) => {
            again::is_read(message);
            again::is_read_damaged(event);
            again::fits_where_it_is_measured(event);
        }
        Message::LogRow(LogRow { event, marker: _ }) => {
            assert!(event.history, "a row of the log is history: {event:?}");
            again::is_read(message);
        }
        _ => again::is_read(message),
    }
}
