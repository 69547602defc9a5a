//! What more than one command says in the same words.

use crate::plugins::grants::Grants;

/// How a plugin is granted all that it asks for, in lines.
pub(super) fn to_grant(plugin: &str, asks: &Grants) -> String {
    let lines = asks.lines_for(plugin).map(|line| format!("\n  {line}")).collect::<String>();
    format!("say `cometbot grant {plugin}`, or write into bot.toml:{lines}")
}
