//! `cometbot reload`: the running bot looks at its files now, and takes up what is there.

use clap::Args;

use super::{Waited, carry_out, plugin_name};
use crate::{
    bot::control::Request,
    cli::{CliError, Common},
};

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    /// The plugin [default: bot.toml and the whole folder]
    #[arg(value_name = "NAME", value_parser = plugin_name)]
    plugin: Option<String>,
    #[command(flatten)]
    until: Waited,
    /// Let new versions begin without the state of the old ones
    #[arg(long)]
    without_state: bool,
}

pub(in crate::cli) async fn run(common: &Common, arguments: &Arguments) -> Result<(), CliError> {
    let (plugin, wait, without_state) = (arguments.plugin.clone(), arguments.until.wait, arguments.without_state);
    carry_out(common, &Request::Reload { plugin, wait, without_state }).await
}
