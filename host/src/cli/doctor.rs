//! `cometbot doctor`: in which languages plugins can be built here.

use clap::Args;
use serde_json::json;

use super::{CliError, Common, output::Output};
use crate::kit::{
    doctor::{self, Finding},
    language::Language,
    toolchain::{Remedy, ToolFolder},
};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The languages to look at [default: all]
    #[arg(value_name = "LANGUAGE")]
    languages: Vec<Language>,
    /// Install what is missing, and what can be installed by a command
    #[arg(long)]
    install: bool,
}

pub(super) async fn run(common: &Common, arguments: &Arguments) -> Result<(), CliError> {
    let output = Output::new(common.json);
    let tools = ToolFolder::of_user();
    let languages = if arguments.languages.is_empty() { &Language::ALL[..] } else { &arguments.languages };
    let mut missing = Vec::new();
    for &language in languages {
        let finding = if arguments.install {
            doctor::install(language, &tools, &|words| eprint_line(language, words)).await
        } else {
            doctor::examine(language, &tools).await
        };
        show(output, &finding)?;
        if finding.state.is_err() {
            missing.push(language.title());
        }
    }
    // Without a name it is a report, and whoever names a language wants to build in it.
    if missing.is_empty() || arguments.languages.is_empty() {
        return Ok(());
    }
    Err(CliError::failed(format!("plugins in {} cannot be built here", missing.join(", "))))
}

fn eprint_line(language: Language, words: &str) {
    use std::io::Write as _;
    // Nobody is left to tell if it cannot be written.
    let _ = writeln!(std::io::stderr(), "{}: {words}", language.name());
}

fn show(output: Output, finding: &Finding) -> Result<(), CliError> {
    let name = finding.language.name();
    match &finding.state {
        Ok(with) => {
            let value = json!({"language": name, "ok": true, "with": with});
            output.line(&format!("{name:<15} ready    {with}"), &value)
        }
        Err(missing) => {
            let mut text = format!("{name:<15} missing  {}", missing.what);
            for remedy in &missing.remedies {
                let lead = if matches!(remedy, Remedy::Run(_)) { "$ " } else { "" };
                text.push_str(&format!("\n{:<24} {lead}{}", "", remedy.text()));
            }
            let remedies: Vec<String> = missing.remedies.iter().map(Remedy::text).collect();
            output.line(&text, &json!({"language": name, "ok": false, "why": missing.what, "install": remedies}))
        }
    }
}
