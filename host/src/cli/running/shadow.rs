//! `cometbot shadow`: a candidate beside what runs, without effect, so that it can be compared before it takes over.

use std::path::PathBuf;

use clap::Args;

use super::{Named, carry_out};
use crate::{
    bot::control::Request,
    cli::{CliError, Common},
};

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    plugin: Named,
    /// The candidate: a .wasm or .wat file, outside of the plugin folder
    #[arg(value_name = "FILE", required_unless_present = "stop")]
    file: Option<PathBuf>,
    /// Let the candidate go
    #[arg(long, conflicts_with = "file")]
    stop: bool,
}

pub(in crate::cli) async fn run(common: &Common, arguments: &Arguments) -> Result<(), CliError> {
    carry_out(common, &request(arguments)?).await
}

fn request(arguments: &Arguments) -> Result<Request, CliError> {
    let plugin = arguments.plugin.name.clone();
    let Some(file) = &arguments.file else { return Ok(Request::Unshadow { plugin }) };
    // The bot may run in another folder than the command does.
    let file = std::path::absolute(file)?;
    if file.to_str().is_none() {
        return Err(CliError::usage(format!("{} is no Unicode text: give the file another name", file.display())));
    }
    Ok(Request::Shadow { plugin, file })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Shadow {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn parsed(words: &[&str]) -> Result<Request, String> {
        let shadow = Shadow::try_parse_from(["shadow"].iter().chain(words)).map_err(|error| error.to_string())?;
        request(&shadow.arguments).map_err(|error| error.message)
    }

    #[test]
    fn the_file_is_named_from_the_root_for_a_bot_that_runs_elsewhere() {
        let file = std::env::current_dir().unwrap().join("new/karma.wasm");
        assert_eq!(parsed(&["karma", "new/karma.wasm"]), Ok(Request::Shadow { plugin: "karma".to_owned(), file }));
    }

    #[test]
    fn either_a_file_or_the_end_of_it() {
        assert_eq!(parsed(&["karma", "--stop"]), Ok(Request::Unshadow { plugin: "karma".to_owned() }));
        assert!(parsed(&["karma"]).unwrap_err().contains("<FILE>"));
        assert!(parsed(&["karma", "a.wasm", "--stop"]).unwrap_err().contains("cannot be used with"));
    }

    #[cfg(unix)]
    #[test]
    fn a_file_whose_name_is_no_text_is_an_error() {
        use std::os::unix::ffi::OsStrExt as _;
        let file = std::ffi::OsStr::from_bytes(b"/a\xff.wasm");
        let words = ["shadow".as_ref(), "karma".as_ref(), file];
        let error = request(&Shadow::try_parse_from(words).unwrap().arguments).unwrap_err();
        assert!(error.message.contains("give the file another name"), "{}", error.message);
    }
}
