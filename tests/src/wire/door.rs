//! Where a wire listens; it can be closed and opened again at the same port.

use std::{
    future::poll_fn,
    io::ErrorKind,
    net::SocketAddr,
    sync::{Arc, Mutex},
    task::Poll,
    time::Instant,
};

use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::Notify,
    task::JoinSet,
};

use super::{
    Shared,
    connection::{Orders, serve},
};
use crate::PATIENCE;

/// How many connections may wait to be accepted.
const BACKLOG: u32 = 1024;

/// The door. [`admit`] is who stands at it.
pub(super) struct Door {
    pub(super) address: SocketAddr,
    state: Mutex<State>,
    /// Who waits at a door that is closed waits for this.
    reopened: Notify,
}

enum State {
    Open(TcpListener),
    /// Bound, so that nobody else is given the port, but not listening.
    Closed(TcpSocket),
    /// Between the two.
    Ajar,
}

impl Door {
    pub(super) async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        Self { address, state: Mutex::new(State::Open(listener)), reopened: Notify::new() }
    }

    /// From the moment it returns connections are refused.
    pub(super) fn close(&self) {
        let mut state = self.state.lock().unwrap();
        if matches!(*state, State::Open(_)) {
            // The port is free only when the listener is gone.
            *state = State::Ajar;
            *state = State::Closed(self.bind());
        }
    }

    /// From the moment it returns connections are accepted.
    pub(super) fn reopen(&self) {
        let mut state = self.state.lock().unwrap();
        *state = match std::mem::replace(&mut *state, State::Ajar) {
            State::Closed(socket) => State::Open(socket.listen(BACKLOG).unwrap()),
            open => open,
        };
        self.reopened.notify_one();
    }

    /// A process that another test starts at this moment has the old listener too, until it becomes the program that it
    /// is to be.
    fn bind(&self) -> TcpSocket {
        let since = Instant::now();
        loop {
            let socket = TcpSocket::new_v4().unwrap();
            socket.set_reuseaddr(true).unwrap();
            match socket.bind(self.address) {
                Ok(()) => return socket,
                Err(error) if error.kind() == ErrorKind::AddrInUse && since.elapsed() < PATIENCE => {
                    std::thread::yield_now();
                }
                Err(error) => panic!("the port cannot be kept: {error}"),
            }
        }
    }

    async fn accept(&self) -> TcpStream {
        let (stream, _) = poll_fn(|context| match &*self.state.lock().unwrap() {
            State::Open(listener) => listener.poll_accept(context),
            State::Closed(_) | State::Ajar => Poll::Pending,
        })
        .await
        .unwrap();
        stream
    }
}

/// Accepts connections for ever; they end together with it.
pub(super) async fn admit(shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            bot = shared.door.accept() => {
                // Before it is counted, so that a test that has seen the count can give it orders.
                let orders = Orders::of(&shared);
                let mut number = 0;
                shared.counts.send_modify(|counts| {
                    counts.accepted += 1;
                    number = counts.accepted;
                });
                connections.spawn(serve(bot, number, Arc::clone(&shared), orders));
            }
            () = shared.door.reopened.notified() => {}
            Some(ended) = connections.join_next(), if !connections.is_empty() => ended.unwrap(),
        }
    }
}
