//! `cometbot run`: the bot.

use std::io::Write as _;

use futures_util::StreamExt as _;

use super::{
    CliError, Common, environment, logging,
    signals::{hang_ups, told_to_stop},
};
use crate::{
    bot::{self, Started, settings::Hooks},
    config::Server,
    plugins::package::Compiler,
};

pub(super) async fn run(common: &Common) -> Result<(), CliError> {
    let (stop, hang_ups) = (told_to_stop()?, hang_ups()?);
    let config = common.load()?;
    let level = logging::start(&config.log)?;
    tracing::info!("cometbot {}, configured by {}", env!("CARGO_PKG_VERSION"), common.config_path().display());
    if is_root() {
        tracing::warn!(
            "the bot runs as root and needs no right of root's: run it as a user of its own, as the unit in host/dist does"
        );
    }
    config.warnings().for_each(|warning| tracing::warn!("{warning}"));
    let is_tryout = matches!(config.server, Server::Embedded { .. }) && logging::is_human(&config.log);
    let started = move |started: Started| {
        if is_tryout {
            suggest(&started);
        }
    };
    let hooks = Hooks {
        file: common.config_path(),
        environment: environment(),
        reread: hang_ups.boxed(),
        set_log_level: Box::new(move |wanted| level.set(wanted)),
        compiler: Compiler::apart(config.plugins.compile).map_err(CliError::failed)?,
        started: Box::new(started),
    };
    bot::run(config, hooks, stop).await.map_err(CliError::failed)
}

#[cfg(unix)]
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[cfg(not(unix))]
const fn is_root() -> bool {
    false
}

/// Tells a newcomer what to do next. Nobody is left to tell if it cannot be written.
fn suggest(started: &Started) {
    let program = std::env::args().next().unwrap_or_else(|| "cometbot".to_owned());
    let plugins = match started.plugins.as_slice() {
        [] => "no plugin yet".to_owned(),
        plugins => plugins.join(", "),
    };
    let _ = writeln!(
        std::io::stderr(),
        "\n  The bot is live on {}\n  with {plugins}.\n\n  \
         In a second terminal:\n\n    {program} listen web_chat\n        shows what happens in the pipe web_chat\n    \
         {program} send web_chat msg hello\n        sends an event `msg`; the plugins answer\n\n  \
         Change a file in the plugin folder and it is live when you save it.\n  Ctrl-C stops the bot.\n",
        started.server,
    );
}
