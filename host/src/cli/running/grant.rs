//! `cometbot grant`: what a waiting version asks for, granted.

use super::{Change, carry_out};
use crate::{
    bot::control::Request,
    cli::{CliError, Common},
};

pub(in crate::cli) async fn run(common: &Common, arguments: &Change) -> Result<(), CliError> {
    let plugin = arguments.plugin.name.clone();
    carry_out(common, &Request::Grant { plugin, wait: arguments.until.wait }).await
}
