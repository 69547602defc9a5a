//! The way out of a session: commands become frames as they come.

use tokio::io::{AsyncWriteExt as _, WriteHalf};

use super::{
    Port,
    frames::{self, Stream},
};
use crate::comet::commands::Commands;

/// Writes what the link's exit gives.
pub(super) struct Writer {
    outgoing: WriteHalf<Box<dyn Stream>>,
    port: Port,
}

impl Writer {
    pub(super) const fn new(outgoing: WriteHalf<Box<dyn Stream>>, port: Port) -> Self {
        Self { outgoing, port }
    }

    /// Writes until that fails.
    pub(super) async fn run(mut self) -> std::io::Error {
        let mut commands = Commands::default();
        let mut bytes = Vec::new();
        loop {
            self.port.outbox.take(self.port.exit, &mut commands).await;
            frames::write(&commands, &mut bytes);
            if let Err(error) = self.outgoing.write_all(&bytes).await {
                return error;
            }
            if let Err(error) = self.outgoing.flush().await {
                return error;
            }
            commands.clear();
            bytes.clear();
        }
    }
}
