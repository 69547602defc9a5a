"""{{name}}: answers `!hello` with a greeting."""

import logging

from cometbot import Event, Plugin, Wants, config, export


class Greeter(Plugin):
    def setup(self) -> Wants:
        self.greeting = config.get("greeting") or "hello"
        self.greetings = 0
        logging.info('greeting with "%s"', self.greeting)
        return Wants("0.1.0").hear("web_chat", "msg").send("web_chat")

    def handle(self, event: Event) -> None:
        if event.text().strip() != "!hello":
            return
        self.greetings += 1
        whom = f"user {event.user_id}" if event.user_id else "stranger"
        event.reply("bot", f"{self.greeting}, {whom}! That was greeting number {self.greetings}.")


WitWorld = export(Greeter)
