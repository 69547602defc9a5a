// The conformance plugin: does what the tests ask it to, in AssemblyScript.

import { CometError, ErrorKind, Event, Plugin, State, Wants, register } from "./sdk/assemblyscript";
import { clock, comet, config, log, random } from "./sdk/assemblyscript";

class Conformance extends Plugin {
  states: i32 = 0;
  memory: string = "";

  setup(wants: Wants): Error | null {
    const refuse = config.get("refuse");
    if (refuse != null) return new Error("refused: " + refuse);
    const panic = config.get("panic-in-setup");
    if (panic != null) throw new Error(panic);
    const greeting = config.get("greeting");
    log.info(greeting != null ? "greeting is " + greeting : "greeting is not set");
    wants
      .version("1.0.0")
      .hearAll("web_in")
      .hear("web_picky", ["one", "two"])
      .send("web_out")
      .send("web_in")
      .log("web_log")
      .count("web_count");
    return null;
  }

  handle(event: Event): Error | null {
    const name = event.name;
    const data = event.data;
    if (name == "echo") return answer("echo", data);
    if (name == "fields") return answer("fields", fields(event));
    if (name == "digest") return answer("digest", digest(data));
    if (name == "send") return send(data);
    if (name == "log") return readLog(data);
    if (name == "count") return count(data);
    if (name == "text") return answer("text", event.text());
    if (name == "reply") return event.reply("reply", 'a\n"b"');
    if (name == "levels") return levels(data);
    if (name == "print") {
      console.log("printed: " + data);
      return null;
    }
    if (name == "fail") return new Error("failed: " + data);
    if (name == "uncaught") throw new Error(data);
    if (name == "panic") abort(data);
    if (name == "overflow") return answer("overflow", `${deeper(data, 0)}`);
    if (name == "state") return answer("state", `${++this.states}`);
    if (name == "remember") this.memory = data;
    if (name == "recall") return answer("recall", this.memory);
    if (name == "clock") return answer("clock", `${clock.now() / 1000}`);
    if (name == "random") return answer("random", random.number().toString(16).padStart(16, "0"));
    if (name == "heap") String.UTF16.encode(data);
    return null;
  }

  save(state: State): Error | null {
    if (this.memory == "unsaved") return new Error(`cannot save: it's "ж"`);
    state.text = this.memory;
    return null;
  }

  restore(state: State): Error | null {
    if (state.text == "unrestored") return new Error(`cannot restore: it's "ж"`);
    this.memory = state.text;
    return null;
  }
}

register(new Conformance());

function answer(event: string, message: string): CometError | null {
  return comet.send("web_out", event, message);
}

function fields(event: Event): string {
  const bytes = String.UTF8.byteLength(event.data);
  const user = event.hasUserId ? `${event.userId}` : "none";
  const time = event.hasTime ? `${event.time}` : "none";
  return `${event.pipe}|${event.name}|${bytes}|${user}|${time}|${event.history}`;
}

/** FNV-1a, 32 bits. */
function digest(data: string): string {
  const bytes = Uint8Array.wrap(String.UTF8.encode(data));
  let hash: u32 = 0x811c9dc5;
  for (let i = 0; i < bytes.length; i++) hash = (hash ^ bytes[i]) * 0x01000193;
  return `${bytes.length} ${hash.toString(16).padStart(8, "0")}`;
}

function send(data: string): CometError | null {
  const first = data.indexOf(" ");
  const second = data.indexOf(" ", first + 1);
  return outcome(comet.send(data.slice(0, first), data.slice(first + 1, second), data.slice(second + 1)));
}

function readLog(data: string): CometError | null {
  const space = data.indexOf(" ");
  const result = comet.log(data.slice(0, space), U32.parseInt(data.slice(space + 1)));
  if (result.error != null) return outcome(result.error);
  const events = result.value;
  const rows: string[] = [`${events.length}`];
  for (let i = 0; i < events.length; i++) {
    const row = events[i];
    const user = row.hasUserId ? `${row.userId}` : "none";
    rows.push(`${row.pipe}|${row.name}|${user}|${row.history}|${row.data}`);
  }
  return answer("log", rows.join("\n"));
}

function count(pipe: string): CometError | null {
  const result = comet.count(pipe);
  return result.error != null ? outcome(result.error) : answer("count", `${result.value}`);
}

function outcome(error: CometError | null): CometError | null {
  return answer("outcome", error == null ? "ok" : kindAndWords(error));
}

function kindAndWords(error: CometError): string {
  switch (error.kind) {
    case ErrorKind.Invalid: return "invalid: " + error.message;
    case ErrorKind.Denied: return "denied: " + error.message;
    case ErrorKind.Unavailable: return "unavailable: " + error.message;
    default: return "timed-out";
  }
}

function levels(data: string): Error | null {
  log.trace("level trace: " + data);
  log.debug("level debug: " + data);
  log.info("level info: " + data);
  log.warn("level warn: " + data);
  log.error("level error: " + data);
  log.critical("level critical: " + data);
  return null;
}

/** Never ends by itself. */
function deeper(data: string, depth: i32): i32 {
  return deeper(data, depth + 1) + depth;
}
