//! A token from a program: it is run, and what it prints is the token.
//!
//! For stores of secrets and for whoever issues JSON web tokens. Called by [`LoginSource`](super::LoginSource) alone.
//! What the program prints goes nowhere but into the token, and its arguments show in no message, since there are people
//! who put secrets there. What it says on standard error is shown when it fails, in brief.

use std::{
    fmt, io,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    process::{Child, Command},
    time::timeout,
};

use super::{LoginFault, Token};
use crate::report::brief;

/// How long the program may take, from its start to the end of what it prints.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(10);
/// How much it may print. A token has 599 bytes at most; the rest is room for white space.
const OUTPUT_MAX_BYTES: u64 = 4096;
/// How much is kept of what it says on standard error, and how much of that is shown.
const SAID_MAX_BYTES: u64 = 4096;
const SAID_SHOWN_BYTES: usize = 300;

/// A program with its arguments that prints a token.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenCommand {
    program: String,
    arguments: Vec<String>,
}

/// Why a program gave no token. No message repeats what it printed.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// It could not be started.
    #[error("token-command {program} cannot be run: {source}; write its whole path, or a name that is found in PATH")]
    NotRun {
        /// The program.
        program: String,
        /// What the system says.
        source: io::Error,
    },
    /// It ran too long.
    #[error(
        "token-command {program} has not ended within {} s and was stopped: it must print the token and end, and can \
         ask nobody",
        COMMAND_TIMEOUT.as_secs()
    )]
    Late {
        /// The program.
        program: String,
    },
    /// It ended with a failure.
    #[error("token-command {program} failed ({status}{said}): run it as the bot's user to see why")]
    Failed {
        /// The program.
        program: String,
        /// How it ended.
        status: ExitStatus,
        /// What it said on standard error, in brief, as the end of a clause; or nothing.
        said: String,
    },
    /// It printed nothing.
    #[error("token-command {program} printed nothing: it must print the token on standard output")]
    Empty {
        /// The program.
        program: String,
    },
    /// It printed more than a token.
    #[error(
        "token-command {program} printed more than {OUTPUT_MAX_BYTES} bytes: it must print the token and nothing else"
    )]
    TooLong {
        /// The program.
        program: String,
    },
    /// It printed something else.
    #[error("what token-command {program} printed is no token: {source}")]
    NoToken {
        /// The program.
        program: String,
        /// What is wrong.
        source: LoginFault,
    },
}

impl TokenCommand {
    /// The program and its arguments; none if no program is named. No shell is involved.
    #[must_use]
    pub fn new(words: impl IntoIterator<Item = String>) -> Option<Self> {
        let mut words = words.into_iter();
        let program = words.next().filter(|program| !program.trim().is_empty())?;
        Some(Self { program, arguments: words.collect() })
    }

    /// The program, without its arguments.
    #[must_use]
    pub fn program(&self) -> &str {
        &self.program
    }

    /// Runs the program and takes the token that it prints. Dropping the future ends the program.
    pub(super) async fn run(&self) -> Result<Token, CommandError> {
        let program = || self.program.clone();
        let not_run = |source| CommandError::NotRun { program: program(), source };
        let mut running = Running::start(self).map_err(not_run)?;
        let (status, printed, said) = timeout(COMMAND_TIMEOUT, running.outcome())
            .await
            .map_err(|_| CommandError::Late { program: program() })?
            .map_err(not_run)?;
        let text = String::from_utf8_lossy(&printed);
        let text = text.trim();
        if !status.success() {
            return Err(CommandError::Failed { program: program(), status, said: in_brief(&said, text) });
        }
        if text.is_empty() {
            return Err(CommandError::Empty { program: program() });
        }
        if printed.len() as u64 > OUTPUT_MAX_BYTES {
            return Err(CommandError::TooLong { program: program() });
        }
        Token::new(text).map_err(|source| CommandError::NoToken { program: program(), source })
    }
}

impl fmt::Debug for TokenCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} with {} arguments", self.program, self.arguments.len())
    }
}

/// A program that runs. Dropping it ends the program.
struct Running(Child);

impl Running {
    fn start(command: &TokenCommand) -> io::Result<Self> {
        let mut process = Command::new(&command.program);
        process
            .args(&command.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        // A group of its own, so that what a script has started is ended with it.
        #[cfg(unix)]
        process.process_group(0);
        process.spawn().map(Self)
    }

    /// How it ended, what it printed (one byte more than allowed if that was too much), and what it said.
    async fn outcome(&mut self) -> io::Result<(ExitStatus, Vec<u8>, Vec<u8>)> {
        let (printed, said) = (self.0.stdout.take(), self.0.stderr.take());
        tokio::try_join!(self.0.wait(), beginning(printed, OUTPUT_MAX_BYTES + 1), beginning(said, SAID_MAX_BYTES))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Only as long as the program has not been waited for, when its number can belong to nobody else.
        #[cfg(unix)]
        if let Some(group) = self.0.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw)
        {
            // What has ended meanwhile needs no end.
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
    }
}

/// The first `most` bytes. The rest is read as well, since a program that nobody listens to waits for ever.
async fn beginning(stream: Option<impl AsyncRead + Unpin>, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let Some(mut stream) = stream else { return Ok(bytes) };
    (&mut stream).take(most).read_to_end(&mut bytes).await?;
    tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
    Ok(bytes)
}

/// What a program said, for [`CommandError::Failed`]: one line, without the token that it may have let slip.
fn in_brief(said: &[u8], token: &str) -> String {
    let said = String::from_utf8_lossy(said);
    let said = if token.is_empty() { said.into_owned() } else { said.replace(token, "***") };
    let said = said.trim();
    if said.is_empty() {
        return String::new();
    }
    let shown = said.get(..said.floor_char_boundary(SAID_SHOWN_BYTES)).unwrap_or_default();
    format!(", saying: {}{}", brief(shown), if shown.len() < said.len() { "…" } else { "" })
}

#[cfg(all(test, unix))]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
    use super::*;

    fn shell(script: &str) -> TokenCommand {
        TokenCommand::new(["sh", "-c", script].map(str::to_owned)).unwrap()
    }

    async fn complaint(script: &str) -> String {
        shell(script).run().await.unwrap_err().to_string()
    }

    #[tokio::test]
    async fn what_a_program_prints_is_the_token() {
        let token = shell("printf ' \\n0123.abc-_\\n\\n'").run().await.unwrap();
        assert_eq!(token.reveal(), "0123.abc-_");
    }

    #[tokio::test]
    async fn a_program_that_gives_no_token_says_why() {
        assert!(complaint("exit 0").await.contains("sh printed nothing"));
        assert!(complaint("printf '5ecre7 x'").await.contains("is no token"));
        let failed = complaint("echo 'no such secret' >&2; echo and more >&2; exit 3").await;
        assert!(failed.contains("exit status: 3") && failed.contains("saying: no such secret\\nand more"), "{failed}");
        let silent = complaint("exit 3").await;
        assert!(silent.contains("(exit status: 3): run it"), "{silent}");
        let missing = TokenCommand::new(["/does/not/exist".to_owned()]).unwrap().run().await.unwrap_err().to_string();
        assert!(missing.contains("/does/not/exist cannot be run") && missing.contains("PATH"), "{missing}");
    }

    #[tokio::test]
    async fn a_program_that_prints_or_says_without_end_is_held_to_its_bounds() {
        let flood = complaint("head -c 300000 /dev/zero | tr '\\0' x").await;
        assert!(flood.contains("more than 4096 bytes"), "{flood}");
        let noise = complaint("head -c 300000 /dev/zero | tr '\\0' x >&2; exit 1").await;
        assert!(noise.contains("xxx…") && noise.len() < 600, "{noise}");
    }

    #[tokio::test]
    async fn no_secret_shows_in_a_complaint_or_in_debug_output() {
        for script in [
            "printf '5ecre7 x'",
            "echo 5ecre7; exit 1",
            "echo 5ecre7; echo 'printed 5ecre7' >&2; exit 1",
            "exit 1 # 5ecre7",
        ] {
            let error = shell(script).run().await.unwrap_err();
            assert!(!error.to_string().contains("5ecre7"), "{error}");
            assert!(!format!("{error:?} {:?}", shell(script)).contains("5ecre7"), "{error:?}");
        }
    }

    #[tokio::test]
    async fn a_program_can_ask_nobody() {
        assert!(complaint("cat").await.contains("printed nothing"), "its input has ended");
    }

    /// The script's own child holds the pipe that the test reads: it ends when that child does.
    #[tokio::test]
    async fn a_program_that_is_given_up_ends_with_all_that_it_started() {
        let directory = tempfile::tempdir().unwrap();
        let pipe = directory.path().join("pipe");
        let path = pipe.display();
        let script = shell(&format!("mkfifo {path}; (echo started; exec tail -f /dev/null) > {path}; true"));
        let begun = async {
            while !pipe.exists() {
                tokio::task::yield_now().await;
            }
            let mut opened = tokio::fs::File::open(&pipe).await.unwrap();
            let mut started = [0; 8];
            opened.read_exact(&mut started).await.unwrap();
            opened
        };
        let mut opened = tokio::select! {
            opened = begun => opened,
            outcome = script.run() => panic!("{outcome:?}"),
        };
        let mut rest = Vec::new();
        let read = timeout(COMMAND_TIMEOUT, opened.read_to_end(&mut rest)).await;
        read.expect("it still runs").unwrap();
    }

    #[test]
    fn a_command_names_a_program() {
        assert!(TokenCommand::new([]).is_none());
        assert!(TokenCommand::new([" ".to_owned()]).is_none());
    }
}
