//! `cometbot quarantine`: the events that plugins failed to handle, which are kept until somebody decides.

use clap::{Args, Subcommand};

use super::{Named, ask, beside_the_point, carry_out, failures, plugin_name, remark};
use crate::{
    bot::control::{Answer, Request},
    cli::{CliError, Common, output::Output},
    unix_time,
};

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the events that failed
    List {
        /// Those of this plugin [default: of all]
        #[arg(value_name = "NAME", value_parser = plugin_name)]
        plugin: Option<String>,
    },
    /// Show one of them whole
    Show {
        #[command(flatten)]
        plugin: Named,
        /// Which one, as the list has it
        id: String,
    },
    /// Give them to the plugin again
    Redrive(Chosen),
    /// Throw them away
    Drop(Chosen),
}

/// One event, or all of a plugin.
#[derive(Debug, Args)]
struct Chosen {
    #[command(flatten)]
    plugin: Named,
    /// Which one, as the list has it [default: all of the plugin]
    id: Option<String>,
}

pub(in crate::cli) async fn run(common: &Common, arguments: &Arguments) -> Result<(), CliError> {
    match &arguments.command {
        Command::List { plugin } => {
            show(common, &Request::QuarantineList { plugin: plugin.clone() }, failures::list).await
        }
        Command::Show { plugin, id } => {
            let request = Request::QuarantineShow { plugin: plugin.name.clone(), id: id.clone() };
            show(common, &request, failures::details).await
        }
        Command::Redrive(Chosen { plugin, id }) => {
            carry_out(common, &Request::QuarantineRedrive { plugin: plugin.name.clone(), id: id.clone() }).await
        }
        Command::Drop(Chosen { plugin, id }) => {
            carry_out(common, &Request::QuarantineDrop { plugin: plugin.name.clone(), id: id.clone() }).await
        }
    }
}

async fn show(
    common: &Common,
    request: &Request,
    for_people: fn(&[serde_json::Value], u64) -> String,
) -> Result<(), CliError> {
    let Answer::Quarantine { entries } = ask(common, request).await? else { return Err(beside_the_point()) };
    let output = Output::new(common.json);
    if common.json {
        return entries.iter().try_for_each(|entry| output.line("", entry));
    }
    if entries.is_empty() {
        return remark("nothing is in quarantine");
    }
    output.foreign_line(&for_people(&entries, unix_time::now()), &entries)
}
