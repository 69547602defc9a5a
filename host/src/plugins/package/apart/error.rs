//! Why the compiling process made no component: one sentence each.

use std::{io, process::ExitStatus};

use crate::{config::CompileBounds, report::brief};

/// What is said of a memory that is not given, by the language's runtime and by the system.
const OUT_OF_MEMORY: [&str; 2] = ["memory allocation of", "Cannot allocate memory"];
/// What the language's runtime says when a stack is full.
const OUT_OF_STACK: &str = "has overflowed its stack";
/// How much of its last words is shown.
const WORDS_BYTES: usize = 300;

/// Why the compiling process made no component.
#[derive(Debug, thiserror::Error)]
pub enum ApartError {
    /// The bytes are no plugin; it says why.
    #[error("{0}")]
    Refused(String),
    /// It needed more time than it may have.
    #[error(
        "compiling it takes longer than {seconds} s, and hardly any plugin takes so long: raise `compile-seconds` in \
         [plugins] if you trust it"
    )]
    Time {
        /// What it may take.
        seconds: u64,
    },
    /// It needed more memory than it may have.
    #[error(
        "compiling it takes more than {mib} MiB of memory, and hardly any plugin takes so much: raise \
         `compile-memory-mib` in [plugins] if you trust it"
    )]
    Memory {
        /// What it may take, in MiB.
        mib: u64,
    },
    /// What it was compiled to is larger than it may be.
    #[error(
        "its machine code is larger than {mib} MiB, and hardly any plugin's is: it may take an eighth of \
         `compile-memory-mib` in [plugins], so raise that if you trust it"
    )]
    Code {
        /// What it may have, in MiB.
        mib: u64,
    },
    /// It needed more stack than there is.
    #[error("something in it is nested too deep to be compiled: no compiler makes such a file, so build it again")]
    Stack,
    /// It died of something else.
    #[error(
        "the process that compiled it broke off ({status}{words}): build it again, and if that does not help, report it \
         together with the file"
    )]
    Died {
        /// How it ended.
        status: String,
        /// What it said, with what has to stand before it.
        words: String,
    },
    /// The system does not let it run.
    #[error(
        "no process could be started that compiles it ({0}): the bot's user must be allowed one more process, and /proc \
         must be there"
    )]
    Start(#[source] io::Error),
    /// It answered, and the answer cannot be used.
    #[error("the process that compiled it gave an answer that cannot be used ({0}): that is a mistake of cometbot's")]
    Nonsense(String),
}

impl ApartError {
    pub(super) const fn time(bounds: CompileBounds) -> Self {
        Self::Time { seconds: bounds.time.as_secs() }
    }

    /// What it says of the bytes.
    pub(super) fn refused(bounds: CompileBounds, words: &[u8]) -> Self {
        let words = String::from_utf8_lossy(words).into_owned();
        if is_out_of_memory(&words) { Self::memory(bounds) } else { Self::Refused(words) }
    }

    /// What its end says.
    pub(super) fn died(bounds: CompileBounds, status: ExitStatus, complaint: &[u8]) -> Self {
        let words = String::from_utf8_lossy(complaint);
        if is_out_of_memory(&words) {
            return Self::memory(bounds);
        }
        if words.contains(OUT_OF_STACK) {
            return Self::Stack;
        }
        if is_out_of_time(status) {
            return Self::time(bounds);
        }
        let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
        let shown = brief(words.get(..words.floor_char_boundary(WORDS_BYTES)).unwrap_or_default());
        let words = if shown.is_empty() { shown } else { format!(": {shown}") };
        Self::Died { status: status.to_string(), words }
    }

    const fn memory(bounds: CompileBounds) -> Self {
        Self::Memory { mib: bounds.memory_bytes >> 20 }
    }
}

fn is_out_of_memory(words: &str) -> bool {
    OUT_OF_MEMORY.iter().any(|sign| words.contains(sign))
}

/// Whether the system ended it because it used its share of the processors up.
#[cfg(unix)]
fn is_out_of_time(status: ExitStatus) -> bool {
    let signal = std::os::unix::process::ExitStatusExt::signal(&status);
    signal == Some(rustix::process::Signal::XCPU.as_raw())
}

#[cfg(not(unix))]
fn is_out_of_time(_: ExitStatus) -> bool {
    false
}

#[cfg(all(test, unix))]
mod tests {
    use std::{os::unix::process::ExitStatusExt as _, time::Duration};

    use super::*;

    fn died(status: i32, complaint: &str) -> String {
        let bounds = CompileBounds { time: Duration::from_secs(60), memory_bytes: 2 << 30 };
        ApartError::died(bounds, ExitStatus::from_raw(status), complaint.as_bytes()).to_string()
    }

    #[test]
    fn each_end_has_a_sentence_that_names_the_bound_or_what_was_said() {
        assert!(died(6, "memory allocation of 4294967296 bytes failed").contains("more than 2048 MiB"));
        assert!(died(6, "\nthread 'main' (7) has overflowed its stack\n").contains("nested too deep"));
        assert!(died(24, "").contains("longer than 60 s"));
        let killed = died(9, "");
        assert!(killed.contains("broke off (signal: 9 (SIGKILL)): build it again"), "{killed}");
        let panicked = died(101 << 8, "thread 'main' panicked at a.rs:1:2:\nindex \u{1b}[31m out of bounds\n");
        assert!(panicked.contains("(exit status: 101: thread 'main' panicked at a.rs:1:2: index \\u{1b}[31m out"));
    }
}
