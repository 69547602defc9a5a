//! The configuration that is in force while the bot runs, and the way to a newer one.
//!
//! A file that was changed is checked whole. If any part of it is wrong, nothing of it is applied; else everything that
//! can change while the bot runs is, at once, and the log names what waits for a restart. What plugins get is for
//! `roster` to carry out. Asked by whoever notices that the file may have changed: a signal, a command, a watch.

use std::path::PathBuf;

use futures_util::stream::BoxStream;
use tokio::task::{JoinError, spawn_blocking};

use super::Started;
use crate::{
    config::{Config, ConfigError, Difference, Environment, Reserved},
    plugins::package::Compiler,
    report::QuietText,
};

/// What the bot has of the program that it runs in.
pub struct Hooks {
    /// The file that the configuration was read from.
    pub file: PathBuf,
    /// The variables that were put over it.
    pub environment: Environment,
    /// Each item asks for the file to be read anew.
    pub reread: BoxStream<'static, ()>,
    /// Makes another level of the log hold; fails in words.
    pub set_log_level: SetLogLevel,
    /// Where plugins are compiled; the bounds are those of the configuration.
    pub compiler: Compiler,
    /// Is called when events reach the plugins for the first time.
    pub started: Box<dyn FnOnce(Started) + Send>,
}

/// Makes another level of the log hold, as in `info,plugin=debug`; fails in words.
pub type SetLogLevel = Box<dyn Fn(&str) -> Result<(), String> + Send + Sync>;

/// Why a changed configuration is not applied.
#[derive(Debug, thiserror::Error)]
pub enum RereadError {
    /// Something in it is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// There is nothing in it.
    #[error("it is empty, as a file is that is just being written: to go back to what is usual, restart the bot")]
    Empty,
    /// The log does not take its level.
    #[error("{0}")]
    LogLevel(String),
    /// Reading it ended in a way that should not be possible.
    #[error("reading it broke off: {0}")]
    BrokeOff(#[from] JoinError),
}

/// The configuration that is in force.
pub struct LiveConfig {
    file: PathBuf,
    environment: Environment,
    in_force: Config,
    reserved: Reserved,
    set_log_level: SetLogLevel,
}

impl LiveConfig {
    /// `running` is what the bot was started with, from `file` and `environment`.
    #[must_use]
    pub fn new(file: PathBuf, environment: Environment, running: Config, set_log_level: SetLogLevel) -> Self {
        let reserved = Reserved::at_start(&running.plugins);
        Self { file, environment, in_force: running, reserved, set_log_level }
    }

    /// What is in force: what the bot was started with, and of what was read since everything that can change while it
    /// runs.
    #[must_use]
    pub const fn in_force(&self) -> &Config {
        &self.in_force
    }

    /// Reads the file anew and puts it in force, log level included; plugins are the caller's. What became of it is in
    /// the log. Dropped half way it has done nothing.
    ///
    /// # Errors
    /// A [`RereadError`], which is in the log already. Then everything is as it was.
    pub async fn reread(&mut self) -> Result<Difference, RereadError> {
        let outcome = self.apply().await;
        match &outcome {
            Ok(difference) => self.report(difference),
            Err(error) => {
                let why = QuietText(&error.to_string()).to_string();
                tracing::error!("{} is not applied, what runs goes on: {why}", self.name());
            }
        }
        outcome
    }

    async fn apply(&mut self) -> Result<Difference, RereadError> {
        let (file, environment) = (self.file.clone(), self.environment.clone());
        // The file and the secrets that it names may lie on a disk that hangs.
        let wanted = spawn_blocking(move || {
            // It would be right, and take everything from every plugin: whoever writes it in place is half way.
            let is_empty = std::fs::metadata(&file).is_ok_and(|metadata| metadata.len() == 0);
            if is_empty { Err(RereadError::Empty) } else { Ok(Config::load(&file, &environment)?) }
        });
        let wanted = wanted.await??;
        let in_force = self.in_force.followed_by(&wanted, self.reserved);
        if in_force.log.level != self.in_force.log.level {
            (self.set_log_level)(&in_force.log.level).map_err(RereadError::LogLevel)?;
        }
        let known = std::mem::take(&mut self.in_force.exposed);
        if known != in_force.exposed {
            in_force.warnings().for_each(|warning| tracing::warn!("{warning}"));
        }
        let difference = Difference::between(&self.in_force, &in_force, &wanted);
        self.in_force = in_force;
        Ok(difference)
    }

    fn report(&self, difference: &Difference) {
        let name = self.name();
        match difference.applied() {
            [] => tracing::info!("{name} was read anew: nothing in it is to be applied"),
            keys => tracing::info!("{name} was read anew and is applied: {}", keys.join(", ")),
        }
        if !difference.at_restart().is_empty() {
            let keys = difference.at_restart().join(", ");
            tracing::warn!("some keys of {name} apply only after a restart of the bot: {keys}");
        }
    }

    /// What people call the file.
    fn name(&self) -> String {
        let name = self.file.file_name().unwrap_or(self.file.as_os_str());
        QuietText(&name.to_string_lossy()).to_string()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::{
        fs,
        sync::{Arc, Mutex},
        time::Duration,
    };

    use super::*;

    /// A bot.toml, the settings that were read from it, and the levels that the log was given.
    struct Case {
        folder: tempfile::TempDir,
        settings: LiveConfig,
        levels: Arc<Mutex<Vec<String>>>,
    }

    impl Case {
        fn new(text: &str, variables: &[(&str, &str)]) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("bot.toml");
            fs::write(&file, text).unwrap();
            let environment = Environment::new(variables.iter().map(|(name, value)| (name.into(), value.into())));
            let running = Config::load(&file, &environment).unwrap();
            let levels = Arc::new(Mutex::new(Vec::new()));
            let given = Arc::clone(&levels);
            let set_log_level = move |level: &str| {
                given.lock().unwrap().push(level.to_owned());
                if level == "off" { Err("no log".to_owned()) } else { Ok(()) }
            };
            let settings = LiveConfig::new(file, environment, running, Box::new(set_log_level));
            Self { folder, settings, levels }
        }

        async fn reread(&mut self, text: &str) -> Result<Difference, RereadError> {
            fs::write(&self.settings.file, text).unwrap();
            self.settings.reread().await
        }

        fn levels(&self) -> Vec<String> {
            self.levels.lock().unwrap().clone()
        }
    }

    #[tokio::test]
    async fn what_can_change_is_in_force_at_once_and_the_rest_is_named() {
        let mut case = Case::new("", &[]);
        let text = "[server]\ndev-id = 15\n[service]\ndrain-seconds = 3\n[plugin.karma]\nqueue-events = 5\n";
        let difference = case.reread(text).await.unwrap();
        assert_eq!(difference.applied(), ["service.drain-seconds", "plugin.karma.queue-events"]);
        assert_eq!(difference.at_restart(), ["server.dev-id"]);
        let in_force = case.settings.in_force();
        assert_eq!(in_force.service.drain, Duration::from_secs(3));
        assert_eq!(in_force.plugins.terms("karma").queue_events, 5);
        // Compared with what is in force, not with what was there at the start.
        assert!(matches!(case.reread("").await, Err(RereadError::Empty)));
        let difference = case.reread(&text.replace("queue-events = 5", "queue-events = 6")).await.unwrap();
        assert_eq!(difference.applied(), ["plugin.karma.queue-events"]);
        assert_eq!(difference.at_restart(), ["server.dev-id"]);
        let difference = case.reread("# nothing\n").await.unwrap();
        assert_eq!(difference.applied(), ["service.drain-seconds", "plugin.karma.queue-events"]);
        assert!(difference.at_restart().is_empty());
        assert!(case.levels().is_empty(), "the level did not change");
    }

    #[tokio::test]
    async fn a_file_with_a_mistake_is_refused_whole() {
        let mut case = Case::new("[service]\ndrain-seconds = 3\n", &[]);
        let text = "[log]\nlevel = \"debug\"\n[service]\ndrain-seconds = 4\n[plugins]\nmax = 0\n";
        let error = case.reread(text).await.unwrap_err();
        assert!(error.to_string().contains("bot.toml, line 6: `plugins.max`"), "{error}");
        assert_eq!(case.settings.in_force().service.drain, Duration::from_secs(3));
        assert!(case.levels().is_empty());
        fs::remove_file(case.folder.path().join("bot.toml")).unwrap();
        assert!(matches!(case.settings.reread().await, Err(RereadError::Config(ConfigError::Unreadable { .. }))));
        assert_eq!(case.settings.in_force().service.drain, Duration::from_secs(3));
    }

    #[tokio::test]
    async fn the_log_gets_its_new_level_once() {
        let mut case = Case::new("", &[]);
        let text = "[log]\nlevel = \"info,plugin=debug\"\n";
        assert_eq!(case.reread(text).await.unwrap().applied(), ["log.level"]);
        assert!(case.reread(text).await.unwrap().applied().is_empty());
        assert_eq!(case.levels(), ["info,plugin=debug"]);
    }

    #[tokio::test]
    async fn if_the_log_does_not_take_its_level_nothing_is_applied() {
        let mut case = Case::new("", &[]);
        let error = case.reread("[log]\nlevel = \"off\"\n[service]\ndrain-seconds = 3\n").await.unwrap_err();
        assert_eq!(error.to_string(), "no log");
        assert_eq!(case.settings.in_force().log.level, "info");
        assert_eq!(case.settings.in_force().service.drain, Duration::from_secs(10));
    }

    #[tokio::test]
    async fn a_variable_beats_the_file_that_is_read_anew_as_it_did_at_the_start() {
        let mut case = Case::new("", &[("COMETBOT_PLUGIN__KARMA__QUEUE_EVENTS", "7")]);
        let difference = case.reread("[plugin.karma]\nqueue-events = 5\nmemory-mib = 8\n").await.unwrap();
        assert_eq!(difference.applied(), ["plugin.karma.memory-mib"]);
        assert_eq!(case.settings.in_force().plugins.terms("karma").queue_events, 7);
    }
}
