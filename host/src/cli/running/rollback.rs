//! `cometbot rollback`: the last good version of a plugin, back in its place.

use super::{Change, carry_out};
use crate::{
    bot::control::Request,
    cli::{CliError, Common},
};

pub(in crate::cli) async fn run(common: &Common, arguments: &Change) -> Result<(), CliError> {
    let plugin = arguments.plugin.name.clone();
    carry_out(common, &Request::Rollback { plugin, wait: arguments.until.wait }).await
}
