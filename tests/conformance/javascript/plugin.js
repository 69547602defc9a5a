// The conformance plugin: does what the tests ask it to, in JavaScript.

import { CometError, PluginError, clock, comet, config, log, plugin, random } from "cometbot";

let states = 0;
let memory = "";

export const { setup, handle } = plugin({
  setup() {
    const refuse = config.get("refuse");
    if (refuse !== undefined) throw new PluginError(`refused: ${refuse}`);
    const panic = config.get("panic-in-setup");
    if (panic !== undefined) throw new Error(panic);
    const greeting = config.get("greeting");
    log.info(greeting === undefined ? "greeting is not set" : `greeting is ${greeting}`);
    return {
      version: "1.0.0",
      hear: { web_in: [], web_picky: ["one", "two"] },
      send: ["web_out", "web_in"],
      log: ["web_log"],
      count: ["web_count"],
    };
  },

  handle(event) {
    const data = event.data;
    switch (event.name) {
      case "echo":
        return answer("echo", data);
      case "fields":
        return answer("fields", fields(event));
      case "digest":
        return answer("digest", digest(data));
      case "send":
        return outcome(() => send(data));
      case "log":
        return outcome(() => readLog(data));
      case "count":
        return outcome(() => answer("count", `${comet.count(data)}`));
      case "text":
        return answer("text", event.text());
      case "reply":
        return event.reply("reply", 'a\n"b"');
      case "levels":
        for (const level of ["trace", "debug", "info", "warn", "error", "critical"]) {
          log[level](`level ${level}: ${data}`);
        }
        return;
      case "print":
        return console.log(`printed: ${data}`);
      case "fail":
        throw new PluginError(`failed: ${data}`);
      case "uncaught":
      case "panic":
        throw new Error(data);
      case "overflow":
        return answer("overflow", `${deeper(0)}`);
      case "state":
        states += 1;
        return answer("state", `${states}`);
      case "remember":
        memory = data;
        return;
      case "recall":
        return answer("recall", memory);
      case "clock":
        return answer("clock", `${Math.floor(clock.now() / 1000)}`);
      case "random":
        return answer("random", random.number().toString(16).padStart(16, "0"));
      case "heap":
        bytes(data);
    }
  },

  save() {
    if (memory === "unsaved") throw new PluginError(`cannot save: it's "ж"`);
    return memory;
  },

  restore(state) {
    if (state.text() === "unrestored") throw new PluginError(`cannot restore: it's "ж"`);
    memory = state.text();
  },
});

function answer(event, message) {
  comet.send("web_out", event, message);
}

function bytes(text) {
  return new TextEncoder().encode(text);
}

function fields(event) {
  const [user, time] = [event.userId ?? "none", event.time ?? "none"];
  return [event.pipe, event.name, bytes(event.data).length, user, time, event.history].join("|");
}

function digest(data) {
  const input = bytes(data);
  let hash = 0x811c9dc5;
  for (const byte of input) hash = Math.imul(hash ^ byte, 0x01000193);
  return `${input.length} ${(hash >>> 0).toString(16).padStart(8, "0")}`;
}

function send(data) {
  const first = data.indexOf(" ");
  const second = data.indexOf(" ", first + 1);
  comet.send(data.slice(0, first), data.slice(first + 1, second), data.slice(second + 1));
  answer("outcome", "ok");
}

function readLog(data) {
  const [pipe = "", limit] = data.split(" ");
  const rows = comet.log(pipe, Number(limit));
  const lines = rows.map((row) => [row.pipe, row.name, row.userId ?? "none", row.history, row.data].join("|"));
  answer("log", [`${rows.length}`, ...lines].join("\n"));
}

function outcome(ask) {
  try {
    ask();
  } catch (error) {
    if (!(error instanceof CometError)) throw error;
    answer("outcome", error.kind === "timed-out" ? error.kind : `${error.kind}: ${error.message}`);
  }
}

function deeper(depth) {
  return deeper(depth + 1) + depth;
}
