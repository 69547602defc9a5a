//! What a key is if nobody says it, and how far it may go. Units are in the names.

use std::ops::RangeInclusive;

pub(super) const LISTEN: &str = "127.0.0.1:8087";
pub(super) const METRICS_EXAMPLE: &str = "127.0.0.1:9187";
pub(super) const PLUGIN_FOLDER: &str = "plugins";
pub(super) const OUTBOX_FOLDER: &str = "outbox";
pub(super) const STATE_FOLDER: &str = "state";
/// In the state folder, unless it is said where.
pub(super) const CONTROL_SOCKET: &str = "control.sock";

pub(super) const MEMORY_MIB: u32 = 64;
pub(super) const TIME_PER_EVENT_MS: u32 = 200;
pub(super) const QUEUE_EVENTS: u32 = 65_536;
pub(super) const MAX_PLUGINS: u32 = 256;
/// The memory that WebAssembly can address.
pub(super) const MOST_MEMORY_MIB: u32 = 4096;
/// What the address space of a process has room for, with four versions of each plugin at a time.
pub(super) const MOST_PLUGINS: u32 = 1000;

/// Deep recursion of compiled languages fits; interpreters may need more.
pub(super) const STACK_KIB: u32 = 512;
/// Each plugin's call has a stack of twice this.
pub(super) const STACK_KIB_RANGE: RangeInclusive<u32> = 64..=16 * 1024;
pub(super) const FILE_MIB: u32 = 64;
pub(super) const MOST_FILE_MIB: u32 = 1024;
pub(super) const COMPILE_SECONDS: u32 = 60;
pub(super) const MOST_COMPILE_SECONDS: u32 = 3600;
pub(super) const COMPILE_MEMORY_MIB: u32 = 2048;
/// Below, not even small plugins compile.
pub(super) const COMPILE_MEMORY_MIB_RANGE: RangeInclusive<u32> = 256..=1024 * 1024;

/// The tables of a large language runtime have some ten thousand.
pub(super) const TABLE_ELEMENTS: u32 = 100_000;
/// Large language runtimes have much to do when they start.
pub(super) const TIME_TO_START_MS: u32 = 5000;
/// A busy bot sends less; a comet server takes no more from one connection for long.
pub(super) const SENDS_PER_SECOND: u32 = 1000;
pub(super) const SENDS_BURST: u32 = 5000;
/// What one event may send in all.
pub(super) const MESSAGE_KIB: u32 = 1024;
pub(super) const LOG_LINES_PER_SECOND: u32 = 100;
/// Lines of so many seconds may come at once: plugins talk most when they start.
pub(super) const LOG_BURST_SECONDS: u32 = 10;
/// What fails for a reason that passes has passed by the third time, or will not soon.
pub(super) const RETRIES: u32 = 2;
pub(super) const MOST_RETRIES: u32 = 20;
pub(super) const RETRY_MS: u32 = 100;
pub(super) const MOST_RETRY_MS: u32 = 60_000;
pub(super) const BREAKER_FAILURES: u32 = 5;
pub(super) const BREAKER_SECONDS: u32 = 10;
pub(super) const MOST_BREAKER_SECONDS: u32 = 3600;
/// No conversation of two bots that somebody wanted is so long.
pub(super) const HOPS: u32 = 50;
/// Fine enough for every bot, and too coarse to spy on the machine with.
pub(super) const CLOCK_MS: u32 = 1;
pub(super) const MOST_CLOCK_MS: u32 = 60_000;

pub(super) const PROBATION_EVENTS: u32 = 1000;
/// The last version's memory stays reserved for so long.
pub(super) const MOST_PROBATION_EVENTS: u32 = 1_000_000;
pub(super) const PROBATION_SECONDS: u32 = 30;
/// What has run for a day is no new version any more.
pub(super) const MOST_PROBATION_SECONDS: u32 = 86_400;
pub(super) const PROBATION_FAILURES: u32 = 3;
pub(super) const STATE_MIB: u32 = 8;
/// It is copied between two events, while the plugin's queue waits.
pub(super) const MOST_STATE_MIB: u32 = 1024;
pub(super) const QUARANTINE_EVENTS: u32 = 1000;
/// Each is a file of its own.
pub(super) const MOST_QUARANTINE_EVENTS: u32 = 1_000_000;
pub(super) const KEEP_VERSIONS: u32 = 3;
/// Nobody goes back further, and each is a copy of the file.
pub(super) const MOST_KEEP_VERSIONS: u32 = 100;

/// Beyond ten minutes nobody would call a connection alive.
pub(super) const ANSWER_SECONDS_RANGE: RangeInclusive<u32> = 1..=600;
/// Below, tries would follow each other as fast as the network allows.
pub(super) const RETRY_MIN_MS_RANGE: RangeInclusive<u32> = 10..=3_600_000;
/// A bot that is told to wait longer than a day will be taken for dead.
pub(super) const MOST_RETRY_MAX_SECONDS: u32 = 86_400;
/// A server's own frames have up to 65,535 bytes (PROTOCOL.md, section 2.4); a frame of a gibibyte is no message.
pub(super) const FRAME_MAX_KIB_RANGE: RangeInclusive<u32> = 64..=1024 * 1024;

pub(super) const OUTBOX_MIB: u32 = 8;
/// More than that, waiting to be sent, is a server that will not come back.
pub(super) const MOST_OUTBOX_MIB: u32 = 4096;
pub(super) const OUTBOX_SENDS: u32 = 100_000;
/// So many sends of the shortest kind fill [`MOST_OUTBOX_MIB`].
pub(super) const MOST_OUTBOX_SENDS: u32 = 100_000_000;
pub(super) const DRAIN_SECONDS: u32 = 10;

pub(super) const LOG_LEVEL: &str = "info";
pub(super) const LOG_LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
