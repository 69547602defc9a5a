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
    use super::*;

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
