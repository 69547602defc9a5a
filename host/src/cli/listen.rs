//! `cometbot listen`: what happens in pipes, line by line.

use std::{collections::BTreeSet, io::Write as _};

use clap::Args;

use super::{
    CliError, Common,
    client::{Target, connect},
    output::Output,
    signals::told_to_stop,
};
use crate::comet::name::{PERSONAL_PIPE, PipeName};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    target: Target,
    /// End after so many events
    #[arg(long, value_name = "N")]
    events: Option<u64>,
    /// The pipes; personal messages come in any case if you are logged in
    #[arg(required = true)]
    pipes: Vec<String>,
}

pub(super) async fn run(common: &Common, arguments: &Arguments) -> Result<(), CliError> {
    let pipes = arguments.pipes.iter().filter(|pipe| *pipe != PERSONAL_PIPE).map(|pipe| PipeName::new(pipe));
    let pipes: BTreeSet<PipeName> = pipes.collect::<Result<_, _>>().map_err(CliError::usage)?;
    let mut stop = std::pin::pin!(told_to_stop()?);
    let mut client = connect(common, &arguments.target, pipes).await?;
    let output = Output::new(common.json);
    if !common.json {
        writeln!(std::io::stderr(), "listening to {}; Ctrl-C ends it", arguments.pipes.join(" "))?;
    }
    let mut left = arguments.events;
    while left != Some(0) {
        let event = tokio::select! {
            event = client.events.recv() => event,
            () = &mut stop => return Ok(()),
        };
        match event {
            Some(event) => output.event(event)?,
            None => return Err(CliError::no_connection(client.ended().await)),
        }
        left = left.map(|left| left - 1);
    }
    Ok(())
}
