//! `cometbot send`: one event into a pipe, and whether the server took it.

use std::collections::BTreeSet;

use clap::Args;
use serde_json::json;

use super::{
    CliError, Common,
    client::{Target, connect},
    output::Output,
};
use crate::{comet::commands::Commands, report::Quiet};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    target: Target,
    /// The pipe: web_…, webauth_… (as a logged-in user) or @web_… (anonymously)
    pipe: String,
    /// The event's name
    event: String,
    /// The message; several words are joined by spaces
    #[arg(required = true, allow_hyphen_values = true)]
    message: Vec<String>,
}

pub(super) async fn run(common: &Common, arguments: &Arguments) -> Result<(), CliError> {
    let mut commands = Commands::default();
    let message = arguments.message.join(" ");
    commands.send(&arguments.pipe, &arguments.event, &message).map_err(CliError::usage)?;
    let mut client = connect(common, &arguments.target, BTreeSet::new()).await?;
    client.lane.append(&mut commands);
    let answer = tokio::select! {
        answer = client.answers.recv() => answer,
        () = tokio::time::sleep(client.asks.timeout()) => None,
    };
    match answer {
        Some(Ok(())) => {
            let text = format!("sent to {}", arguments.pipe);
            Output::new(common.json)
                .line(&text, &json!({"sent": true, "pipe": arguments.pipe, "event": arguments.event}))
        }
        Some(Err(words)) => Err(CliError::failed(format!("the server refuses it: {}", Quiet(&words)))),
        None => Err(CliError::failed("the server did not say whether it took the message: it may have, or not")),
    }
}
