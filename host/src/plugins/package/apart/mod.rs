//! A process of its own in which one file is compiled, and nothing else.
//!
//! Nobody can interrupt a compiler, and a file of a few kilobytes can keep one busy for minutes or have it take all memory.
//! A process can be bounded and killed. It is this same program, started with [`COMMAND`]; it gets the file's bytes on
//! standard input and answers on standard output ([`request`]). [`child`] is its side, called by `cli`; this module is the
//! bot's side. An answer is believed no more than a file of the folder of compiled plugins: it carries the same hash, with
//! a key that was made for it.

use std::{
    io::{self, Read as _},
    path::PathBuf,
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio},
    sync::mpsc,
    thread::{self, Builder},
};

pub use self::error::ApartError;
use self::request::Request;
use super::entry::{self, KEY_BYTES};
use crate::config::CompileBounds;

pub mod child;
#[cfg(unix)]
mod confine;
mod error;
mod request;

/// The command by which this program compiles one file. Nobody types it.
pub const COMMAND: &str = "compile-plugin";

/// Threads that compile one file: more gain little for one file, and each takes room for a stack and a heap.
const THREADS_MAX: usize = 4;
/// The engine's library takes the number of its threads from this variable.
const THREADS: &str = "RAYON_NUM_THREADS";
/// The machine code is in the bot's memory afterwards, so it is bounded too: by this part of the memory for compiling, of
/// which plugins need ten times what their code is.
const CODE_SHARE: u64 = 8;
/// What is read of what the process says on standard error: the first words tell why it died.
const COMPLAINT_BYTES: u64 = 4096;

/// A compiler in a process of its own.
#[derive(Debug, Clone)]
pub struct Apart {
    program: PathBuf,
    bounds: CompileBounds,
}

/// What came of it.
pub(super) struct Answer {
    /// The key that was made for this answer.
    pub(super) key: [u8; KEY_BYTES],
    /// What should be an entry.
    pub(super) entry: Vec<u8>,
}

/// What was heard of a process that has ended.
struct Heard {
    /// None if it had to be killed, because its time was over.
    answer: Option<Vec<u8>>,
    complaint: Vec<u8>,
    status: ExitStatus,
}

impl Apart {
    /// A compiler in a process of this same program, within `bounds`. The program has to hand its arguments to
    /// [`crate::cli::main`].
    ///
    /// # Errors
    /// If the system does not say which program this is.
    pub fn this_program(bounds: CompileBounds) -> io::Result<Self> {
        Ok(Self { program: this_program()?, bounds })
    }

    /// The same within other bounds.
    #[must_use]
    pub fn within(self, bounds: CompileBounds) -> Self {
        Self { bounds, ..self }
    }

    /// Has `bytes` made into an entry, for an engine that meters or does not. The process has ended when this returns.
    pub(super) fn compile(&self, bytes: &[u8], is_metered: bool) -> Result<Answer, ApartError> {
        let key = entry::new_key().map_err(|why| ApartError::Start(io::Error::other(why)))?;
        let mut child = self.command(is_metered).spawn().map_err(ApartError::Start)?;
        let heard = self.talk(&mut child, &Request { key, bytes }).map_err(ApartError::Start)?;
        let answer = heard.answer.ok_or_else(|| ApartError::time(self.bounds))?;
        if answer.len() as u64 > self.code_bytes() {
            return Err(ApartError::Code { mib: self.code_bytes() >> 20 });
        }
        if !heard.status.success() {
            return Err(ApartError::died(self.bounds, heard.status, &heard.complaint));
        }
        match request::refusal(&answer) {
            Some(words) => Err(ApartError::refused(self.bounds, words)),
            None => Ok(Answer { key, entry: answer }),
        }
    }

    const fn code_bytes(&self) -> u64 {
        self.bounds.memory_bytes / CODE_SHARE
    }

    fn command(&self, is_metered: bool) -> Command {
        let threads = thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX);
        let mut command = Command::new(&self.program);
        #[cfg(unix)]
        std::os::unix::process::CommandExt::arg0(&mut command, env!("CARGO_PKG_NAME"));
        command.arg(COMMAND).args(child::Bounds::new(self.bounds, threads, is_metered).to_arguments());
        // Nothing of what the bot was told is for a process that reads strangers' files.
        command.env_clear().env(THREADS, threads.to_string());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Hands over the request and hears the answer, both however long they are, and sees the process end.
    fn talk(&self, child: &mut Child, request: &Request<'_>) -> io::Result<Heard> {
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        thread::scope(|scope| {
            let (done, answered) = mpsc::channel();
            let start = || {
                let (Some(stdin), Some(stdout), Some(stderr)) = pipes else {
                    return Err(io::Error::from(io::ErrorKind::BrokenPipe));
                };
                // It ends when its standard input does, so that one is held until it has ended.
                let ask = Builder::new().spawn_scoped(scope, move || ask(stdin, request))?;
                let complaint = Builder::new().spawn_scoped(scope, move || complaint(stderr))?;
                // One byte more shows that it is too long.
                let most_bytes = self.code_bytes().saturating_add(1);
                Builder::new().spawn_scoped(scope, move || done.send(answer(stdout, most_bytes)))?;
                Ok((ask, complaint))
            };
            let threads = start();
            let answer = threads.as_ref().ok().and_then(|_| answered.recv_timeout(self.bounds.time).ok());
            if answer.is_none() {
                // That it has ended just now is as good.
                let _ = child.kill();
            }
            let status = child.wait()?;
            let (_, complaint) = threads?;
            Ok(Heard { answer, complaint: complaint.join().unwrap_or_default(), status })
        })
    }
}

/// Hands over the request; gives back the pipe, still open.
fn ask(mut stdin: ChildStdin, request: &Request<'_>) -> ChildStdin {
    // A process that died before it had read all of it has said why.
    let _ = request.write(&mut stdin);
    stdin
}

/// What it answers, up to `most_bytes`.
fn answer(stdout: ChildStdout, most_bytes: u64) -> Vec<u8> {
    let mut answer = Vec::new();
    let read = stdout.take(most_bytes).read_to_end(&mut answer);
    read.map_or_else(|_| Vec::new(), |_| answer)
}

/// The first words of what it complains of.
fn complaint(mut stderr: ChildStderr) -> Vec<u8> {
    let mut words = Vec::new();
    // As far as they can be read; the rest is read so that it need not wait for us.
    let _ = stderr.by_ref().take(COMPLAINT_BYTES).read_to_end(&mut words);
    let _ = io::copy(&mut stderr, &mut io::sink());
    words
}

/// The file that this process was started from. It may have been replaced since, and another version must not compile for
/// this one: the system has a name for the very file.
fn this_program() -> io::Result<PathBuf> {
    if cfg!(target_os = "linux") {
        let program = PathBuf::from("/proc/self/exe");
        program.symlink_metadata()?;
        return Ok(program);
    }
    std::env::current_exe()
}

#[cfg(test)]
mod tests;
