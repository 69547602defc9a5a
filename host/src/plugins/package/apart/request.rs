//! What the bot and the compiling process say to each other. Both are of the same build, so it needs no version.

use std::io::{self, Read, Write};

use super::super::entry::KEY_BYTES;

/// What a refusal begins with; an entry begins otherwise.
const REFUSED: &[u8] = b"cometbot refused\n";
/// The most of a refusal that is said: the assembler shows a line of the text, however long that is.
const REFUSAL_BYTES: usize = 16 * 1024;

/// What the compiling process is asked: to make an entry of `bytes` and vouch for it with `key`.
pub(super) struct Request<'a> {
    pub(super) key: [u8; KEY_BYTES],
    pub(super) bytes: &'a [u8],
}

impl Request<'_> {
    pub(super) fn write(&self, mut to: impl Write) -> io::Result<()> {
        to.write_all(&self.key)?;
        to.write_all(&(self.bytes.len() as u64).to_le_bytes())?;
        to.write_all(self.bytes)?;
        to.flush()
    }
}

/// Reads a request: the key and the bytes.
pub(super) fn read(mut from: impl Read) -> io::Result<([u8; KEY_BYTES], Vec<u8>)> {
    let mut key = [0; KEY_BYTES];
    from.read_exact(&mut key)?;
    let mut length = [0; size_of::<u64>()];
    from.read_exact(&mut length)?;
    let length = u64::from_le_bytes(length);
    let mut bytes = Vec::with_capacity(usize::try_from(length).map_err(io::Error::other)?);
    from.take(length).read_to_end(&mut bytes)?;
    if bytes.len() as u64 == length { Ok((key, bytes)) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// Says why there is no entry.
pub(super) fn refuse(mut to: impl Write, words: &str) -> io::Result<()> {
    let words = words.get(..words.floor_char_boundary(REFUSAL_BYTES)).unwrap_or_default();
    to.write_all(REFUSED)?;
    to.write_all(words.as_bytes())
}

/// The words of an answer that is a refusal.
pub(super) fn refusal(answer: &[u8]) -> Option<&[u8]> {
    answer.strip_prefix(REFUSED)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use super::*;

    #[test]
    fn a_request_is_read_as_it_was_written_and_one_that_breaks_off_is_none() {
        let mut written = Vec::new();
        Request { key: [7; KEY_BYTES], bytes: b"(module)" }.write(&mut written).unwrap();
        assert_eq!(read(&*written).unwrap(), ([7; KEY_BYTES], b"(module)".to_vec()));
        for length in 0..written.len() {
            assert!(read(&written[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn a_refusal_is_told_apart_from_an_entry_and_is_never_long() {
        let mut answer = Vec::new();
        refuse(&mut answer, "it is an empty file").unwrap();
        assert_eq!(refusal(&answer), Some(&b"it is an empty file"[..]));
        assert_eq!(refusal(b"cometbot compiled 2\n"), None);
        let mut answer = Vec::new();
        refuse(&mut answer, &"ж".repeat(REFUSAL_BYTES)).unwrap();
        assert_eq!(refusal(&answer).map(<[u8]>::len), Some(REFUSAL_BYTES));
    }
}
