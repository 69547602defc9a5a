// {{name}}: greets whoever says !hello in web_chat.

import { Event, Plugin, Wants, config, log, register } from "./sdk/assemblyscript";

class Greeter extends Plugin {
  greeting: string = "hello";
  greeted: i32 = 0;

  setup(wants: Wants): Error | null {
    const greeting = config.get("greeting");
    if (greeting != null) this.greeting = greeting;
    log.info(`greeting with "${this.greeting}"`);
    wants.version("0.1.0").hear("web_chat", ["msg"]).send("web_chat");
    return null;
  }

  handle(event: Event): Error | null {
    if (event.text().trim() != "!hello") return null;
    this.greeted++;
    const who = event.userId == 0 ? "stranger" : `user ${event.userId}`;
    return event.reply("bot", `${this.greeting}, ${who}! That was greeting number ${this.greeted}.`);
  }
}

register(new Greeter());
