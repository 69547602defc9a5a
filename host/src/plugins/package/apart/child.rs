//! The compiling process: bounds itself, reads one file from standard input, answers, and ends. It has no runtime, no
//! configuration and no log, and it knows nothing of the bot.

use std::{
    ffi::OsString,
    io::{self, Read as _, Write as _},
    process::{self, ExitCode},
    str::FromStr,
    thread,
};

use super::{
    super::{
        ContentHash, PackageError,
        encode::{self, Encoded},
        entry::{Key, Known},
    },
    request,
};
use crate::{config::CompileBounds, plugins::sandbox};

/// What it is told by its arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    memory_bytes: u64,
    cpu_seconds: u64,
    /// Whether the code meters what it computes.
    is_metered: bool,
}

/// The stack of the thread that waits for the bot's end.
const WATCH_STACK_BYTES: usize = 64 * 1024;

impl Bounds {
    /// The bot counts seconds, and kills it. This holds if the bot cannot: each of `threads` may run all the time.
    pub(super) fn new(bounds: CompileBounds, threads: usize, is_metered: bool) -> Self {
        let cpu_seconds = bounds.time.as_secs().saturating_add(1).saturating_mul(threads as u64);
        Self { memory_bytes: bounds.memory_bytes, cpu_seconds, is_metered }
    }

    pub(super) fn to_arguments(self) -> [String; 3] {
        [self.memory_bytes, self.cpu_seconds, u64::from(self.is_metered)].map(|number| number.to_string())
    }

    fn of_arguments(mut arguments: impl Iterator<Item = OsString>) -> Option<Self> {
        let mut next = || u64::from_str(arguments.next()?.to_str()?).ok();
        Some(Self { memory_bytes: next()?, cpu_seconds: next()?, is_metered: next()? != 0 })
    }
}

/// Compiles one file, as `arguments`, what follows the command's name, and standard input say.
#[must_use]
pub fn main(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let outcome = match Bounds::of_arguments(arguments) {
        Some(bounds) => run(bounds),
        None => Err(io::Error::other("the bot runs this command to compile plugins, and nobody else")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The bot reads it, if it is still there.
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(bounds: Bounds) -> io::Result<()> {
    #[cfg(unix)]
    super::confine::confine(bounds.memory_bytes, bounds.cpu_seconds)?;
    // Whatever folder the bot was started in shall not be held by us.
    std::env::set_current_dir("/")?;
    let (key, bytes) = request::read(io::stdin().lock())?;
    end_with_the_bot()?;
    let mut stdout = io::stdout().lock();
    match compile(&Key::new(&key), &bytes, bounds.is_metered) {
        Ok(entry) => stdout.write_all(&entry)?,
        Err(error) => request::refuse(&mut stdout, &error.to_string())?,
    }
    stdout.flush()
}

/// The bot keeps our standard input open for as long as it lives. Whatever we do by then, nobody wants it any more.
fn end_with_the_bot() -> io::Result<()> {
    let watch = || {
        if !matches!(io::stdin().lock().read(&mut [0]), Ok(1)) {
            process::abort();
        }
    };
    thread::Builder::new().stack_size(WATCH_STACK_BYTES).spawn(watch)?;
    Ok(())
}

pub(super) fn compile(key: &Key, bytes: &[u8], is_metered: bool) -> Result<Vec<u8>, PackageError> {
    let Encoded { component, landmarks } = encode::component(bytes)?;
    let known = Known::of(bytes, landmarks)?;
    let engine = sandbox::compiler(is_metered).map_err(PackageError::Compile)?;
    let code = engine.precompile_component(&component).map_err(PackageError::Compile)?;
    key.seal(ContentHash::of(bytes), &known, &code).map_err(|why| PackageError::Compile(wasmtime::Error::msg(why)))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn bounds_are_read_as_they_were_written_and_nothing_else_is_taken_for_any() {
        let bounds = Bounds::new(CompileBounds { time: Duration::from_secs(60), memory_bytes: 1 << 31 }, 2, true);
        assert_eq!(bounds.to_arguments(), ["2147483648", "122", "1"]);
        assert_eq!(Bounds::of_arguments(bounds.to_arguments().map(OsString::from).into_iter()), Some(bounds));
        for wrong in [&[][..], &["1", "1"], &["1", "1", "x"], &["-1", "1", "1"]] {
            assert_eq!(Bounds::of_arguments(wrong.iter().map(OsString::from)), None, "{wrong:?}");
        }
    }
}
