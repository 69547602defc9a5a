//! What the process is told by signals. They count from the call on, not only from when somebody waits for them.

use std::io;

use futures_util::Stream;
#[cfg(unix)]
use tokio::signal::unix::{SignalKind, signal};

/// Resolves when the process is told to end: SIGTERM, SIGINT. SIGHUP, which would end it by default, does not.
#[cfg(unix)]
pub(super) fn told_to_stop() -> io::Result<impl Future<Output = ()>> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    // Whoever asks for a signal once takes its effect away for as long as the process lives.
    drop(hang_ups()?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Resolves when the process is told to end.
#[cfg(not(unix))]
pub(super) fn told_to_stop() -> io::Result<impl Future<Output = ()>> {
    Ok(async {
        // Without the signal, the process ends by whatever else ends processes there.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}

/// An item whenever the process is told by SIGHUP to read its configuration anew. Several signals in a row may be one.
#[cfg(unix)]
pub(super) fn hang_ups() -> io::Result<impl Stream<Item = ()> + Send> {
    let mut hang_up = signal(SignalKind::hangup())?;
    Ok(futures_util::stream::poll_fn(move |context| hang_up.poll_recv(context)))
}

/// There is no such signal here.
#[cfg(not(unix))]
pub(super) fn hang_ups() -> io::Result<impl Stream<Item = ()> + Send> {
    Ok(futures_util::stream::pending())
}
