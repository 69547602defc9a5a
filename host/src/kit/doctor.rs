//! Which languages plugins can be built in here, and what makes that of the others.

use std::time::Duration;

use tokio::time::timeout;

use super::{
    language::Language,
    toolchain::{self, Missing, Remedy, Say, ToolFolder},
};

/// What can also be had in another way is given up after so long: a server that is not reached may not answer at all.
const FIRST_TRY: Duration = Duration::from_secs(120);

/// How it stands with a language.
#[derive(Debug)]
pub struct Finding {
    /// Which.
    pub language: Language,
    /// With what plugins are built, or what is missing.
    pub state: Result<String, Missing>,
}

/// Looks at the tools of a language.
pub async fn examine(language: Language, tools: &ToolFolder) -> Finding {
    Finding { language, state: toolchain::look(language, tools).await }
}

/// Installs what is missing for a language, one way after the other until one helps.
pub async fn install(language: Language, tools: &ToolFolder, say: Say<'_>) -> Finding {
    let mut finding = examine(language, tools).await;
    let Err(missing) = &finding.state else { return finding };
    // What is done by hand is no other way to try: the last command has all the time that it takes.
    let commands = missing.remedies.clone().into_iter().filter_map(Remedy::into_commands);
    let mut ways = commands.collect::<Vec<_>>().into_iter().peekable();
    while let Some(commands) = ways.next() {
        let all = async {
            for command in &commands {
                say(&command.to_string());
                // A list of packages that is not fresh may do; whether it did is seen below.
                if let Err(error) = command.run().await {
                    say(&error.to_string());
                }
            }
        };
        if ways.peek().is_none() {
            all.await;
        } else if timeout(FIRST_TRY, all).await.is_err() {
            say(&format!("no answer in {} s: trying another way", FIRST_TRY.as_secs()));
        }
        finding = examine(language, tools).await;
        if finding.state.is_ok() {
            break;
        }
    }
    finding
}
