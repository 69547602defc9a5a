// {{name}}: answers `!hello` with a greeting.

import { config, log, plugin } from "cometbot";

let greeting = "hello";
let greetings = 0;

export const { setup, handle } = plugin({
  // Called once, before the first event: says what the plugin wants to hear and to do.
  setup() {
    greeting = config.get("greeting") ?? greeting;
    log.info(`greeting with "${greeting}"`);
    return { version: "0.1.0", hear: { web_chat: ["msg"] }, send: ["web_chat"] };
  },

  // Called for each event that it hears.
  handle(event) {
    if (event.text().trim() !== "!hello") return;
    greetings += 1;
    const whom = event.userId ? `user ${event.userId}` : "stranger";
    event.reply("bot", `${greeting}, ${whom}! That was greeting number ${greetings}.`);
  },
});
