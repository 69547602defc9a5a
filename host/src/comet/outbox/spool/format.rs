//! The bytes of a spool's file: a head, and batches of sends behind it.
//!
//! ```text
//! head:  magic (16 bytes)  removed (u64)  checksum (u32)
//! batch: bytes (u32)  sends (u32)  number of the first send (u64)  { length (u32)  send }…  checksum (u32)
//! ```
//! Numbers are little-endian; a checksum is the CRC-32 of all that is before it in its head or batch. Used by the spool
//! alone.

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom},
};

/// What a spool begins with. The number is the version of the format.
pub(super) const MAGIC: &[u8; 16] = b"cometbot spool 1";
/// What the head takes.
pub(super) const HEAD_BYTES: u64 = 28;
/// A batch's length in bytes, its sends, and the number of the first.
const BATCH_HEAD_BYTES: usize = 16;
const CHECKSUM_BYTES: usize = 4;

/// What is known of a batch without its sends.
pub(super) struct Batch {
    /// The number of its first send.
    pub(super) first: u64,
    /// How many there are.
    pub(super) sends: u64,
    /// What it takes in the file.
    pub(super) bytes: u64,
}

/// Reads batches one after the other.
pub(super) struct Batches<'a> {
    input: BufReader<&'a File>,
    /// Where the next one begins.
    pub(super) at: u64,
    /// Where the last one ends if all are whole.
    end: u64,
    /// The number that the next one's first send must have.
    first: Option<u64>,
    /// The last one that was read.
    bytes: Vec<u8>,
}

impl<'a> Batches<'a> {
    /// Those between two places in the file.
    pub(super) fn new(file: &'a File, start: u64, end: u64) -> io::Result<Self> {
        let mut input = BufReader::new(file);
        input.seek(SeekFrom::Start(start))?;
        Ok(Self { input, at: start, end, first: None, bytes: Vec::new() })
    }

    /// The next one; none at the end of the file, or if what follows is not as it was written.
    pub(super) fn next(&mut self) -> io::Result<Option<Batch>> {
        self.bytes.clear();
        let left_bytes = self.end.saturating_sub(self.at);
        if left_bytes < BATCH_HEAD_BYTES as u64 || !self.read_on(BATCH_HEAD_BYTES as u64)? {
            return Ok(None);
        }
        let Some((bytes, sends, first)) = read_batch_head(&self.bytes) else { return Ok(None) };
        let is_next = self.first.is_none_or(|number| number == first);
        if bytes > left_bytes || !is_next || !self.read_on(bytes.saturating_sub(BATCH_HEAD_BYTES as u64))? {
            return Ok(None);
        }
        let is_whole = self.bytes.split_last_chunk().is_some_and(|(batch, sum)| checksum(batch) == *sum);
        let Some(next) = first.checked_add(sends) else { return Ok(None) };
        if !is_whole || self.sends().count() as u64 != sends {
            return Ok(None);
        }
        self.first = Some(next);
        self.at += bytes;
        Ok(Some(Batch { first, sends, bytes }))
    }

    /// Reads so many bytes behind those that are there; says whether there were as many.
    fn read_on(&mut self, bytes: u64) -> io::Result<bool> {
        Ok((&mut self.input).take(bytes).read_to_end(&mut self.bytes)? as u64 == bytes)
    }

    /// The sends of the last batch.
    pub(super) fn sends(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = self.bytes.get(BATCH_HEAD_BYTES..).unwrap_or_default();
        std::iter::from_fn(move || {
            if rest.len() <= CHECKSUM_BYTES {
                return None;
            }
            let (length, behind) = rest.split_first_chunk()?;
            let (send, others) = behind.split_at_checked(u32::from_le_bytes(*length) as usize)?;
            rest = others;
            Some(send)
        })
    }
}

/// Writes a batch into `out`, instead of what is there. More than 4 GiB are too many.
pub(super) fn encode<'a>(
    out: &mut Vec<u8>,
    first: u64,
    count: usize,
    sends: impl Iterator<Item = &'a [u8]> + Clone,
) -> io::Result<()> {
    let sends_bytes: usize = sends.clone().map(|send| size_of::<u32>() + send.len()).sum();
    let too_large = |_| io::Error::from(io::ErrorKind::FileTooLarge);
    let bytes = u32::try_from(BATCH_HEAD_BYTES + sends_bytes + CHECKSUM_BYTES).map_err(too_large)?;
    out.clear();
    out.reserve(bytes as usize);
    out.extend_from_slice(&bytes.to_le_bytes());
    out.extend_from_slice(&u32::try_from(count).map_err(too_large)?.to_le_bytes());
    out.extend_from_slice(&first.to_le_bytes());
    for send in sends {
        out.extend_from_slice(&u32::try_from(send.len()).map_err(too_large)?.to_le_bytes());
        out.extend_from_slice(send);
    }
    let sum = checksum(out);
    out.extend_from_slice(&sum);
    Ok(())
}

/// Bytes, sends, and number of the first send.
fn read_batch_head(bytes: &[u8]) -> Option<(u64, u64, u64)> {
    let (bytes, rest) = bytes.split_first_chunk()?;
    let (sends, rest) = rest.split_first_chunk()?;
    let first = rest.first_chunk()?;
    Some((u32::from_le_bytes(*bytes).into(), u32::from_le_bytes(*sends).into(), u64::from_le_bytes(*first)))
}

/// A head that says so.
pub(super) fn head(removed: u64) -> Vec<u8> {
    let mut head = MAGIC.to_vec();
    head.extend_from_slice(&removed.to_le_bytes());
    let sum = checksum(&head);
    head.extend_from_slice(&sum);
    head
}

/// The number of removed sends, if the head is whole.
pub(super) fn read_head(bytes: &[u8]) -> Option<u64> {
    let (head, sum) = bytes.split_last_chunk()?;
    let (_, removed) = head.split_last_chunk()?;
    (bytes.len() as u64 == HEAD_BYTES && checksum(head) == *sum).then(|| u64::from_le_bytes(*removed))
}

fn checksum(bytes: &[u8]) -> [u8; CHECKSUM_BYTES] {
    crc32fast::hash(bytes).to_le_bytes()
}
