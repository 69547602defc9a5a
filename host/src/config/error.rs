//! What is wrong with a configuration, and where.

use std::{
    fmt, io,
    ops::Range,
    path::{Path, PathBuf},
};

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error(
        "cannot read the configuration {}: {source}; name another with --config, or copy the bot.toml that comes with \
         cometbot",
        path.display()
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Something in the file or the environment.
    #[error("{place}: {fault}")]
    Fault {
        /// Where it stands.
        place: Place,
        /// What is wrong and what to write instead.
        fault: String,
    },
}

/// Where a value stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In a file.
    File {
        /// The file.
        path: PathBuf,
        /// The line, from 1; none where the file does not say anything and should.
        line: Option<usize>,
    },
    /// In an environment variable.
    Variable(String),
}

impl Place {
    /// The place of a byte range in a file's text.
    pub(super) fn in_file(path: &Path, text: &str, span: Option<Range<usize>>) -> Self {
        let line = span.and_then(|span| text.get(..span.start)).map(|before| before.matches('\n').count() + 1);
        Self::File { path: path.to_owned(), line }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line: Some(line) } => write!(f, "{}, line {line}", path.display()),
            Self::File { path, line: None } => write!(f, "{}", path.display()),
            Self::Variable(name) => write!(f, "environment variable {name}"),
        }
    }
}
