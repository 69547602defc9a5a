//! `cometbot test`: builds plugins and plays their tests to them.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::{
    CliError, Common,
    build::{build, find, show},
    logging,
    output::Output,
};
use crate::{
    config::Config,
    kit::{
        project::Project,
        trial::{
            script::{self, Case, Script, Sent},
            stage::{Stage, Verdict},
        },
    },
    plugins::package::Package,
};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Folders with a plugin's source, or folders of such folders
    #[arg(value_name = "PATH", default_value = ".")]
    paths: Vec<PathBuf>,
}

pub(super) async fn run(common: &Common, arguments: &Arguments) -> Result<(), CliError> {
    let config = common.load_if_there()?;
    let output = Output::new(common.json);
    // What a plugin logs belongs to what its author wants to see.
    logging::start_for_authors()?;
    let (mut passed, mut failed) = (0, 0);
    for project in find(&arguments.paths)? {
        let Some(built) = show(output, &project, build(&project).await)? else {
            failed += 1;
            continue;
        };
        let bytes = Package::read(&built.file, config.plugins.file_bytes).map_err(CliError::failed)?;
        match play(output, &config, &project, &bytes).await {
            Ok(tally) => (passed, failed) = (passed + tally.0, failed + tally.1),
            Err(error) => {
                failed += 1;
                let (name, why) = (&project.name, error.message);
                output.foreign_line(&format!("{name}: {why}"), &json!({"plugin": name, "ok": false, "why": why}))?;
            }
        }
    }
    output.line(&format!("{passed} passed, {failed} failed"), &json!({"passed": passed, "failed": failed}))?;
    if failed == 0 { Ok(()) } else { Err(CliError::failed("a test failed")) }
}

/// Plays a project's tests; gives how many passed and failed.
async fn play(output: Output, config: &Config, project: &Project, bytes: &[u8]) -> Result<(u32, u32), CliError> {
    let name = &project.name;
    let script = Script::read(&project.folder.join(script::FILE)).map_err(CliError::usage)?;
    let terms = config.plugins.terms(name).clone();
    let mut stage = Stage::set(name, bytes, terms, &script).await.map_err(CliError::failed)?;
    let (mut passed, mut failed) = (0, 0);
    for case in &script.cases {
        let verdict = stage.play(case).await.map_err(CliError::failed)?;
        *(if verdict.is_good { &mut passed } else { &mut failed }) += 1;
        let value = json!({
            "plugin": name, "case": case.name, "ok": verdict.is_good, "failed": verdict.failed,
            "sent": verdict.sent.iter().map(as_json).collect::<Vec<_>>(),
        });
        output.foreign_line(&told(name, case, &verdict), &value)?;
    }
    Ok((passed, failed))
}

fn told(name: &str, case: &Case, verdict: &Verdict) -> String {
    if verdict.is_good {
        return format!("{name}: ok      {}", case.name);
    }
    let mut text = format!("{name}: FAILED  {}", case.name);
    match (&case.fails, &verdict.failed) {
        (None, Some(words)) => text.push_str(&format!("\n    it failed: {words}")),
        (Some(part), None) => text.push_str(&format!("\n    it did not fail, and should with `{part}`")),
        (Some(part), Some(words)) if !words.contains(part.as_str()) => {
            text.push_str(&format!("\n    it failed with other words than `{part}`: {words}"));
        }
        _ => {}
    }
    if verdict.sent != case.sends {
        text.push_str(&format!("\n    expected: {}\n    sent:     {}", list(&case.sends), list(&verdict.sent)));
    }
    text
}

fn list(sends: &[Sent]) -> String {
    if sends.is_empty() {
        return "nothing".to_owned();
    }
    let lines = sends.iter().map(|sent| format!("{} {}: {:?}", sent.pipe, sent.event, sent.message));
    lines.collect::<Vec<_>>().join("\n              ")
}

fn as_json(sent: &Sent) -> serde_json::Value {
    json!({"pipe": sent.pipe, "event": sent.event, "message": sent.message})
}
