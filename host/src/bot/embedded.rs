//! The embedded server as the configuration wants it.

use crate::{
    config::{self, Embedded},
    local::{self, Server},
};

/// The embedded server did not start.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// Its users cannot be read.
    #[error("the embedded server's users: {0}")]
    Users(#[from] local::UsersError),
    /// It cannot listen.
    #[error("{0}")]
    Bind(#[from] local::Error),
}

/// Makes the embedded server listen. It answers nobody until it is run.
///
/// # Errors
/// An [`EmbeddedError`] that says what to change.
pub async fn bind(settings: &Embedded) -> Result<Server, EmbeddedError> {
    let users = match &settings.users_file {
        Some(file) => local::read_users(file)?,
        None => Vec::new(),
    };
    let logs = settings.logs.iter().map(|(pipes, length)| local::LogRule { pipes: pipes.clone(), length: *length });
    let mut logs: Vec<_> = logs.collect();
    // The first rule that covers a pipe counts, so a whole name comes before a beginning, and a long one before a short.
    logs.sort_by_key(|rule| (rule.pipes.ends_with('*'), std::cmp::Reverse(rule.pipes.len())));
    let options = local::Options {
        listen: settings.listen,
        users,
        password: local::Secret::new(settings.password.reveal()),
        logs,
        faults: match settings.faults {
            config::Faults::Faithful => local::Faults::Faithful,
            config::Faults::Forgiving => local::Faults::Forgiving,
        },
        era: match settings.era {
            config::Era::V409 => local::Era::V409,
            config::Era::V331 => local::Era::V331,
        },
        ..local::Options::default()
    };
    Ok(Server::bind(options).await?)
}
