//! Running other programs: a language's own tools, with their own words on the terminal.

use std::{
    ffi::{OsStr, OsString},
    fmt, io,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
};

use tokio::process::Command;

/// Variables that cargo hands to the programs it runs, such as a test that runs us: meant for one build, they break
/// another. Those who say where things are, or how to reach a registry, stay.
const OF_CARGO: [&str; 3] = ["CARGO", "RUST", "LD_LIBRARY_PATH"];
const KEPT_OF_CARGO: [&str; 8] = [
    "CARGO_HOME",
    "CARGO_BUILD_JOBS",
    "CARGO_TARGET_DIR",
    "CARGO_HTTP_",
    "CARGO_NET_",
    "CARGO_REGISTRIES_",
    "CARGO_TERM_",
    "RUSTUP_",
];

/// A program, its arguments, where and with which variables it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    program: PathBuf,
    arguments: Vec<OsString>,
    variables: Vec<(&'static str, OsString)>,
    folder: Option<PathBuf>,
}

/// A program did not do what it was run for.
#[derive(Debug, thiserror::Error)]
pub enum InvocationError {
    /// It could not be started.
    #[error("cannot run {}: {source}", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It ended with a failure, and has said why itself.
    #[error("`{command}` ended with {status}; what it said is above")]
    Failed {
        /// What was run.
        command: String,
        /// How it ended.
        status: ExitStatus,
    },
}

impl Invocation {
    /// Runs `program`, which is looked for in PATH unless it is a path.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self { program: program.into(), arguments: Vec::new(), variables: Vec::new(), folder: None }
    }

    /// With one more argument.
    #[must_use]
    pub fn argument(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// With more arguments.
    #[must_use]
    pub fn arguments<S: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// With an environment variable.
    #[must_use]
    pub fn variable(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.variables.push((name, value.into()));
        self
    }

    /// In this folder instead of the present one.
    #[must_use]
    pub fn within(mut self, folder: &Path) -> Self {
        self.folder = Some(folder.to_owned());
        self
    }

    /// Runs it to its end; all that it says goes to standard error, as it says it.
    ///
    /// # Errors
    /// If it cannot be run, or ends with a failure.
    pub async fn run(&self) -> Result<(), InvocationError> {
        let status = self.command().stdout(io::stderr()).status().await.map_err(|source| self.start(source))?;
        if status.success() { Ok(()) } else { Err(self.failed(status)) }
    }

    /// Runs it to its end and gives what it wrote to standard output; the rest goes to standard error as it comes.
    ///
    /// # Errors
    /// If it cannot be run, or ends with a failure.
    pub async fn output(&self) -> Result<String, InvocationError> {
        let child = self.command().stdout(Stdio::piped()).spawn().map_err(|source| self.start(source))?;
        let output = child.wait_with_output().await.map_err(|source| self.start(source))?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            Err(self.failed(output.status))
        }
    }

    /// What it writes to standard output, if it can be run and ends well. Its other words are of no interest.
    pub async fn answer(&self) -> Option<String> {
        let child = self.command().stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
        let output = child.wait_with_output().await.ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).stdin(Stdio::null()).stderr(Stdio::inherit()).kill_on_drop(true);
        for (name, _) in std::env::vars_os().filter(|(name, _)| is_of_cargo(name)) {
            command.env_remove(name);
        }
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        command
    }

    fn start(&self, source: io::Error) -> InvocationError {
        InvocationError::Start { program: self.program.clone(), source }
    }

    fn failed(&self, status: ExitStatus) -> InvocationError {
        InvocationError::Failed { command: self.to_string(), status }
    }
}

/// As it would be typed.
impl fmt::Display for Invocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.variables {
            write!(f, "{name}={} ", quoted(value))?;
        }
        write!(f, "{}", quoted(self.program.as_os_str()))?;
        self.arguments.iter().try_for_each(|argument| write!(f, " {}", quoted(argument)))
    }
}

fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./=:@,+%~".contains(&byte);
    if !word.is_empty() && word.bytes().all(is_plain) {
        word.into_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

fn is_of_cargo(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    OF_CARGO.iter().any(|prefix| name.starts_with(prefix))
        && !KEPT_OF_CARGO.iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn it_is_shown_as_it_would_be_typed() {
        let build = Invocation::new("go").arguments(["build", "-ldflags=-s -w"]).variable("GOOS", "wasip1");
        assert_eq!(build.to_string(), "GOOS=wasip1 go build '-ldflags=-s -w'");
        assert_eq!(Invocation::new("echo").argument("it's").to_string(), r"echo 'it'\''s'");
    }

    #[tokio::test]
    async fn a_failure_names_the_command_and_how_it_ended() {
        let words = Invocation::new("sh").arguments(["-c", "exit 3"]).run().await.unwrap_err().to_string();
        assert_eq!(words, "`sh -c 'exit 3'` ended with exit status: 3; what it said is above");
        let words = Invocation::new("no-such-tool").run().await.unwrap_err().to_string();
        assert!(words.starts_with("cannot run no-such-tool: "), "{words}");
    }

    #[tokio::test]
    async fn it_runs_in_its_folder_with_its_variables_and_without_those_of_a_cargo_around_us() {
        let folder = tempfile::tempdir().unwrap();
        let script = "echo $A; pwd -P; env | grep -c ^CARGO_PKG_NAME || true";
        let shell = Invocation::new("sh").arguments(["-c", script]).variable("A", "1").within(folder.path());
        let path = folder.path().canonicalize().unwrap();
        assert_eq!(shell.answer().await.unwrap(), format!("1\n{}\n0", path.display()));
    }
}
