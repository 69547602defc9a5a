//! Answers `!who` with the number of connections that listen to the pipe.

use cometbot_plugin::{Error, Event, Plugin, Wants, comet, config, export};

struct Online;

impl Plugin for Online {
    fn setup() -> Result<(Self, Wants), Error> {
        let mut wants = Wants::new();
        for pipe in config::list("pipes", "web_chat")? {
            wants = wants.hear(&pipe, ["msg"]).count(&pipe).send(pipe);
        }
        Ok((Self, wants))
    }

    fn handle(&mut self, event: Event) -> Result<(), Error> {
        if event.text().trim() == "!who" {
            event.reply("bot", &answer(comet::count(&event.pipe)?, &event.pipe))?;
        }
        Ok(())
    }
}

export!(Online);

/// People ask for people: the bot hears the pipe, so one of the connections is its own.
fn answer(connections: u64, pipe: &str) -> String {
    match connections.saturating_sub(1) {
        1 => format!("1 connection is listening to {pipe}"),
        others => format!("{others} connections are listening to {pipe}"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use cometbot_plugin::testing::{Sent, Stage};

    use super::*;

    #[test]
    fn who_is_answered_with_the_number_of_the_others() {
        let mut stage =
            Stage::<Online>::with().config("pipes", "web_chat, web_help").count("web_help", 3).start().unwrap();
        let answer = |message| [Sent::new("web_help", "bot", message)];
        let asked = Event::new("web_help", "msg", " !who ");
        assert_eq!(stage.handle(asked.clone()).unwrap(), answer("2 connections are listening to web_help"));
        let in_json = Event { data: r#""!who""#.into(), ..asked.clone() };
        assert_eq!(stage.handle(in_json).unwrap(), answer(r#""2 connections are listening to web_help""#));
        assert_eq!(stage.handle(Event { data: "who?".into(), ..asked }).unwrap(), []);
    }

    #[test]
    fn without_an_answer_of_the_server_nothing_is_said() {
        let mut stage = Stage::<Online>::with().start().unwrap();
        stage.refuse(comet::Error::TimedOut);
        let failed = stage.handle(Event::new("web_chat", "msg", "!who")).unwrap_err();
        assert_eq!(failed.to_string(), "the comet server did not answer in time");
    }

    #[test]
    fn the_bot_does_not_count_itself() {
        assert_eq!(answer(3, "web_chat"), "2 connections are listening to web_chat");
        assert_eq!(answer(2, "web_chat"), "1 connection is listening to web_chat");
        assert_eq!(answer(1, "web_chat"), "0 connections are listening to web_chat");
    }

    #[test]
    fn a_count_from_before_the_bot_subscribed_is_not_below_zero() {
        assert_eq!(answer(0, "web_chat"), "0 connections are listening to web_chat");
    }
}
