//! `cometbot dev`: builds plugins whenever their sources change. A bot that has their folder then reloads them.

use std::path::PathBuf;

use clap::Args;
use tokio::{process::Command, task::JoinSet};

use super::{
    CliError, Common,
    build::{build, find, say, show},
    output::Output,
    signals::told_to_stop,
};
use crate::kit::{project::Project, watch::Sources};

/// The variable of `new-grants` in [defaults].
const NEW_GRANTS: &str = "COMETBOT_DEFAULTS__NEW_GRANTS";

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Folders with a plugin's source, or folders of such folders
    #[arg(value_name = "PATH", default_value = ".")]
    paths: Vec<PathBuf>,
    /// Run the bot as well, in the same terminal
    #[arg(long)]
    run: bool,
}

pub(super) async fn run(common: &Common, arguments: &Arguments) -> Result<(), CliError> {
    let stop = told_to_stop()?;
    let output = Output::new(common.json);
    let projects = find(&arguments.paths)?;
    let watched = projects.into_iter().map(|project| match Sources::watch(&project) {
        Ok(sources) => Ok((project, sources)),
        Err(error) => Err(CliError::failed(format!("{} cannot be watched: {error}", project.folder.display()))),
    });
    let watched = watched.collect::<Result<Vec<_>, _>>()?;
    for (project, _) in &watched {
        show(output, project, build(project).await)?;
    }
    let mut bot = if arguments.run { Some(start_bot(common)?) } else { None };
    // One build at a time: a compiler takes all the cores that there are.
    let (changed, mut changes) = tokio::sync::mpsc::channel::<Project>(1);
    let mut watches = JoinSet::new();
    for (project, mut sources) in watched {
        say(&project, &format!("watching {}; Ctrl-C ends it", project.folder.display()));
        let changed = changed.clone();
        watches.spawn(async move {
            loop {
                sources.changed().await;
                if changed.send(project.clone()).await.is_err() {
                    return;
                }
            }
        });
    }
    let building = async {
        while let Some(project) = changes.recv().await {
            show(output, &project, build(&project).await)?;
        }
        Ok(())
    };
    let bot_ends = async {
        match &mut bot {
            Some(bot) => bot.wait().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        outcome = building => outcome,
        ended = bot_ends => {
            let status = ended?;
            if status.success() { Ok(()) } else { Err(CliError::failed(format!("the bot ended with {status}"))) }
        }
        () = stop => {
            // Ctrl-C reaches the bot as well, and it ends in order; whoever ends us alone ends it with us.
            if let Some(mut bot) = bot {
                interrupt(&bot);
                bot.wait().await?;
            }
            Ok(())
        }
    }
}

/// The bot as a process of its own: the same program, with the same configuration.
fn start_bot(common: &Common) -> Result<tokio::process::Child, CliError> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("--config").arg(common.config_path()).arg("run").kill_on_drop(true);
    // Who writes a plugin need not be asked each time it wants one more pipe.
    if std::env::var_os(NEW_GRANTS).is_none() {
        command.env(NEW_GRANTS, "grant");
    }
    command.spawn().map_err(|error| CliError::failed(format!("the bot does not start: {error}")))
}

#[cfg(unix)]
fn interrupt(bot: &tokio::process::Child) {
    let id = bot.id().and_then(|id| rustix::process::Pid::from_raw(i32::try_from(id).ok()?));
    if let Some(id) = id {
        // It may have ended by itself already.
        let _ = rustix::process::kill_process(id, rustix::process::Signal::TERM);
    }
}

#[cfg(not(unix))]
fn interrupt(_: &tokio::process::Child) {}
