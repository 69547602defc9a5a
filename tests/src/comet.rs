//! A comet server in the test's own process.

use std::net::SocketAddr;

use cometbot::local::{Control, Era, LogRule, Options, Secret, Server, User};
use tokio::{sync::oneshot, task::JoinHandle};

use crate::within;

/// The user of dev 0 who may log in with [`HASH`].
pub const USER: u32 = 7;
/// The token of [`USER`].
pub const HASH: &str = "0123456789abcdef0123456789abcdef";
/// The server's password, to which the dev id is appended to sign JSON web tokens.
pub const PASSWORD: &str = "CometQLPassword";

/// A faithful double that keeps logs of all `web_log*` pipes and knows one user.
pub struct Comet {
    options: Options,
    running: Option<Running>,
    /// Faults on demand, and all that a back end can do; of the present run.
    pub control: Control,
}

struct Running {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Comet {
    /// Like `CppComet` 4.09.
    pub async fn start() -> Self {
        Self::start_like(Era::V409).await
    }

    /// Like a server of the given era.
    pub async fn start_like(era: Era) -> Self {
        let options = Options {
            era,
            users: vec![User { dev: 0, id: USER, hash: Secret::new(HASH) }],
            password: Secret::new(PASSWORD),
            logs: vec![LogRule { pipes: "web_log*".to_owned(), length: 200 }],
            ..Options::default()
        };
        let (running, control, address) = run(options.clone()).await;
        Self { options: Options { listen: address, ..options }, running: Some(running), control }
    }

    /// Where it listens, also after a restart.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.options.listen
    }

    /// Where clients connect.
    #[must_use]
    pub fn url(&self) -> String {
        format!("ws://{}/ws/", self.address())
    }

    /// Ends it, with all its connections.
    pub async fn stop(&mut self) {
        let Running { stop, task } = self.running.take().expect("the server runs");
        drop(stop);
        within("the end of the comet server", task).await.unwrap();
    }

    /// Starts it anew at the same address, without anything it knew.
    pub async fn start_again(&mut self) {
        assert!(self.running.is_none(), "the server runs already");
        let (running, control, _) = run(self.options.clone()).await;
        (self.running, self.control) = (Some(running), control);
    }

    /// Waits until so many connections hear a pipe.
    pub async fn subscribed(&self, pipe: &str, connections: usize) {
        let what = format!("{connections} subscribers of {pipe}");
        within(&what, self.control.wait_for_subscribers(pipe, connections)).await;
    }
}

async fn run(options: Options) -> (Running, Control, SocketAddr) {
    let server = Server::bind(options).await.unwrap();
    let (control, address) = (server.control(), server.address());
    let (stop, stopped) = oneshot::channel::<()>();
    let task = tokio::spawn(server.run(async {
        // Dropping the sender means the same as sending.
        let _ = stopped.await;
    }));
    (Running { stop, task }, control, address)
}
