// Write plugins for cometbot in JavaScript and TypeScript. What everything means is in cometbot.d.ts.

import * as host from "#host";
import { PluginError, inOneLine } from "./words.js";

export { PluginError };

/** What was given to `plugin`. */
let written = {};

export function plugin(definition) {
  if (!definition.save !== !definition.restore) {
    throw new TypeError("save and restore go together: write both of them or none");
  }
  written = definition;
  return {
    setup: () => {
      host.begin();
      return run("setup", () => definition.setup(), toHost);
    },
    handle: (raw) =>
      run(
        "handle",
        () => definition.handle(new Event(raw)),
        () => undefined,
      ),
  };
}

/** The exports that the build adds to a plugin's own. For it and for `testing.js` alone. */
export const carried = {
  save: () => run("save", () => written.save?.(), toBytes),
  restore: (raw) =>
    run(
      "restore",
      () => written.restore?.(new State(raw)),
      () => undefined,
    ),
};

export class CometError extends Error {
  constructor(kind, words) {
    super(words);
    this.name = "CometError";
    this.kind = kind;
  }
}

class Event {
  constructor(raw) {
    this.pipe = raw.pipe;
    this.name = raw.name;
    this.data = raw.data;
    this.userId = number(raw.userId);
    this.time = number(raw.time);
    this.history = raw.history;
  }

  text() {
    return jsonText(this.data) ?? this.data;
  }

  json() {
    refuseDepth(this.data);
    return JSON.parse(this.data);
  }

  reply(event, text) {
    comet.send(this.pipe, event, jsonText(this.data) === undefined ? text : JSON.stringify(string("text", text)));
  }
}

export class State {
  constructor(raw) {
    this.bytes = raw instanceof Uint8Array ? raw : Uint8Array.from(raw);
  }

  text() {
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(this.bytes);
  }

  json() {
    const text = this.text();
    refuseDepth(text);
    return JSON.parse(text);
  }
}

export const comet = {
  send: (pipe, event, message) =>
    asked(() => host.send(string("pipe", pipe), string("event", event), string("message", message))),
  log: (pipe, limit = 99) => asked(() => host.readLog(string("pipe", pipe), limit)).map((raw) => new Event(raw)),
  count: (pipe) => Number(asked(() => host.count(string("pipe", pipe)))),
};

const LEVELS = ["trace", "debug", "info", "warn", "error", "critical"];
export const log = Object.fromEntries(
  LEVELS.map((level) => [level, (message) => host.writeLog(level, "", whole(String(message)))]),
);

export const config = {
  get: (key) => host.setting(string("key", key)) ?? undefined,
  list: (key, otherwise = "") =>
    (config.get(key) ?? otherwise)
      .split(",")
      .map((part) => part.trim())
      .filter((part) => part !== ""),
};

export const random = {
  number: () => new DataView(random.bytes(8).buffer).getBigUint64(0),
  bytes: (length) => host.randomBytes(length),
};

export const clock = {
  now: () => {
    const { seconds, nanoseconds } = host.wall();
    return Number(seconds) * 1000 + nanoseconds / 1e6;
  },
  monotonic: () => Number(host.monotonic()) / 1e6,
};

/** Calls a function of the plugin's; the contract's errors are texts. */
function run(name, work, toResult) {
  const refuse = (error) => {
    throw whole(inOneLine(error));
  };
  let result;
  try {
    result = work();
    if (typeof result?.then !== "function") result = toResult(result);
    else if (runJobs === undefined) return result.then(toResult).catch(refuse);
    else result = toResult(awaited(name, result));
  } catch (error) {
    refuse(error);
  } finally {
    for (const error of runJobs?.() ?? []) log.error(`nobody awaited what failed: ${inOneLine(error)}`);
  }
  return result;
}

/** Runs what waits for promises, where the engine does not do it itself: see promise.js. */
const runJobs = globalThis[Symbol.for("cometbot.runJobs")];

function awaited(name, promise) {
  let outcome;
  promise.then(
    (value) => (outcome = { value }),
    (error) => (outcome = { error }),
  );
  for (const error of runJobs()) log.error(`nobody awaited what failed: ${inOneLine(error)}`);
  if (outcome === undefined) {
    throw new PluginError(`${name} awaits what never comes: a plugin has no timers and no network to wait for`);
  }
  if ("error" in outcome) throw outcome.error;
  return outcome.value;
}

/** What an error of the host's says; any other is a mistake of the plugin's and stays one. */
function asked(ask) {
  try {
    return ask();
  } catch (error) {
    const payload = error?.payload ?? error;
    if (typeof payload?.tag !== "string") throw error;
    throw new CometError(payload.tag, payload.val ?? "the comet server did not answer in time");
  }
}

function toHost({ version = "", hear = {}, send = [], log = [], count = [] } = {}) {
  const texts = (list) => Array.from(list, (text) => string("a name", text));
  const hearings = Object.entries(hear).map(([pipe, events]) => ({ pipe: whole(pipe), events: texts(events) }));
  return {
    version: string("version", version),
    hear: hearings,
    send: texts(send),
    log: texts(log),
    count: texts(count),
  };
}

function toBytes(state = "") {
  return state instanceof Uint8Array ? state : new TextEncoder().encode(string("what save returns", state));
}

function number(value) {
  return value === undefined || value === null ? undefined : Number(value);
}

function string(what, value) {
  if (typeof value !== "string")
    throw new TypeError(`${what} is not a string but ${value === null ? "null" : typeof value}`);
  return whole(value);
}

/** The host takes whole characters only. */
function whole(text) {
  return text.toWellFormed();
}

/** The engine's parser calls itself for each level, and at some 2,000 of them the stack of a plugin is at its end. */
const JSON_DEPTH_MAX = 500;

function refuseDepth(data) {
  if (data.split(/[[{]/, JSON_DEPTH_MAX + 2).length <= JSON_DEPTH_MAX + 1) return;
  let depth = 0;
  for (const [mark] of data.matchAll(/"(?:[^"\\]|\\.)*"|[[\]{}]/gs)) {
    if (mark === "[" || mark === "{") depth += 1;
    else if (mark === "]" || mark === "}") depth -= 1;
    if (depth > JSON_DEPTH_MAX) throw new SyntaxError(`JSON more than ${JSON_DEPTH_MAX} levels deep`);
  }
}

function jsonText(data) {
  // Looked at first, so that most texts never see a parser.
  if (!/^[ \t\r\n]*"/.test(data)) return undefined;
  try {
    const text = JSON.parse(data);
    return text.isWellFormed() ? text : undefined;
  } catch {
    return undefined;
  }
}
