//! What was read, written as a server 4.09 would write it, and read again.

use std::borrow::Cow;

use cometbot::comet::wire::{
    Event, Message, Reader,
    command::{check_send, web_pipe2},
    growth::FRAME_MAX_BYTES,
};

use super::{GOOD_BYTES, GREETINGS, written};

/// The lengths of frames that the server damages (PROTOCOL.md, section 2.3).
const DAMAGED_BYTES: [usize; 3] = [123, 124, 125];
/// The largest number of a user.
const USER_ID_MAX: u64 = 2_147_483_647;
/// The server's clock.
const TIME: u64 = 1_795_478_154;
/// Texts are repeated until they fill a frame if they are so short and grow on their way.
const REPEATED_MAX_BYTES: usize = 16;

/// Asserts that a frame says `wanted` and nothing else.
fn says(frame: &[u8], wanted: &Message<'_>) {
    let mut reader = Reader::new();
    reader.read(GREETINGS[0], &mut |_| {});
    let mut messages = 0;
    reader.read_bytes(frame, &mut |message| {
        assert_eq!(message, *wanted, "read from {:?}", String::from_utf8_lossy(frame));
        messages += 1;
    });
    assert_eq!(messages, 1, "messages in {:?}", String::from_utf8_lossy(frame));
}

/// What was read is read from the server's own words as well.
pub(super) fn is_read(message: &Message<'_>) {
    let Some(mut frame) = written::by_server(message) else { return };
    if DAMAGED_BYTES.contains(&frame.len()) {
        frame.push_str("   ");
    }
    says(frame.as_bytes(), message);
}

/// An event in a frame of a length that the server damages loses at most the number of its sender, and gets no other.
pub(super) fn is_read_damaged(event: &Event<'_>) {
    if event.user_id.is_none() || event.history {
        return;
    }
    let empty = written::live(&Event { data: Cow::Borrowed(""), ..event.clone() }).len();
    for bytes in DAMAGED_BYTES {
        let Some(room) = bytes.checked_sub(empty) else { return };
        let mut event = event.clone();
        let mut data = event.data.to_string();
        data.truncate(data.floor_char_boundary(room));
        // What the server escapes takes more room.
        let mut frame = loop {
            event.data = Cow::Owned(data.clone());
            let frame = written::live(&event);
            if frame.len() <= bytes || data.pop().is_none() {
                break frame;
            }
        };
        if frame.len() < bytes {
            data.extend(std::iter::repeat_n('x', bytes - frame.len()));
            event.data = Cow::Owned(data);
            frame = written::live(&event);
        }
        let mut frame = frame.into_bytes();
        frame[GOOD_BYTES..].fill(0);
        event.user_id = event.user_id.filter(|_| bytes == GOOD_BYTES + 1);
        says(&frame, &Message::Event(event));
    }
}

/// What may be sent makes no frame that the server would not send, and its command says what it should.
pub(super) fn fits_where_it_is_measured(event: &Event<'_>) {
    let (pipe, name, text) = (&*event.pipe, &*event.name, &*event.data);
    if !may_be_sent(pipe, name, text) {
        return;
    }
    let grows = text.contains(['"', '\\', '\'', '\n', '\r', '\t', '\u{1a}']);
    if grows && text.len() <= REPEATED_MAX_BYTES {
        let bytes = |text| written::live(&Event { user_id: Some(USER_ID_MAX), data: text, ..event.clone() }).len();
        let (empty, once) = (bytes(Cow::Borrowed("")), bytes(Cow::Borrowed(text)));
        let times = (FRAME_MAX_BYTES - empty) / (once - empty);
        may_be_sent(pipe, name, &text.repeat(times));
        may_be_sent(pipe, name, &text.repeat(times + 1));
    }
}

/// Answers whether it may.
fn may_be_sent(pipe: &str, name: &str, text: &str) -> bool {
    let mut command = b"before".to_vec();
    let written = web_pipe2(&mut command, pipe, name, text);
    assert_eq!(written, check_send(pipe, name, text));
    if written.is_err() {
        assert_eq!(command, b"before", "a command that is refused leaves nothing behind");
        return false;
    }
    assert_eq!(command, format!("beforeweb_pipe2\n{pipe}\n{name}\n*\n{text}").as_bytes());
    let event = Event {
        pipe: Cow::Borrowed(pipe.strip_prefix('@').unwrap_or(pipe)),
        name: Cow::Borrowed(name),
        data: Cow::Borrowed(text),
        user_id: Some(USER_ID_MAX),
        time: Some(TIME),
        history: false,
    };
    for frame in [written::live(&event), written::stored(&event, None)] {
        assert!(frame.len() <= FRAME_MAX_BYTES, "a frame of {} bytes", frame.len());
    }
    true
}
