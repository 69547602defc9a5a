//! A fleet on a thread of its own.
//!
//! A connection must be read whatever the plugins do, and a burst of events is handled while the next one is read. On
//! the runtime that plugins share, a reader would take turns with the very plugins that it wakes. One thread serves all
//! links: what arrives over one is little beside what plugins do with it.

use std::{io, thread::JoinHandle};

use tokio::sync::oneshot;

use super::{Fleet, Inlet};

/// A fleet that runs. Dropping it ends the connections.
pub struct FleetThread {
    /// Dropping it tells the thread to end.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl FleetThread {
    /// Starts the thread.
    ///
    /// # Errors
    /// If the system gives no thread or no event queue.
    pub fn start(fleet: Fleet, inlet: impl Inlet + Clone + 'static) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name("link".into()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = fleet.run(inlet) => {}
                    _ = stopped => {}
                }
            });
            // A name that is being looked up must not hold up the end.
            runtime.shutdown_background();
        })?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for FleetThread {
    /// Waits for the thread, which takes no longer than reading one burst.
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has ended as well.
            let _ = thread.join();
        }
    }
}
