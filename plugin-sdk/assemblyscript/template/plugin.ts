// {{name}}: answers !hello with a greeting.

import { Event, Plugin, Wants, config, log, register } from "./sdk/assemblyscript";

class Greeter extends Plugin {
  greeting: string = "hello";
  greeted: i32 = 0;

  /** Called once, before the first event: says what the plugin wants to hear and to do. */
  setup(wants: Wants): Error | null {
    const greeting = config.get("greeting");
    if (greeting != null) this.greeting = greeting;
    log.info(`greeting with "${this.greeting}"`);
    wants.version("0.1.0").hear("web_chat", ["msg"]).send("web_chat");
    return null;
  }

  /** Called for each event that it hears. */
  handle(event: Event): Error | null {
    if (event.text().trim() != "!hello") return null;
    this.greeted++;
    const who = event.userId == 0 ? "stranger" : `user ${event.userId}`;
    return event.reply("bot", `${this.greeting}, ${who}! That was greeting number ${this.greeted}.`);
  }
}

register(new Greeter());
