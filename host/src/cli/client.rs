//! What the commands for people share: one connection to any comet server.

use std::collections::BTreeSet;

use clap::Args;

use super::{CliError, Common, logging};
use crate::{
    comet::{
        address::Address, asks::AskError, client::Client, link::connect::Settings, login::LoginSource, name::PipeName,
    },
    config::Server,
};

/// How much a client keeps waiting to be sent, in bytes.
const OUTBOX_BYTES: usize = 1024 * 1024;

/// Which server.
#[derive(Debug, Args)]
pub(super) struct Target {
    /// The comet server, as in wss://comet.example.org/ws/ [default: the one in the configuration]
    #[arg(long, value_name = "URL")]
    server: Option<String>,
}

impl Target {
    fn settings(&self, common: &Common) -> Result<Settings, CliError> {
        let config = common.load_if_there()?;
        let settings = match config.server {
            Server::At { settings, .. } => settings,
            Server::Embedded { manner, version } => {
                let address = Address::parse(&format!("ws://{}/ws/", config.embedded.listen))
                    .and_then(|address| address.with_version(&version));
                let address = address.map_err(CliError::usage)?;
                Settings { address, manner }
            }
        };
        let Some(url) = &self.server else { return Ok(settings) };
        let address = Address::parse(url).and_then(|address| address.with_version(settings.address.version()));
        let address = address.map_err(CliError::usage)?;
        let mut manner = settings.manner;
        // A token is for the server that it was configured for, and for no other.
        if !address.is_same_server(&settings.address) {
            manner.login = LoginSource::anonymous();
        }
        Ok(Settings { address, manner })
    }
}

/// Why a question has no answer, as the end of a command.
pub(super) fn not_answered(error: AskError) -> CliError {
    match error {
        AskError::Refused(refusal) => CliError::usage(refusal),
        AskError::NotConnected => CliError::no_connection(error),
        AskError::TimedOut(_) | AskError::TooManyOpen => CliError::failed(error),
    }
}

/// Connects and subscribes.
pub(super) async fn connect(common: &Common, target: &Target, pipes: BTreeSet<PipeName>) -> Result<Client, CliError> {
    let settings = target.settings(common)?;
    logging::start_for_people()?;
    Client::open(&settings, pipes, OUTBOX_BYTES).await.map_err(CliError::no_connection)
}
