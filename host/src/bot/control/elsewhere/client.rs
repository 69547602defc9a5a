//! Where there are no Unix sockets, no bot can be asked.

use std::path::Path;

use super::{Answer, Request};

/// Why a running bot has not answered.
#[derive(Debug, thiserror::Error)]
pub enum AskHostError {
    /// The system has no way to reach one.
    #[error("this system has no Unix sockets, so a running bot cannot be asked: put the file into its folder instead")]
    NotHere,
}

impl AskHostError {
    /// Whether it is that no bot runs: that is not known here.
    #[must_use]
    pub const fn is_no_bot(&self) -> bool {
        false
    }
}

/// Asks nobody.
///
/// # Errors
/// Always [`AskHostError::NotHere`].
pub async fn ask(_: &Path, _: &Request) -> Result<Answer, AskHostError> {
    Err(AskHostError::NotHere)
}
