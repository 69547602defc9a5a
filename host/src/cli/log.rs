//! `cometbot log`: a pipe's last messages.

use std::{collections::BTreeSet, io::Write as _};

use clap::Args;

use super::{
    CliError, Common,
    client::{Target, connect, not_answered},
    output::Output,
};
use crate::comet::name::PipeName;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    target: Target,
    /// Show at most so many, the newest; the server gives 99 at most
    #[arg(long, value_name = "N", default_value_t = 99)]
    limit: usize,
    /// The pipe
    pipe: String,
}

pub(super) async fn run(common: &Common, arguments: &Arguments) -> Result<(), CliError> {
    let pipe = PipeName::new(&arguments.pipe).map_err(CliError::usage)?;
    let client = connect(common, &arguments.target, BTreeSet::new()).await?;
    let rows = client.asks.log(&client.lane, &pipe).await.map_err(not_answered)?;
    if rows.is_empty() && !common.json {
        writeln!(std::io::stderr(), "{pipe} has no log, or nothing is in it: the server's operator switches logs on")?;
    }
    let output = Output::new(common.json);
    for row in rows.into_iter().rev().take(arguments.limit).rev() {
        output.event(row)?;
    }
    Ok(())
}
