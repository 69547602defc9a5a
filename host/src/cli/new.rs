//! `cometbot new`: the folder of a new plugin.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::{CliError, Common, output::Output};
use crate::kit::{
    language::Language,
    project::Project,
    scaffold::{self, ScaffoldError},
};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// What it is written in: rust, c, cpp, zig, assemblyscript, javascript, typescript, python, go, tinygo, wat
    #[arg(long, short, value_name = "LANGUAGE", required_unless_present = "renew_kit")]
    lang: Option<Language>,
    /// The new folder; its name is the plugin's
    #[arg(value_name = "NAME")]
    path: PathBuf,
    /// Put this cometbot's kit into a folder that is there already, in the place of the kit in it
    #[arg(long, conflicts_with = "lang")]
    renew_kit: bool,
}

pub(super) fn run(common: &Common, arguments: &Arguments) -> Result<(), CliError> {
    let output = Output::new(common.json);
    let Some(language) = arguments.lang else { return renew(output, arguments) };
    let project = scaffold::create(&arguments.path, language).map_err(to_exit)?;
    let (name, path, source) = (&project.name, arguments.path.display(), language.source());
    let text = format!(
        "{path}: a plugin in {language}, which begins in {path}/{source}\n\n  \
         cometbot build {path}    makes {name}.wasm, beside the folder\n  \
         cometbot test {path}     plays the events in {path}/test.toml to it\n  \
         cometbot dev {path}      builds it again whenever you save\n"
    );
    let value = json!({
        "plugin": name, "language": language.name(), "folder": project.folder, "source": project.folder.join(source),
    });
    output.line(&text, &value)
}

fn renew(output: Output, arguments: &Arguments) -> Result<(), CliError> {
    for project in Project::find(&arguments.path).map_err(CliError::usage)? {
        scaffold::refresh(&project).map_err(to_exit)?;
        let text = format!("{}: the kit for {} is this cometbot's now", project.name, project.language);
        output.line(&text, &json!({"plugin": project.name, "language": project.language.name()}))?;
    }
    Ok(())
}

fn to_exit(error: ScaffoldError) -> CliError {
    match error {
        ScaffoldError::Name(_) | ScaffoldError::Exists(_) => CliError::usage(error),
        ScaffoldError::Write { .. } => CliError::failed(error),
    }
}
