//! Running a plugin natively, in `cargo test`: its settings, logs and counts are the test's, and what it sends and logs
//! is noted.
//!
//! ```
//! # use cometbot_plugin::{Error, Event, Plugin, Wants, config};
//! # struct Greeter(String);
//! # impl Plugin for Greeter {
//! #     fn setup() -> Result<(Self, Wants), Error> {
//! #         let wants = Wants::new().hear("web_chat", ["msg"]).send("web_chat");
//! #         Ok((Self(config::get("greeting")?.unwrap_or_default()), wants))
//! #     }
//! #     fn handle(&mut self, event: Event) -> Result<(), Error> {
//! #         Ok(event.reply("bot", &self.0)?)
//! #     }
//! # }
//! use cometbot_plugin::testing::{Sent, Stage};
//!
//! # fn main() -> Result<(), Error> {
//! let mut stage = Stage::<Greeter>::with().config("greeting", "hi").start()?;
//! let sent = stage.handle(Event::new("web_chat", "msg", "!hello").from_user(7))?;
//! assert_eq!(sent, [Sent::new("web_chat", "bot", "hi")]);
//! # Ok(())
//! # }
//! ```
//!
//! It is as in the host: an event that `setup` did not ask for does not arrive, a call that it did not ask for is denied,
//! names and messages that the server could not take are invalid, and a `handle` that fails sends nothing. Two things are
//! not as in the host. A message that only just fits is taken here, and may grow too long on the server. A panic is the
//! test's, and not the end of an instance.
//!
//! Time stands still until the test lets it pass, and random numbers are the same in each run. What the plugin logs is
//! printed too, so that cargo shows it if the test fails. There is one stage in a thread at a time; tests have threads of
//! their own.

use std::{marker::PhantomData, time::Duration};

use self::desk::Desk;
use crate::{Error, Event, Gap, Plugin, Wants, comet, gap, runtime};

pub(crate) mod desk;
mod rules;

/// The most that `save` may hand over unless the operator says otherwise (`state-mib`).
const STATE_MAX_BYTES: usize = 8 * 1024 * 1024;

/// An event that a plugin sent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the parameters of comet::send")]
pub struct Sent {
    pub pipe: String,
    pub event: String,
    pub message: String,
}

impl Sent {
    /// What is expected.
    #[must_use]
    pub fn new(pipe: impl Into<String>, event: impl Into<String>, message: impl Into<String>) -> Self {
        Self { pipe: pipe.into(), event: event.into(), message: message.into() }
    }
}

/// A line that a plugin wrote into the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The level, as in `INFO`.
    pub level: String,
    /// The `target:` that the line was given; empty if none was.
    pub context: String,
    /// The text.
    pub message: String,
}

impl Line {
    /// What is expected, of a line without a context.
    #[must_use]
    pub fn new(level: impl Into<String>, message: impl Into<String>) -> Self {
        Self { level: level.into(), context: String::new(), message: message.into() }
    }
}

/// A call that was refused, by the rules of the host or because the test wanted that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// `send`, `log` or `count`.
    pub call: &'static str,
    /// The pipe.
    pub pipe: String,
    /// What the plugin was told.
    pub error: comet::Error,
}

/// A stage that is being set.
#[derive(Debug)]
pub struct Setting<P> {
    desk: Desk,
    plugin: PhantomData<P>,
}

impl<P: Plugin> Setting<P> {
    /// Sets a value of the plugin's table in bot.toml, as text; of a list, its parts with commas between.
    #[must_use]
    pub fn config(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.desk.config.insert(key.into(), value.into());
        self
    }

    /// Puts events into a pipe's log, the oldest first.
    #[must_use]
    pub fn log(mut self, pipe: impl Into<String>, events: impl IntoIterator<Item = Event>) -> Self {
        self.desk.logs.entry(pipe.into()).or_default().extend(events);
        self
    }

    /// Sets how many connections subscribe to a pipe.
    #[must_use]
    pub fn count(mut self, pipe: impl Into<String>, subscribers: u64) -> Self {
        self.desk.counts.insert(pipe.into(), subscribers);
        self
    }

    /// Calls `setup`.
    ///
    /// # Errors
    /// Those of the plugin; or what the host says to names that cannot be.
    pub fn start(self) -> Result<Stage<P>, Error> {
        desk::replace(self.desk);
        crate::logger::start();
        let (plugin, wants) = set_up::<P>()?;
        desk::with(|desk| desk.wants = Some(wants.clone()));
        Ok(Stage { plugin, wants })
    }
}

fn set_up<P: Plugin>() -> Result<(P, Wants), Error> {
    let (plugin, wants) = P::setup()?;
    rules::check_wants(&wants)?;
    Ok((plugin, wants))
}

/// A plugin that was set up, and a test that plays to it.
#[derive(Debug)]
pub struct Stage<P> {
    /// The plugin itself.
    pub plugin: P,
    /// What its `setup` asked for.
    pub wants: Wants,
}

impl<P: Plugin> Stage<P> {
    /// A stage on which nothing is set yet; what was in this thread before is forgotten.
    #[must_use]
    pub fn with() -> Setting<P> {
        Setting { desk: Desk::default(), plugin: PhantomData }
    }

    /// Lets the plugin handle an event, and gives what it sent.
    ///
    /// # Errors
    /// Those of the plugin, and nothing was sent then; or the plugin does not hear such events.
    pub fn handle(&mut self, event: Event) -> Result<Vec<Sent>, Error> {
        if !rules::hears(&self.wants, &event.pipe, &event.name) {
            return Err(format!(
                "the plugin does not hear `{}` in {}: `setup` must ask for it",
                event.name, event.pipe
            )
            .into());
        }
        desk::with(|desk| desk.sent.clear());
        let outcome = runtime::deliver(&mut self.plugin, event);
        let sent = desk::with(|desk| std::mem::take(&mut desk.sent));
        outcome.map(|()| sent)
    }

    /// Tells the plugin of a gap, as the host does, and gives what it sent.
    ///
    /// # Errors
    /// As [`handle`](Self::handle).
    pub fn gap(&mut self, gap: &Gap) -> Result<Vec<Sent>, Error> {
        let event = Event::new(gap::PIPE, &*gap.pipe, serde_json::to_string(gap)?);
        self.handle(Event { time: Some(gap.until), ..event })
    }

    /// Reloads the plugin: a new instance is set up with the same settings, takes what this one saves, and takes its place.
    /// What an earlier version of yours saved you can give to `stage.plugin.restore(…)` yourself.
    ///
    /// # Errors
    /// Those of the plugin's `save`, `setup` and `restore`, or more is saved than an operator allows by default. As in the
    /// host, the instance goes on as it was then.
    pub fn reload(&mut self) -> Result<(), Error> {
        // Nothing can be asked of the server meanwhile.
        let granted = desk::with(|desk| desk.wants.take());
        let next = self.next();
        let wants = next.as_ref().map_or(granted, |(_, wants)| Some(wants.clone()));
        desk::with(|desk| desk.wants = wants);
        let (plugin, wants) = next?;
        *self = Self { plugin, wants };
        Ok(())
    }

    fn next(&self) -> Result<(P, Wants), Error> {
        let state = self.plugin.save()?;
        if state.len() > STATE_MAX_BYTES {
            let why = format!("`save` handed over {} bytes: {STATE_MAX_BYTES} is the most (`state-mib`)", state.len());
            return Err(why.into());
        }
        let (mut plugin, wants) = set_up::<P>()?;
        if !state.is_empty() {
            plugin.restore(state)?;
        }
        Ok((plugin, wants))
    }

    /// The next call of `send`, `log` or `count` that `setup` asked for fails like this. Called again, the one after it
    /// too.
    pub fn refuse(&mut self, error: comet::Error) {
        desk::with(|desk| desk.failures.push_back(error));
    }

    /// Puts events into a pipe's log, behind those that are there.
    pub fn log(&mut self, pipe: impl Into<String>, events: impl IntoIterator<Item = Event>) {
        desk::with(|desk| desk.logs.entry(pipe.into()).or_default().extend(events));
    }

    /// Sets how many connections subscribe to a pipe.
    pub fn count(&mut self, pipe: impl Into<String>, subscribers: u64) {
        desk::with(|desk| desk.counts.insert(pipe.into(), subscribers));
    }

    /// What was refused since the last time, also where the plugin made nothing of it.
    pub fn refused(&mut self) -> Vec<Refused> {
        desk::with(|desk| std::mem::take(&mut desk.refused))
    }

    /// Lets time pass, on both clocks. They begin with zero.
    pub fn pass(&mut self, time: Duration) {
        desk::with(|desk| desk.time += time);
    }

    /// What was logged since the last time.
    pub fn lines(&mut self) -> Vec<Line> {
        desk::with(|desk| std::mem::take(&mut desk.lines))
    }
}

#[cfg(test)]
mod tests;
