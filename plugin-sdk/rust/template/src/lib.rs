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
        Ok((Self { greeting, greetings: 0 }, Wants::new().hear("web_chat", ["msg"]).send("web_chat")))
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
        let answer = format!("{}, {whom}! That was greeting number {}.", self.greeting, self.greetings);
        Ok(event.reply("bot", &answer)?)
    }
}

export!(Greeter);

#[cfg(test)]
mod tests {
    use cometbot_plugin::testing::{Sent, Stage};

    use super::*;

    #[test]
    fn a_user_is_greeted_and_nobody_else_is_answered() {
        let mut stage = Stage::<Greeter>::with().config("greeting", "hi").start().unwrap();
        let hello = Event::new("web_chat", "msg", "!hello").from_user(7);
        let greeted = Sent::new("web_chat", "bot", "hi, user 7! That was greeting number 1.");
        assert_eq!(stage.handle(hello).unwrap(), [greeted]);
        assert_eq!(stage.handle(Event::new("web_chat", "msg", "hello there")).unwrap(), []);
    }
}
