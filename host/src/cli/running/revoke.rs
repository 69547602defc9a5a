//! `cometbot revoke`: what was granted to a plugin by command, taken back.

use clap::Args;

use super::{Named, carry_out};
use crate::{
    bot::control::Request,
    cli::{CliError, Common},
};

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    plugin: Named,
}

pub(in crate::cli) async fn run(common: &Common, arguments: &Arguments) -> Result<(), CliError> {
    let plugin = arguments.plugin.name.clone();
    carry_out(common, &Request::Revoke { plugin }).await
}
