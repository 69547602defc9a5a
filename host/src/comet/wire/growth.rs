//! How large the server makes a message (sections 2.3, 2.4 and 4).
//!
//! The server escapes a client's message for its database, then for JSON. It sends no frame above [`FRAME_MAX_BYTES`]:
//! a listener silently misses the message, a log its row, and the sender, whose answer it is, is cut off, after the
//! listeners were served. So a message is measured before it is sent.
//!
//! Clients that connect with a version below 4 get a longer form, in which the answer's JSON is escaped once more. The
//! measure is taken of that form: on a server 4.x, what fits there fits whatever version we, or a listener, connect
//! with. A server before 4.0 puts its answers into base64 and so cuts the sender off from some 48,000 bytes on, which is
//! not measured here: hardly a message is so long, and on newer servers it would refuse what is good.

/// The largest frame the server sends.
pub const FRAME_MAX_BYTES: usize = 65_535;

/// `message_send_time` in Unix seconds: ten digits until the year 2286, and one to spare.
const TIME_BYTES: usize = 11;
/// The number of receivers: an `i32` on the server.
const NUMBER_BYTES: usize = 10;
/// A user id: an `i32` on the server.
const USER_ID_BYTES: usize = 10;

/// An answer without its varying parts (section 2.3).
const ANSWER_BYTES: usize = 101;
/// A log row without its varying parts; a live message is 17 shorter (section 2.3).
const ROW_BYTES: usize = 81;
/// `"api_data":"for major_version < 4",`.
const API_DATA_BYTES: usize = 35;
/// `"event_name":"",`.
const EVENT_NAME_BYTES: usize = 16;
/// The name of an answer's event.
const ANSWER_EVENT_BYTES: usize = 6;
/// The quotes around the answer's JSON, and a backslash before each of the six quotes in it.
const QUOTED_ANSWER_BYTES: usize = 8;

/// The most that one byte of a message grows to.
const GROWTH_MAX: usize = 8;

/// Whether every frame that the server makes of a message to `pipe` (without `@`) with `event` can be sent; if not, how
/// large the largest would be.
///
/// # Errors
/// Its length in bytes, which is above [`FRAME_MAX_BYTES`].
pub fn fits(pipe: &str, event: &str, message: &str) -> Result<(), usize> {
    // Most messages are short enough even if every byte of them grew as far as one can.
    if largest_frame_bytes(pipe, event, Grown::at_most(message)) <= FRAME_MAX_BYTES {
        return Ok(());
    }
    let bytes = largest_frame_bytes(pipe, event, Grown::measure(message));
    if bytes <= FRAME_MAX_BYTES { Ok(()) } else { Err(bytes) }
}

fn largest_frame_bytes(pipe: &str, event: &str, grown: Grown) -> usize {
    answer_bytes(pipe, grown).max(row_bytes(pipe, event, grown))
}

/// The answer to the sender, in the longer form.
pub(super) fn answer_bytes(pipe: &str, grown: Grown) -> usize {
    ANSWER_BYTES
        + (API_DATA_BYTES + EVENT_NAME_BYTES + ANSWER_EVENT_BYTES)
        + QUOTED_ANSWER_BYTES
        + grown.in_answer
        + (NUMBER_BYTES + TIME_BYTES)
        + pipe.len()
}

/// The log row, in the longer form. The live message counts as one: it is shorter but for its text.
pub(super) fn row_bytes(pipe: &str, event: &str, grown: Grown) -> usize {
    ROW_BYTES
        + (API_DATA_BYTES + EVENT_NAME_BYTES + 2 * event.len())
        + grown.in_pipe
        + (TIME_BYTES + USER_ID_BYTES)
        + pipe.len()
}

/// The length of a message, in bytes, as it stands in the server's frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Grown {
    /// For listeners: escaped for the database and for JSON, or, where that is longer, for JSON alone, as in the log.
    in_pipe: usize,
    /// In the answer's longer form: escaped for JSON twice.
    in_answer: usize,
}

impl Grown {
    fn at_most(message: &str) -> Self {
        let most = message.len().saturating_mul(GROWTH_MAX);
        Self { in_pipe: most, in_answer: most }
    }

    pub(super) fn measure(message: &str) -> Self {
        message.bytes().fold(Self { in_pipe: 0, in_answer: 0 }, |sum, byte| {
            let (in_pipe, in_answer) = match byte {
                b'"' | b'\\' => (4, GROWTH_MAX),
                b'\'' | b'\n' | b'\r' => (3, 5),
                // The log has it as `\u001a`, the listeners as `\\Z`.
                0x1a => (6, 5),
                b'\t' | 0x08 | 0x0c => (2, 3),
                0x00..=0x1f => (6, 7),
                _ => (1, 1),
            };
            Self { in_pipe: sum.in_pipe + in_pipe, in_answer: sum.in_answer + in_answer }
        })
    }
}
