//! `cometbot server`: the embedded comet server alone, for trying out clients and other bots.

use std::net::SocketAddr;

use clap::Args;

use super::{CliError, Common, logging, open_files, signals::told_to_stop};
use crate::{
    bot::embedded,
    config::{Era, Faults},
};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Where to listen [default: `listen` in [embedded]]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Without the bugs of the real server
    #[arg(long)]
    forgiving: bool,
    /// Like a server before 4.0 (3.31)
    #[arg(long)]
    old: bool,
}

pub(super) async fn run(common: &Common, arguments: &Arguments) -> Result<(), CliError> {
    let stop = told_to_stop()?;
    let config = common.load_if_there()?;
    logging::start(&config.log)?;
    let mut settings = config.embedded;
    settings.listen = arguments.listen.unwrap_or(settings.listen);
    if arguments.forgiving {
        settings.faults = Faults::Forgiving;
    }
    if arguments.old {
        settings.era = Era::V331;
    }
    open_files::raise_limit();
    let server = embedded::bind(&settings).await.map_err(CliError::failed)?;
    tracing::info!("the comet server listens at ws://{}/ws/", server.address());
    server.run(stop).await;
    Ok(())
}
