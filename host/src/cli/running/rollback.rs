//! `cometbot rollback`: the last good version of a plugin, back in its place.

use clap::Args;

use super::{Named, Waited, carry_out};
use crate::{
    bot::control::Request,
    cli::{CliError, Common},
};

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    plugin: Named,
    #[command(flatten)]
    until: Waited,
}

pub(in crate::cli) async fn run(common: &Common, arguments: &Arguments) -> Result<(), CliError> {
    let plugin = arguments.plugin.name.clone();
    carry_out(common, &Request::Rollback { plugin, wait: arguments.until.wait }).await
}
