//! What the service manager is told, where there is one that listens (systemd, `Type=notify`).

use crate::comet::link::status::Status;

#[cfg(target_os = "linux")]
fn tell(states: &[sd_notify::NotifyState<'_>]) {
    // Without NOTIFY_SOCKET this does nothing; a manager that does not listen is no reason to stop.
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!("the service manager could not be told: {error}");
    }
}

/// The plugins run and the link is being made. A server that is away does not make the bot unready: it will come back.
pub(super) fn ready() {
    #[cfg(target_os = "linux")]
    tell(&[sd_notify::NotifyState::Ready]);
}

/// The bot has begun to stop.
pub(super) fn stopping() {
    #[cfg(target_os = "linux")]
    tell(&[sd_notify::NotifyState::Stopping]);
}

/// How the link does, for `systemctl status`.
pub(super) fn status(status: &Status) {
    let words = match status {
        Status::Connecting => "connecting",
        Status::Authorizing => "authorizing",
        Status::Live => "live",
        Status::Waiting { .. } => "waiting for the comet server",
    };
    #[cfg(target_os = "linux")]
    tell(&[sd_notify::NotifyState::Status(words)]);
    #[cfg(not(target_os = "linux"))]
    let _ = words;
}
