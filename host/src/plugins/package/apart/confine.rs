//! The bounds that the compiling process puts on itself before it reads anything.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, nice, setrlimit};

/// How much it steps back behind whoever else wants a processor, its own bot first of all.
const NICENESS: i32 = 10;
/// The most that the system takes for a reason to kill one process rather than another.
#[cfg(target_os = "linux")]
const KILLED_FIRST: &str = "1000";
/// Address space beside what the file's compilation takes: the program itself, and what stacks and heaps reserve and do
/// not use.
const RESERVED_BYTES: u64 = 1 << 30;

/// Puts bounds on this process, for good.
///
/// # Errors
/// If the memory or the time cannot be bounded.
pub(super) fn confine(memory_bytes: u64, cpu_seconds: u64) -> io::Result<()> {
    // It works without.
    let _ = nice(NICENESS);
    // No file that it could leave behind, and no image of a memory that holds somebody's plugin.
    let _ = lower(Resource::Fsize, 0);
    let _ = lower(Resource::Core, 0);
    #[cfg(target_os = "linux")]
    {
        // If the machine's memory is short, it shall be this process and not the bot that is killed for it.
        let _ = std::fs::write("/proc/self/oom_score_adj", KILLED_FIRST);
        let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    }
    // Not every system counts what can be written to apart from what is merely reserved, but some count nothing else.
    lower(Resource::Data, memory_bytes)?;
    lower(Resource::As, memory_bytes.saturating_add(RESERVED_BYTES))?;
    lower(Resource::Cpu, cpu_seconds)
}

fn lower(resource: Resource, most: u64) -> io::Result<()> {
    let most = getrlimit(resource).maximum.map_or(most, |allowed| allowed.min(most));
    Ok(setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?)
}
