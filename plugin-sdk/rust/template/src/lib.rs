//! {{name}}: answers `!hello` with a greeting.

use cometbot_plugin::{Error, Event, Plugin, Wants, config, export, log};

struct Greeter {
    greeting: String,
    greetings: u64,
}

impl Plugin for Greeter {
    fn setup() -> Result<(Self, Wants), Error> {
        let greeting = config::get("greeting")?.unwrap_or_else(|| "hello".to_owned());
        log::info!("greeting with {greeting:?}");
        let wants = Wants::new().hear("web_chat", ["msg"]).send("web_chat");
        let greeter = Self {
            greeting,
            greetings: 0,
        };
        Ok((greeter, wants))
    }

    fn handle(&mut self, event: Event) -> Result<(), Error> {
        if event.text().trim() != "!hello" {
            return Ok(());
        }
        self.greetings += 1;
        let whom = match event.user_id {
            None | Some(0) => "stranger".to_owned(),
            Some(user) => format!("user {user}"),
        };
        let answer = format!(
            "{}, {whom}! That was greeting number {}.",
            self.greeting, self.greetings
        );
        Ok(event.reply("bot", &answer)?)
    }
}

export!(Greeter);

#[cfg(test)]
mod tests {
    use cometbot_plugin::testing::{Line, Sent, Stage};

    use super::*;

    fn said(text: &str) -> Event {
        Event::new("web_chat", "msg", text)
    }

    #[test]
    fn a_user_is_greeted_and_nobody_else_is_answered() {
        let stage = Stage::<Greeter>::with().config("greeting", "hi").start();
        let mut stage = stage.unwrap();
        let greeted = Sent::new("web_chat", "bot", "hi, user 7! That was greeting number 1.");
        let sent = stage.handle(said("!hello").from_user(7)).unwrap();
        assert_eq!(sent, [greeted]);
        assert_eq!(stage.handle(said("hello there")).unwrap(), []);
        assert_eq!(stage.lines(), [Line::new("INFO", "greeting with \"hi\"")]);
    }
}
