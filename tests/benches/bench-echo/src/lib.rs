//! Sends back what it hears in `web_bench`.

use cometbot_plugin::{Error, Event, Plugin, Wants, comet, export};

struct Echo;

impl Plugin for Echo {
    fn setup() -> Result<(Self, Wants), Error> {
        Ok((Self, Wants::new().hear("web_bench", ["msg"]).send("web_bench")))
    }

    fn handle(&mut self, event: Event) -> Result<(), Error> {
        Ok(comet::send(&event.pipe, "echo", &event.data)?)
    }
}

export!(Echo);
