//! The commands that speak with the bot that runs: what they share.
//!
//! Each makes a request out of its arguments; the bot answers; here the answer becomes lines and an exit code.

use std::{io::Write as _, path::PathBuf};

use clap::Args;
use serde_json::json;

use super::{CliError, Common, Exit, output::Output};
use crate::{
    bot::{
        control::{Answer, Request, client},
        outcome::{Class, Outcome},
    },
    config::{is_plugin_name, usual_control_socket},
    report::QuietText,
};

pub(super) mod disable;
pub(super) mod enable;
mod failures;
pub(super) mod grant;
pub(super) mod plugins;
pub(super) mod promote;
pub(super) mod quarantine;
pub(super) mod reload;
pub(super) mod revoke;
pub(super) mod rollback;
pub(super) mod shadow;
mod table;
mod words;

/// A plugin by its name.
#[derive(Debug, Args)]
struct Named {
    /// The plugin
    #[arg(value_name = "NAME", value_parser = plugin_name)]
    name: String,
}

/// Until when a command lasts.
#[derive(Debug, Args)]
struct Waited {
    /// Wait until the outcome is final, the probation of the new version included
    #[arg(long)]
    wait: bool,
}

/// A plugin whose version changes, and until when the command lasts.
#[derive(Debug, Args)]
pub(super) struct Change {
    #[command(flatten)]
    plugin: Named,
    #[command(flatten)]
    until: Waited,
}

fn plugin_name(text: &str) -> Result<String, String> {
    if is_plugin_name(text) {
        return Ok(text.to_owned());
    }
    Err("the name of a plugin is its file's, without the ending: A-Z a-z 0-9 _ and -, 64 at most".to_owned())
}

impl Common {
    /// Where the control socket of the bot is that has this configuration.
    fn control_socket(&self) -> Result<PathBuf, CliError> {
        let mistake = match self.load_if_there() {
            Ok(config) => return Ok(config.service.control),
            Err(mistake) => mistake,
        };
        // With a mistake in bot.toml the bot runs on, and must be within reach.
        let usual = usual_control_socket(&self.config_path());
        if !usual.exists() {
            return Err(mistake);
        }
        remark(&format!("{}; going on with {}", mistake.message, usual.display()))?;
        Ok(usual)
    }
}

/// Asks the running bot.
async fn ask(common: &Common, request: &Request) -> Result<Answer, CliError> {
    let answer = client::ask(&common.control_socket()?, request).await.map_err(|error| {
        let exit = if error.is_no_bot() { Exit::NoBot } else { Exit::Failed };
        CliError { exit, message: error.to_string() }
    })?;
    match answer {
        Answer::Refused { why } => Err(CliError::failed(why)),
        answer => Ok(answer),
    }
}

/// Asks the running bot for something and shows what became of it.
async fn carry_out(common: &Common, request: &Request) -> Result<(), CliError> {
    let output = Output::new(common.json);
    match ask(common, request).await? {
        Answer::Done { text } => output.foreign_line(&text, &json!({"done": text})),
        Answer::Outcomes { outcomes, notes } => {
            for outcome in &outcomes {
                output.foreign_line(&outcome.to_string(), outcome)?;
            }
            if outcomes.is_empty() && notes.is_empty() {
                remark("nothing has changed")?;
            }
            for note in notes {
                remark(&note)?;
            }
            conclude(&outcomes)
        }
        _ => Err(beside_the_point()),
    }
}

/// The end of a command with these outcomes: the worst of them counts.
fn conclude(outcomes: &[Outcome]) -> Result<(), CliError> {
    let Some(worst) = outcomes.iter().map(|outcome| outcome.kind.class()).max() else { return Ok(()) };
    let alike: Vec<&str> = outcomes.iter().filter(|o| o.kind.class() == worst).map(|o| o.plugin.as_str()).collect();
    let names = alike.join(", ");
    let (exit, message) = match worst {
        Class::Done => return Ok(()),
        Class::Waiting => (Exit::Waiting, format!("waiting for you to decide: {names}; what ran goes on")),
        Class::Rejected => (Exit::Failed, format!("cannot run: {names}; what ran goes on")),
        Class::RolledBack => (Exit::RolledBack, format!("failed and rolled back: {names}; the last good version runs")),
    };
    Err(CliError { exit, message })
}

/// What belongs to no answer.
fn remark(text: &str) -> Result<(), CliError> {
    Ok(writeln!(std::io::stderr(), "{}", QuietText(text))?)
}

fn beside_the_point() -> CliError {
    CliError::failed("the bot answers what was not asked: is it another version than this command?")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

    use super::*;
    use crate::bot::outcome::OutcomeKind;

    fn outcomes(kinds: impl IntoIterator<Item = (&'static str, OutcomeKind)>) -> Vec<Outcome> {
        kinds.into_iter().map(|(plugin, kind)| Outcome::now(plugin, kind)).collect()
    }

    fn version() -> String {
        "1.0.0+c082587a6b3ba957".to_owned()
    }

    #[test]
    fn good_outcomes_end_well() {
        assert!(conclude(&[]).is_ok());
        let good = [
            ("a", OutcomeKind::Started { version: version() }),
            ("b", OutcomeKind::Swapped { version: version(), pause_us: 1, state_bytes: None }),
            ("c", OutcomeKind::Unchanged { version: version() }),
            ("d", OutcomeKind::Removed),
            ("e", OutcomeKind::Disabled),
        ];
        assert!(conclude(&outcomes(good)).is_ok());
    }

    #[test]
    fn the_worst_outcome_is_the_exit_code_and_names_its_plugins() {
        let waiting = || OutcomeKind::Waiting { version: version(), grants: json!({}), text: "send web_a".to_owned() };
        let rejected = || OutcomeKind::Rejected { why: "it is half a file".to_owned() };
        let rolled_back = || OutcomeKind::RolledBack { version: version(), why: "3 events failed".to_owned() };
        let removed = || OutcomeKind::Removed;
        for (kinds, exit, named) in [
            (vec![("a", removed()), ("b", waiting())], Exit::Waiting, "waiting for you to decide: b;"),
            (vec![("a", rejected()), ("b", waiting()), ("c", rejected())], Exit::Failed, "cannot run: a, c;"),
            (vec![("a", rejected()), ("b", rolled_back())], Exit::RolledBack, "failed and rolled back: b;"),
        ] {
            let error = conclude(&outcomes(kinds)).unwrap_err();
            assert_eq!(error.exit, exit);
            assert!(error.message.starts_with(named), "{}", error.message);
        }
    }

    #[test]
    fn a_name_that_no_plugin_can_have_is_not_sent() {
        assert_eq!(plugin_name("karma-2_B").unwrap(), "karma-2_B");
        for name in ["", "a/b", "..", "karma.wasm", "é"] {
            assert!(plugin_name(name).unwrap_err().contains("without the ending"), "{name}");
        }
    }
}
