//! Where there are no Unix sockets, there is no control socket.

use std::path::Path;

use super::Requests;

/// Why there is no control socket.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The system has none.
    #[error("this system has no Unix sockets, so a running bot cannot be asked: it follows its folder alone")]
    NotHere,
}

impl ControlError {
    /// Whether a bot may run all the same, which no command reaches then.
    #[must_use]
    pub const fn is_bearable(&self) -> bool {
        true
    }
}

/// A control socket, of which there is none here.
#[derive(Debug)]
pub struct Control(());

impl Control {
    /// Makes no socket.
    ///
    /// # Errors
    /// Always [`ControlError::NotHere`].
    pub async fn serve(_: &Path, _: Requests) -> Result<Self, ControlError> {
        Err(ControlError::NotHere)
    }
}
