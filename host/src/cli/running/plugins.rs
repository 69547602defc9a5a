//! `cometbot plugins`: how the plugins of the running bot do.

use clap::Args;

use super::{ask, beside_the_point, plugin_name, remark, table};
use crate::{
    bot::control::{Answer, Request},
    cli::{CliError, Common, output::Output},
    unix_time,
};

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    /// Everything about this plugin
    #[arg(value_name = "NAME", value_parser = plugin_name)]
    plugin: Option<String>,
}

pub(in crate::cli) async fn run(common: &Common, arguments: &Arguments) -> Result<(), CliError> {
    let Answer::Plugins { mut plugins } = ask(common, &Request::Plugins {}).await? else {
        return Err(beside_the_point());
    };
    if let Some(name) = &arguments.plugin {
        let names: Vec<String> = plugins.iter().map(|report| report.name.clone()).collect();
        plugins.retain(|report| report.name == *name);
        if plugins.is_empty() {
            let there = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            return Err(CliError::failed(format!("the bot has no plugin `{name}`; it has {there}")));
        }
    }
    let output = Output::new(common.json);
    if common.json {
        return plugins.iter().try_for_each(|report| output.line("", report));
    }
    match (plugins.as_slice(), &arguments.plugin) {
        ([], _) => remark("the bot has no plugin: put a .wasm or .wat file into its plugin folder"),
        ([report], Some(_)) => output.foreign_line(&table::details(report, unix_time::now()), report),
        (reports, _) => output.foreign_line(&table::overview(reports, unix_time::now()), &reports),
    }
}
