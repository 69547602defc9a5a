//! `cometbot run`: the bot.

use std::io::Write as _;

use super::{CliError, Common, logging, told_to_stop};
use crate::{
    bot::{self, Started},
    config::Server,
};

pub(super) async fn run(common: &Common) -> Result<(), CliError> {
    let stop = told_to_stop()?;
    let config = common.load()?;
    logging::start(&config.log)?;
    tracing::info!("cometbot {}, configured by {}", env!("CARGO_PKG_VERSION"), common.config_path().display());
    let is_tryout = matches!(config.server, Server::Embedded { .. }) && logging::is_human(&config.log);
    let started = |started: Started| {
        if is_tryout {
            suggest(&started);
        }
    };
    bot::run(config, started, stop).await.map_err(CliError::failed)
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
