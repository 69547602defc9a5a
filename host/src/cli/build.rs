//! `cometbot build`: plugins out of their sources.

use std::{io::Write as _, path::PathBuf};

use clap::Args;
use serde_json::json;

use super::{CliError, Common, output::Output};
use crate::kit::{
    build::{self, BuildError, Built},
    project::Project,
    toolchain::ToolFolder,
};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Folders with a plugin's source, or folders of such folders
    #[arg(value_name = "PATH", default_value = ".")]
    paths: Vec<PathBuf>,
}

pub(super) async fn run(common: &Common, arguments: &Arguments) -> Result<(), CliError> {
    let output = Output::new(common.json);
    let projects = find(&arguments.paths)?;
    let mut failed = 0;
    for project in &projects {
        failed += u32::from(show(output, project, build(project).await)?.is_none());
    }
    match failed {
        0 => Ok(()),
        1 => Err(CliError::failed("one plugin was not built")),
        many => Err(CliError::failed(format!("{many} plugins were not built"))),
    }
}

/// The projects that arguments name.
pub(super) fn find(paths: &[PathBuf]) -> Result<Vec<Project>, CliError> {
    let found = paths.iter().map(|path| Project::find(path)).collect::<Result<Vec<_>, _>>();
    Ok(found.map_err(CliError::usage)?.concat())
}

/// Builds a project and says on standard error what is done.
pub(super) async fn build(project: &Project) -> Result<Built, BuildError> {
    let say = |words: &str| say(project, words);
    build::build(project, &ToolFolder::of_user(), &say).await
}

/// Says something about a project on standard error. If that cannot be written, nobody is left to tell.
pub(super) fn say(project: &Project, words: &str) {
    let _ = writeln!(std::io::stderr(), "{}: {words}", project.name);
}

/// Answers how a build ended; gives what was built.
pub(super) fn show(
    output: Output,
    project: &Project,
    outcome: Result<Built, BuildError>,
) -> Result<Option<Built>, CliError> {
    let (name, language) = (&project.name, project.language.name());
    match outcome {
        Ok(built) => {
            let (file, seconds) = (built.file.display(), built.took.as_secs_f64());
            let news = if built.is_new { "" } else { ", as it was" };
            let text = format!("{name}: {file}, {} KB in {seconds:.1} s{news}", built.bytes.div_ceil(1000));
            let value = json!({
                "plugin": name, "language": language, "ok": true, "file": built.file, "bytes": built.bytes,
                "changed": built.is_new, "seconds": seconds,
            });
            output.line(&text, &value)?;
            Ok(Some(built))
        }
        Err(error) => {
            let why = error.to_string();
            let value = json!({"plugin": name, "language": language, "ok": false, "why": why});
            output.foreign_line(&format!("{name}: not built: {why}"), &value)?;
            Ok(None)
        }
    }
}
