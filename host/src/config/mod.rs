//! bot.toml and the environment → checked types.
//!
//! [`Config::load`] reads everything and checks everything before anything is bound, opened or started. An error is one
//! message: file and line (or environment variable), what is wrong, what to write instead. Pure but for reading the file
//! and the secrets that it names. Called by `cli`, and by `bot` for a file that has changed.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use self::check::Checker;
use crate::{
    comet::{
        address::Address,
        link::connect::{Manner, Settings},
    },
    report::Quiet,
};

mod allowed;
mod assemble;
mod check;
mod difference;
mod environment;
pub mod error;
mod limits;
mod raw;
mod server;
mod terms;

pub use self::{
    allowed::{Allowed, is_other_name},
    difference::{Difference, Reserved},
    environment::{Environment, PREFIX as ENVIRONMENT_PREFIX},
    error::ConfigError,
    raw::{Era, Faults, LogFormat},
    terms::{Breaker, NewGrants, PluginTerms, Probation, QueueFull, Rate, Retry},
};
pub use crate::comet::outbox::Delivery;

/// A checked configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// Which server to connect to.
    pub server: Server,
    /// How the embedded server is set up, whether it is used or not.
    pub embedded: Embedded,
    /// The folder and what a plugin gets if nothing else is said.
    pub plugins: Plugins,
    /// How the bot runs.
    pub service: Service,
    /// How it logs.
    pub log: Log,
    /// Files with secrets that others on this machine can read.
    pub exposed: Vec<PathBuf>,
}

/// Which server to connect to.
#[derive(Debug, Clone)]
pub enum Server {
    /// The embedded one, whose address is known only once it listens.
    Embedded {
        /// How to connect to it.
        manner: Manner,
        /// The version that we speak, as `N.N`.
        version: String,
    },
    /// Another one.
    At {
        /// The one to try first.
        settings: Settings,
        /// Others that are as good, to be tried in turn.
        others: Vec<Address>,
    },
}

/// A text that no log shows.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// A text that no log shall show.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The text itself, for the one who needs it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_empty() { "none" } else { "***" })
    }
}

/// The embedded server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Embedded {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Which pipes keep a log, and how many messages: a name, or a beginning and `*`.
    pub logs: Vec<(String, usize)>,
    /// The file with its users, if it has any.
    pub users_file: Option<PathBuf>,
    /// What JWTs are signed with.
    pub password: Secret,
    /// Whether it has the real server's bugs.
    pub faults: Faults,
    /// Which server it is like.
    pub era: Era,
}

/// The folder and what plugins get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plugins {
    /// The folder that is watched.
    pub folder: PathBuf,
    /// The most plugins that can run.
    pub max: usize,
    /// How many good versions of each plugin are kept, to go back to.
    pub keep_versions: usize,
    /// The stack that a plugin's functions may use, in bytes.
    pub stack_bytes: usize,
    /// The largest file that is taken for a plugin, in bytes.
    pub file_bytes: u64,
    /// What compiling a file may take.
    pub compile: CompileBounds,
    /// What a plugin gets if nothing else is said.
    pub defaults: PluginTerms,
    /// What single plugins get, by name.
    pub named: BTreeMap<String, PluginTerms>,
}

/// What compiling one file may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompileBounds {
    /// How long it may take.
    pub time: Duration,
    /// The memory that it may take, in bytes.
    pub memory_bytes: u64,
}

impl Plugins {
    /// What the plugin called `name` gets.
    #[must_use]
    pub fn terms(&self, name: &str) -> &PluginTerms {
        self.named.get(name).unwrap_or(&self.defaults)
    }

    /// The most memory that any plugin may have, in bytes.
    #[must_use]
    pub fn largest_memory_bytes(&self) -> usize {
        let named = self.named.values().map(|terms| terms.memory_bytes);
        named.fold(self.defaults.memory_bytes, usize::max)
    }

    /// Whether what any plugin computes is metered.
    #[must_use]
    pub fn is_metered(&self) -> bool {
        self.named.values().chain([&self.defaults]).any(|terms| terms.fuel_per_event.is_some())
    }
}

/// How the bot runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// How much may wait to be sent for each plugin, in bytes.
    pub outbox_bytes: usize,
    /// How many sends may wait for each plugin.
    pub outbox_sends: usize,
    /// Where they wait.
    pub outbox: Outbox,
    /// What becomes of unanswered sends when the connection is lost.
    pub delivery: Delivery,
    /// Where metrics are served, if they are.
    pub metrics: Option<SocketAddr>,
    /// The folder of what outlives the bot: the last good versions of plugins, what was granted, the quarantine.
    pub state_folder: PathBuf,
    /// The socket over which the commands for a running bot reach it.
    pub control: PathBuf,
    /// How long stopping may take.
    pub drain: Duration,
}

/// Where sends wait until the server has answered them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outbox {
    /// In memory: they end with the process.
    Memory,
    /// In files of this folder as well: they outlive the process.
    Disk(PathBuf),
}

/// How the bot logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// For people or for programs.
    pub format: LogFormat,
    /// From which level on, or a filter such as `info,plugin=debug`.
    pub level: String,
}

impl Config {
    /// Reads `path` and the environment. Relative paths in the file count from where the file lies.
    ///
    /// # Errors
    /// A [`ConfigError`] with place, fault and remedy.
    pub fn load(path: &Path, environment: &Environment) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        Self::parse(path, &text, environment)
    }

    /// Reads the text of a file that lies at `path`.
    ///
    /// # Errors
    /// A [`ConfigError`] with place, fault and remedy.
    pub fn parse(path: &Path, text: &str, environment: &Environment) -> Result<Self, ConfigError> {
        let raw = environment::merge(path, text, environment)?;
        let check = Checker { path, text, environment, exposed: RefCell::default() };
        Ok(Self {
            server: server::server(&raw.server, &check)?,
            embedded: assemble::embedded(&raw, &check)?,
            plugins: assemble::plugins(&raw, &check)?,
            service: assemble::service(&raw, &check)?,
            log: assemble::log(&raw, &check)?,
            exposed: check.exposed.into_inner().into_iter().collect(),
        })
    }
}

impl Config {
    /// What is not wrong and should be another way, one sentence each.
    pub fn warnings(&self) -> impl Iterator<Item = String> {
        self.exposed.iter().map(|file| {
            let file = file.display().to_string();
            format!(
                "others on this machine can read {}, which holds a secret: take that from them with chmod 600",
                Quiet(&file)
            )
        })
    }
}

/// Where the control socket is of a bot whose configuration is `file`, unless that says otherwise.
#[must_use]
pub fn usual_control_socket(file: &Path) -> PathBuf {
    file.with_file_name(limits::STATE_FOLDER).join(limits::CONTROL_SOCKET)
}

/// Whether a plugin can be called so: what may stand in a file name and in a log without care.
#[must_use]
pub fn is_plugin_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 64
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

#[cfg(test)]
mod tests;
