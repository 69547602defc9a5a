//! The commands of the binary, one file each; each calls the library.
//!
//! What a command answers goes to standard output, for people or with `--json` for programs; everything else goes to
//! standard error. Exit codes: see [`Exit`].

use std::{ffi::OsString, io::Write as _, path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};

use crate::{
    config::{Config, ConfigError, Environment},
    plugins::package::apart,
    report::QuietText,
};

mod build;
mod check;
mod client;
mod count;
mod dev;
mod doctor;
mod listen;
mod log;
mod logging;
mod new;
mod open_files;
mod output;
mod run;
mod running;
mod send;
mod server;
mod signals;
mod test;
mod words;

/// A bot host for CppComet servers: routes pipe events to sandboxed WebAssembly plugins.
#[derive(Debug, Parser)]
#[command(name = "cometbot", version, arg_required_else_help = true, after_help = Exit::HELP)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
struct Common {
    /// The configuration file [default: bot.toml, and COMETBOT_CONFIG if it is set]
    #[arg(long, global = true, value_name = "FILE", display_order = 100)]
    config: Option<PathBuf>,
    /// Answer in JSON, one object a line
    #[arg(long, global = true, display_order = 100)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the bot
    Run,
    /// Read the configuration and load every plugin, without connecting to anything
    Check,
    /// Show how the plugins of the running bot do
    Plugins(running::plugins::Arguments),
    /// Let the running bot look at its files now
    Reload(running::reload::Arguments),
    /// Put the last good version of a plugin back
    Rollback(running::Change),
    /// Switch a plugin off
    Disable(running::disable::Arguments),
    /// Switch a plugin on again
    Enable(running::enable::Arguments),
    /// Grant a plugin what its waiting version asks for, or what it asks for and does not have
    Grant(running::Change),
    /// Take back what was granted to a plugin by command
    Revoke(running::revoke::Arguments),
    /// Run a candidate beside a plugin, without effect, and compare the two
    Shadow(running::shadow::Arguments),
    /// Let a plugin's candidate take over
    Promote(running::Change),
    /// Look at the events that plugins failed to handle, and handle them again
    Quarantine(running::quarantine::Arguments),
    /// Run the embedded comet server alone
    Server(server::Arguments),
    /// Send an event into a pipe
    Send(send::Arguments),
    /// Show what happens in pipes
    Listen(listen::Arguments),
    /// Show a pipe's last messages
    Log(log::Arguments),
    /// Show how many connections subscribe to a pipe
    Count(count::Arguments),
    /// Make the folder of a new plugin
    New(new::Arguments),
    /// Build plugins with the tools of their languages
    Build(build::Arguments),
    /// Build plugins and play their tests to them
    Test(test::Arguments),
    /// Build plugins again whenever their sources change
    Dev(dev::Arguments),
    /// Show in which languages plugins can be built here, and what the others lack
    Doctor(doctor::Arguments),
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exit {
    /// The command did not do what it was asked to.
    Failed = 1,
    /// The arguments or the configuration are wrong: nothing was tried.
    Usage = 2,
    /// There is no connection to the comet server, or it does not accept the login.
    NoConnection = 3,
    /// A version waits for the operator.
    Waiting = 4,
    /// A version failed, and the last good one runs again.
    RolledBack = 5,
    /// There is no bot that could be asked.
    NoBot = 6,
}

impl Exit {
    const HELP: &str = "Exit codes:\n  0  done\n  1  not done: standard error says why\n  2  wrong arguments or \
                        configuration\n  3  no connection to the comet server, or it does not accept the \
                        login\n  4  a version waits for you to grant what it asks for\n  5  a version failed, and the last good \
                        one runs again\n  6  no bot runs here";
}

/// Why a command did not do what it was asked to.
#[derive(Debug)]
struct CliError {
    exit: Exit,
    message: String,
}

impl CliError {
    fn failed(error: impl std::fmt::Display) -> Self {
        Self { exit: Exit::Failed, message: error.to_string() }
    }

    fn usage(error: impl std::fmt::Display) -> Self {
        Self { exit: Exit::Usage, message: error.to_string() }
    }

    fn no_connection(error: impl std::fmt::Display) -> Self {
        Self { exit: Exit::NoConnection, message: error.to_string() }
    }
}

impl From<ConfigError> for CliError {
    fn from(error: ConfigError) -> Self {
        Self::usage(error)
    }
}

impl From<std::io::Error> for CliError {
    fn from(error: std::io::Error) -> Self {
        Self::failed(error)
    }
}

impl Common {
    /// Reads the configuration that was named, or bot.toml.
    fn load(&self) -> Result<Config, CliError> {
        Ok(Config::load(&self.config_path(), &environment())?)
    }

    /// The same, but a bot.toml that is not there is as good as an empty one: a client needs none.
    fn load_if_there(&self) -> Result<Config, CliError> {
        let path = self.config_path();
        if self.config.is_none() && !path.exists() {
            return Ok(Config::parse(&path, "", &environment())?);
        }
        self.load()
    }

    fn config_path(&self) -> PathBuf {
        let named = self.config.clone().or_else(|| std::env::var_os("COMETBOT_CONFIG").map(PathBuf::from));
        named.unwrap_or_else(|| "bot.toml".into())
    }
}

fn environment() -> Environment {
    Environment::new(std::env::vars_os())
}

/// Does what the arguments say; gives the exit code.
#[must_use]
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    // First of all, since it is started for every plugin and needs nothing of what follows.
    if arguments.get(1).is_some_and(|command| command == apart::COMMAND) {
        return apart::child::main(arguments.into_iter().skip(2));
    }
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // A broken pipe is the only thing that can go wrong, and there is nobody left to tell.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(Exit::Usage as u8) } else { ExitCode::SUCCESS };
        }
    };
    match dispatch(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "cometbot: {}", QuietText(&error.message));
            ExitCode::from(error.exit as u8)
        }
    }
}

fn dispatch(cli: &Cli) -> Result<(), CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let common = &cli.common;
    let outcome = runtime.block_on(async {
        match &cli.command {
            Command::Run => run::run(common).await,
            Command::Check => check::run(common).await,
            Command::Plugins(arguments) => running::plugins::run(common, arguments).await,
            Command::Reload(arguments) => running::reload::run(common, arguments).await,
            Command::Rollback(arguments) => running::rollback::run(common, arguments).await,
            Command::Disable(arguments) => running::disable::run(common, arguments).await,
            Command::Enable(arguments) => running::enable::run(common, arguments).await,
            Command::Grant(arguments) => running::grant::run(common, arguments).await,
            Command::Revoke(arguments) => running::revoke::run(common, arguments).await,
            Command::Shadow(arguments) => running::shadow::run(common, arguments).await,
            Command::Promote(arguments) => running::promote::run(common, arguments).await,
            Command::Quarantine(arguments) => running::quarantine::run(common, arguments).await,
            Command::Server(arguments) => server::run(common, arguments).await,
            Command::Send(arguments) => send::run(common, arguments).await,
            Command::Listen(arguments) => listen::run(common, arguments).await,
            Command::Log(arguments) => log::run(common, arguments).await,
            Command::Count(arguments) => count::run(common, arguments).await,
            Command::New(arguments) => new::run(common, arguments),
            Command::Build(arguments) => build::run(common, arguments).await,
            Command::Test(arguments) => test::run(common, arguments).await,
            Command::Dev(arguments) => dev::run(common, arguments).await,
            Command::Doctor(arguments) => doctor::run(common, arguments).await,
        }
    });
    // A plugin that is still being compiled must not hold up the end.
    runtime.shutdown_background();
    outcome
}
