//! A directory of its own for each test: bot.toml, the plugin folder, and the binary run in there.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use cometbot::bot::control::{Answer, Request, client};
use tempfile::TempDir;

use crate::{Comet, Ended, Process, within};

/// A temporary directory with a configuration and plugins.
pub struct Home {
    directory: TempDir,
    /// The tables of bot.toml; none if there shall be no such file.
    tables: Option<BTreeMap<String, String>>,
    variables: Vec<(String, String)>,
}

impl Home {
    /// With an empty plugin folder and a configuration that says nothing but that the log is JSON, and that plugins may do
    /// with all pipes what they ask for, as fast as they like, and write as much into the log.
    #[must_use]
    pub fn new() -> Self {
        let directory = TempDir::new().unwrap();
        fs::create_dir(directory.path().join("plugins")).unwrap();
        Self { directory, tables: Some(BTreeMap::new()), variables: Vec::new() }
            .set("log", "format = \"json\"")
            .set("defaults", "sends-per-second = 0\nlog-lines-per-second = 0")
            .set("defaults.grants", "hear = [\"*\"]\nsend = [\"*\"]\nlog = [\"*\"]\ncount = [\"*\"]")
    }

    /// Without a bot.toml.
    #[must_use]
    pub fn without_configuration() -> Self {
        Self { tables: None, ..Self::new() }
    }

    /// For a bot that connects to `comet`.
    #[must_use]
    pub fn at(comet: &Comet) -> Self {
        Self::at_url(&comet.url())
    }

    /// For a bot that connects to whatever listens at `url`.
    #[must_use]
    pub fn at_url(url: &str) -> Self {
        Self::new().set("server", &format!("url = \"{url}\""))
    }

    /// Adds lines to a table of bot.toml.
    #[must_use]
    pub fn set(mut self, table: &str, lines: &str) -> Self {
        let text = self.tables.get_or_insert_default().entry(table.to_owned()).or_default();
        text.push_str(lines);
        text.push('\n');
        self
    }

    /// Grants a plugin to hear this pipe and to send to it, and nothing else.
    #[must_use]
    pub fn granting(self, plugin: &str, pipe: &str) -> Self {
        self.set(&format!("plugin.{plugin}.grants"), &format!("hear = [\"{pipe}\"]\nsend = [\"{pipe}\"]"))
    }

    /// Sets an environment variable for whatever is run here.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Puts a file into the plugin folder before anything runs.
    #[must_use]
    pub fn plugin(self, file: &str, bytes: impl AsRef<[u8]>) -> Self {
        self.write_plugin(file, bytes);
        self
    }

    /// Puts any file into the directory, readable for the user of the test alone: it may hold a secret.
    #[must_use]
    pub fn file(self, file: &str, text: &str) -> Self {
        let path = self.path().join(file);
        fs::write(&path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
        self
    }

    /// Writes a plugin's file in place, as most copies and editors do.
    pub fn write_plugin(&self, file: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.plugins().join(file), bytes).unwrap();
    }

    /// Writes a plugin beside its place and renames it over what is there.
    pub fn rename_plugin(&self, file: &str, bytes: impl AsRef<[u8]>) {
        let temporary = self.plugins().join(format!(".{file}.new"));
        fs::write(&temporary, bytes).unwrap();
        fs::rename(temporary, self.plugins().join(file)).unwrap();
    }

    /// Deletes a plugin's file.
    pub fn delete_plugin(&self, file: &str) {
        fs::remove_file(self.plugins().join(file)).unwrap();
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The plugin folder.
    #[must_use]
    pub fn plugins(&self) -> PathBuf {
        self.path().join("plugins")
    }

    /// Starts the binary with these arguments.
    pub fn spawn<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Process {
        let mut command = self.command(binary());
        command.args(arguments);
        Process::spawn(command)
    }

    /// Starts the bot out of a shell that does `script` first, for what a process inherits.
    #[must_use]
    pub fn start_behind(&self, script: &str) -> Process {
        let mut command = self.command("sh");
        command.arg("-c").arg(format!("{script}; exec \"$0\" run")).arg(binary());
        Process::spawn(command)
    }

    fn command(&self, program: impl AsRef<OsStr>) -> Command {
        // A test that wrote a file of its own means it.
        let config = self.path().join("bot.toml");
        if let Some(tables) = self.tables.as_ref().filter(|_| !config.exists()) {
            let tables: Vec<String> = tables.iter().map(|(table, lines)| format!("[{table}]\n{lines}")).collect();
            fs::write(config, tables.concat()).unwrap();
        }
        let mut command = Command::new(program);
        command.current_dir(self.path());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("COMETBOT_") {
                command.env_remove(name);
            }
        }
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs the binary with these arguments to its end.
    pub async fn run<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Ended {
        self.spawn(arguments).end().await
    }

    /// Asks the running bot as a command does, without the time that a process takes to start: what is asked for one after
    /// the other meets in the bot.
    pub async fn ask(&self, request: &Request) -> Answer {
        within("an answer of the bot", client::ask(&self.path().join("state/control.sock"), request)).await.unwrap()
    }

    /// Starts the bot.
    #[must_use]
    pub fn start(&self) -> Process {
        self.spawn(["run"])
    }

    /// Starts the bot and waits until events reach its plugins.
    pub async fn live(&self) -> Process {
        let bot = self.start();
        bot.wait_until_it_says("live: events reach the plugins").await;
        bot
    }
}

impl Default for Home {
    fn default() -> Self {
        Self::new()
    }
}

/// The binary that was built together with this test.
#[must_use]
pub fn binary() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(Path::parent).expect("a test lies in target/PROFILE/deps");
    let binary = profile.join(format!("cometbot{}", std::env::consts::EXE_SUFFIX));
    assert!(binary.exists(), "{} is missing: run make test, which builds it first", binary.display());
    binary
}

/// One of the example plugins, built.
#[must_use]
pub fn example(file: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins").join(file);
    match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(_) => panic!("plugins/{file} is missing: run make test, which builds it first (or make plugins)"),
    }
}
