//! `cometbot count`: how many connections subscribe to a pipe.

use std::collections::BTreeSet;

use clap::Args;
use serde_json::json;

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
    /// The pipe: web_… or track_…
    pipe: String,
}

pub(super) async fn run(common: &Common, arguments: &Arguments) -> Result<(), CliError> {
    let pipe = PipeName::new(&arguments.pipe).map_err(CliError::usage)?;
    let client = connect(common, &arguments.target, BTreeSet::new()).await?;
    let count = client.asks.count(&client.lane, &pipe).await.map_err(not_answered)?;
    Output::new(common.json).line(&count.to_string(), &json!({"pipe": pipe.as_str(), "count": count}))
}
