//! Why a plugin's memory could not be carried from one version to the next.

use super::Crash;
use crate::report::brief;

/// Why `save` or `restore` did not do it.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// It returned an error.
    #[error("it returned an error: {}", brief(.0))]
    Returned(String),
    /// What it saved is larger than may be carried over.
    #[error("it gave {bytes} bytes, and {most} is the most (`state-mib`)")]
    TooLarge {
        /// How much it is.
        bytes: usize,
        /// How much may be.
        most: usize,
    },
    /// It trapped or took too long.
    #[error("{0}")]
    Crashed(Box<Crash>),
}
