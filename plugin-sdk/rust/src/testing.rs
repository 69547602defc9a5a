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
//! As in the host, what `setup` did not ask for is denied, and a `handle` that fails sends nothing. What only a server
//! can say, such as that a message is too long, is not said here. There is one stage in a thread at a time; tests have
//! threads of their own.

use std::{marker::PhantomData, time::Duration};

use self::desk::Desk;
use crate::{Error, Event, Plugin, Wants, comet, runtime};

pub(crate) mod desk;

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
    /// The text.
    pub message: String,
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
    /// Those of the plugin.
    pub fn start(self) -> Result<Stage<P>, Error> {
        desk::replace(self.desk);
        crate::logger::start();
        let (plugin, wants) = P::setup()?;
        desk::with(|desk| desk.wants = Some(wants.clone()));
        Ok(Stage { plugin, wants })
    }
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
    /// Those of the plugin; nothing was sent then.
    pub fn handle(&mut self, event: Event) -> Result<Vec<Sent>, Error> {
        desk::with(|desk| desk.sent.clear());
        runtime::deliver(&mut self.plugin, event)?;
        Ok(desk::with(|desk| std::mem::take(&mut desk.sent)))
    }

    /// The next call of `send`, `log` or `count` fails like this.
    pub fn refuse(&mut self, error: comet::Error) {
        desk::with(|desk| desk.refusals.push_back(error));
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
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use super::*;
    use crate::{Gap, clock, config, log, random};

    #[derive(Debug)]
    struct Everything {
        gaps: Vec<Gap>,
    }

    impl Plugin for Everything {
        fn setup() -> Result<(Self, Wants), Error> {
            if config::get("refuse")?.is_some() {
                return Err("not today".into());
            }
            log::info!("started");
            let wants = Wants::new().hear_all("web_chat").send("web_*").log("web_chat").count("web_chat");
            Ok((Self { gaps: Vec::new() }, wants))
        }

        fn handle(&mut self, event: Event) -> Result<(), Error> {
            match &*event.name {
                "send" => comet::send(&event.data, "msg", "x")?,
                "send, and fail" => {
                    comet::send("web_chat", "msg", "x")?;
                    return Err("failed".into());
                }
                "nul" => comet::send("web_chat", "msg", "\0")?,
                "log" => event.reply("log", &comet::log("web_chat", 2)?.last().map_or("", |row| &row.data))?,
                "count" => event.reply_json("count", &comet::count("web_chat")?)?,
                "json" => event.reply_json("json", &event.json::<Vec<u8>>()?)?,
                "time" => event.reply_json("time", &clock::monotonic().as_secs())?,
                _ => event.reply("random", &format!("{} {}", random::number(), random::bytes(9).len()))?,
            }
            Ok(())
        }

        fn gap(&mut self, gap: Gap) -> Result<(), Error> {
            self.gaps.push(gap);
            Ok(())
        }
    }

    fn event(name: &str, data: &str) -> Event {
        Event::new("web_chat", name, data)
    }

    fn stage() -> Stage<Everything> {
        Stage::with().log("web_chat", [event("msg", "1"), event("msg", "2"), event("msg", "3")]).count("web_chat", 5).start().unwrap()
    }

    #[test]
    fn what_is_sent_is_noted_and_what_was_not_asked_for_is_denied() {
        let mut stage = stage();
        assert_eq!(stage.handle(event("send", "web_other")).unwrap(), [Sent::new("web_other", "msg", "x")]);
        let denied = stage.handle(event("send", "webauth_x")).unwrap_err();
        assert!(matches!(denied.downcast_ref(), Some(comet::Error::Denied(_))), "{denied}");
        let invalid = stage.handle(event("nul", "")).unwrap_err();
        assert!(matches!(invalid.downcast_ref(), Some(comet::Error::Invalid(_))), "{invalid}");
    }

    #[test]
    fn a_handle_that_fails_sends_nothing() {
        let mut stage = stage();
        assert_eq!(stage.handle(event("send, and fail", "")).unwrap_err().to_string(), "failed");
        assert_eq!(stage.handle(event("json", "[1]")).unwrap(), [Sent::new("web_chat", "json", "[1]")]);
    }

    #[test]
    fn logs_and_counts_are_the_tests() {
        let mut stage = stage();
        assert_eq!(stage.handle(event("log", "")).unwrap()[0].message, "3");
        assert_eq!(stage.handle(event("count", "")).unwrap()[0].message, "5");
        stage.refuse(comet::Error::TimedOut);
        assert_eq!(stage.handle(event("count", "")).unwrap_err().to_string(), comet::Error::TimedOut.to_string());
    }

    #[test]
    fn time_passes_when_the_test_says_so_and_lines_are_noted() {
        let mut stage = stage();
        stage.pass(Duration::from_secs(3));
        assert_eq!(stage.handle(event("time", "")).unwrap()[0].message, "3");
        assert_eq!(stage.lines(), [Line { level: "INFO".into(), message: "started".into() }]);
        assert_ne!(stage.handle(event("random", "")).unwrap(), stage.handle(event("random", "")).unwrap());
    }

    #[test]
    fn a_gap_is_told_where_it_belongs() {
        let mut stage = stage();
        let data = r#"{"pipe":"web_chat","recovered":2,"since":10,"until":20,"why":"no log"}"#;
        stage.handle(Event::new("host:gap", "web_chat", data)).unwrap();
        assert_eq!((stage.plugin.gaps[0].since, stage.plugin.gaps[0].recovered), (10, 2));
    }

    #[test]
    fn a_refusal_is_the_error_of_the_start() {
        let refused = Stage::<Everything>::with().config("refuse", "1").start().unwrap_err();
        assert_eq!(refused.to_string(), "not today");
    }

    #[test]
    fn json_of_another_form_is_an_error_that_names_the_event() {
        let words = stage().handle(event("json", "{}")).unwrap_err().to_string();
        assert!(words.starts_with("the data of `json` in web_chat are not as expected: "), "{words}");
    }
}
