//! Every limit and time of the double in one place. Those of the real server are facts, not choices.

use std::time::Duration;

/// The largest payload of a frame in either direction (PROTOCOL.md, sections 2.1 and 2.4).
pub(super) const FRAME_BYTES: usize = 65_535;
/// A frame that came only in part, together with the next read, must stay below this (PROTOCOL.md, section 2.1).
pub(super) const PARTIAL_BYTES: usize = 103_840;
/// The first read of a connection; idle connections hold no more than this.
pub(super) const FIRST_READ_BYTES: usize = 4_096;
/// The largest single read. A busy sender gets here after a few full reads.
pub(super) const READ_BYTES: usize = 65_536;

/// The part of a request in which the parameters are searched by 4.09.
pub(super) const ADDRESS_BYTES: usize = 2_000;
/// The same for 3.31.
pub(super) const OLD_ADDRESS_BYTES: usize = 300;
/// A request that is still incomplete at this size is given up.
pub(super) const REQUEST_BYTES: usize = 65_536;
/// The longest `Sec-WebSocket-Key` (PROTOCOL.md, section 1.1).
pub(super) const KEY_BYTES: usize = 50;
/// `sesion` of this length or more kills the server (PROTOCOL.md, section 1.1).
pub(super) const SESSION_BYTES: usize = 600;
/// What is copied as the uuid, checked or not (PROTOCOL.md, section 1.1).
pub(super) const UUID_BYTES: usize = 32;
/// The length of a stored hash, and what 3.31 compares (PROTOCOL.md, section 1.3).
pub(super) const HASH_BYTES: usize = 32;
/// Ids above this are read as 0 (PROTOCOL.md, section 1.1).
pub(super) const HIGHEST_DEV: u32 = 100_000;
/// A user or developer id of more digits is none.
pub(super) const NUMBER_DIGITS: usize = 18;
/// Pipes that keep a log because a rule says so. Beyond that the one that was written to least recently is forgotten, so
/// that nobody can fill the memory with new names.
pub(super) const RULED_LOGS: usize = 1_000;

/// The longest name that can be subscribed to (PROTOCOL.md, section 6).
pub(super) const NAME_BYTES: usize = 64;
/// The longest name or marker in other commands (PROTOCOL.md, section 5).
pub(super) const LOOSE_NAME_BYTES: usize = 65;
/// The shortest name that can be published to from outside (CometQL refuses shorter ones).
pub(super) const PUBLISHED_NAME_BYTES: usize = 3;
/// Names per connection (PROTOCOL.md, section 6).
pub(super) const NAMES: usize = 32;
/// The longest subscription list (PROTOCOL.md, section 6).
pub(super) const LIST_BYTES: usize = 2_176;
/// The shortest name in a subscription list that does not end the list (PROTOCOL.md, section 6).
pub(super) const LISTED_NAME_BYTES: usize = 2;

/// Rows in one answer to `pipe_log` (PROTOCOL.md, section 7).
pub(super) const LOG_ROWS: usize = 99;
/// The longest log of a pipe (PROTOCOL.md, section 7).
pub(super) const LOG_LENGTH: i64 = 1_000;
/// `trust_` logs and queued personal messages are forgotten after this.
pub(super) const KEPT_SECONDS: u64 = 120;
/// Personal messages handed out at a login (PROTOCOL.md, section 9).
pub(super) const QUEUED_AT_LOGIN: usize = 10;
/// Connections of one user that get personal messages (PROTOCOL.md, section 9).
pub(super) const LINKS_OF_USER: usize = 16;

/// How long a connection that is being closed may take to accept what is already queued for it.
pub(super) const FLUSH: Duration = Duration::from_secs(1);
/// How long the whole server may take to end.
pub(super) const DRAIN: Duration = Duration::from_secs(3);
/// After a failed accept (no file handles left) the next try waits this long.
pub(super) const ACCEPT_AGAIN: Duration = Duration::from_millis(20);
/// A write buffer that grew beyond this is given back when it is empty.
pub(super) const KEPT_BUFFER_BYTES: usize = 256 * 1024;
/// Default of [`super::Options::outgoing_limit`].
pub(super) const OUTGOING_BYTES: usize = 4 * 1024 * 1024;
