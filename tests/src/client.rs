//! Somebody who talks to the bot: a client in the test's own process, made of the same link as the bot's.

use std::collections::BTreeSet;

use cometbot::comet::{
    address::Address,
    client,
    commands::Commands,
    link::connect::{Manner, Settings},
    login::{Login, LoginSource, Token},
    name::PipeName,
    wire::{Event, Seen},
};

use crate::{Comet, HASH, USER, within};

/// How much may wait to be sent, in bytes: more than any test sends.
const OUTBOX_BYTES: usize = 64 * 1024 * 1024;

/// Something that a client heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// The pipe.
    pub pipe: String,
    /// The event.
    pub event: String,
    /// The payload.
    pub data: String,
    /// Who sent it, as far as the server says.
    pub user: Option<u64>,
}

impl From<Event<'static>> for Heard {
    fn from(event: Event<'static>) -> Self {
        Self {
            pipe: event.pipe.into_owned(),
            event: event.name.into_owned(),
            data: event.data.into_owned(),
            user: event.user_id,
        }
    }
}

/// A connection whose subscription is in force.
pub struct Client(client::Client);

impl Client {
    /// An anonymous client that hears `pipes`.
    pub async fn join<const N: usize>(comet: &Comet, pipes: [&str; N]) -> Self {
        Self::open(&comet.url(), Login::anonymous(0), &pipes).await
    }

    /// The user [`USER`].
    pub async fn join_as_user<const N: usize>(comet: &Comet, pipes: [&str; N]) -> Self {
        let login = Login::new(Token::new(HASH).unwrap(), Some(u64::from(USER)), Some(0)).unwrap();
        Self::open(&comet.url(), login, &pipes).await
    }

    /// An anonymous client of whatever listens at `url`.
    pub async fn join_at<const N: usize>(url: &str, pipes: [&str; N]) -> Self {
        Self::open(url, Login::anonymous(0), &pipes).await
    }

    async fn open(url: &str, login: Login, pipes: &[&str]) -> Self {
        let manner = Manner::of(LoginSource::Fixed(login));
        let settings = Settings { address: Address::parse(url).unwrap(), manner };
        let pipes: BTreeSet<PipeName> = pipes.iter().map(|pipe| PipeName::new(pipe).unwrap()).collect();
        let client = client::Client::open(&settings, pipes, OUTBOX_BYTES);
        Self(within("the subscription of a client", client).await.unwrap())
    }

    /// Sends an event and goes on at once.
    pub fn send(&self, pipe: &str, event: &str, data: &str) {
        let mut commands = Commands::default();
        commands.send(pipe, event, data).unwrap();
        self.0.lane.append(&mut commands);
    }

    /// Sends many events in one go.
    pub fn send_all<'a>(&self, pipe: &str, event: &str, data: impl IntoIterator<Item = &'a str>) {
        let mut commands = Commands::default();
        for data in data {
            commands.send(pipe, event, data).unwrap();
        }
        self.0.lane.append(&mut commands);
    }

    /// When a user was last seen.
    pub async fn user_status(&self, user: u32) -> Seen {
        within("a user's status", self.0.asks.user_status(&self.0.lane, u64::from(user))).await.unwrap()
    }

    /// Sends an event and waits until the server has taken it.
    pub async fn send_and_wait(&mut self, pipe: &str, event: &str, data: &str) {
        while self.0.answers.try_recv().is_ok() {}
        self.send(pipe, event, data);
        within("the answer to a send", self.0.answers.recv()).await.expect("the connection stands").unwrap();
    }

    /// The next thing that is heard.
    pub async fn next(&mut self) -> Heard {
        within("an event", self.0.events.recv()).await.expect("the connection stands").into()
    }

    /// The next `count` things that are heard, as `event data`.
    pub async fn next_lines(&mut self, count: usize) -> Vec<String> {
        let mut lines = Vec::with_capacity(count);
        for _ in 0..count {
            match tokio::time::timeout(crate::PATIENCE, self.0.events.recv()).await {
                Ok(Some(event)) => lines.push(format!("{} {}", event.name, event.data)),
                _ => panic!("waited in vain for {count} events and heard {lines:#?}"),
            }
        }
        lines
    }

    /// Sends `data` as the event `msg` and gives the next thing that is heard, as `event data`.
    pub async fn ask(&mut self, pipe: &str, data: &str) -> String {
        self.send(pipe, "msg", data);
        let Heard { event, data, .. } = self.next().await;
        format!("{event} {data}")
    }

    /// What has been heard and not been looked at. It waits for nothing.
    pub fn rest(&mut self) -> Vec<Heard> {
        std::iter::from_fn(|| self.0.events.try_recv().ok()).map(Heard::from).collect()
    }
}
