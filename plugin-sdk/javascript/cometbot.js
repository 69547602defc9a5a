// Write plugins for cometbot in JavaScript and TypeScript. What everything means is in cometbot.d.ts.

import * as hostComet from "cometbot:plugin/comet@1.0.0";
import { get } from "wasi:config/store@0.2.0-rc.1";
import { log as write } from "wasi:logging/logging@0.1.0-draft";
import { now as monotonic } from "wasi:clocks/monotonic-clock@0.2.12";
import { now as wall } from "wasi:clocks/wall-clock@0.2.12";
import { getRandomU64 } from "wasi:random/random@0.2.12";

export function plugin(definition) {
  return {
    setup: () => inWords(() => toHost(definition.setup() ?? {})),
    handle: (raw) =>
      inWords(() => {
        const done = definition.handle(new Event(raw));
        if (typeof done?.then === "function") {
          throw new PluginError("handle returned a promise, and nothing waits for it: write a handle that is not async");
        }
      }),
  };
}

export class PluginError extends Error {}

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
    return JSON.parse(this.data);
  }

  reply(event, text) {
    comet.send(this.pipe, event, jsonText(this.data) === undefined ? text : JSON.stringify(text));
  }
}

export const comet = {
  send: (pipe, event, message) => asked(() => hostComet.send(clean(pipe), clean(event), clean(message))),
  log: (pipe, limit = 99) => asked(() => hostComet.log(clean(pipe), limit)).map((raw) => new Event(raw)),
  count: (pipe) => Number(asked(() => hostComet.count(clean(pipe)))),
};

const levels = ["trace", "debug", "info", "warn", "error", "critical"];
export const log = Object.fromEntries(levels.map((level) => [level, (message) => write(level, "", clean(message))]));

export const config = {
  get: (key) => get(clean(key)) ?? undefined,
  list: (key, otherwise = "") =>
    (config.get(key) ?? otherwise)
      .split(",")
      .map((part) => part.trim())
      .filter((part) => part !== ""),
};

export const random = { number: () => BigInt(getRandomU64()) };

export const clock = {
  now: () => {
    const { seconds, nanoseconds } = wall();
    return Number(seconds) * 1000 + nanoseconds / 1e6;
  },
  monotonic: () => Number(monotonic()) / 1e6,
};

const shown = (value) => (typeof value === "string" ? value : value instanceof Error ? inOneLine(value) : JSON.stringify(value) ?? String(value));
const line = (level) => (...values) => write(level, "", clean(values.map(shown).join(" ")));
globalThis.console = { trace: line("trace"), debug: line("debug"), log: line("info"), info: line("info"), warn: line("warn"), error: line("error") };

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

/** The contract's errors are texts. */
function inWords(work) {
  try {
    return work();
  } catch (error) {
    throw clean(inOneLine(error));
  }
}

function inOneLine(error) {
  if (error instanceof PluginError || error instanceof CometError) return error.message;
  if (!(error instanceof Error)) return String(error);
  const place = error.stack?.split("\n").find((frame) => frame.includes("at "));
  return place === undefined ? String(error) : `${error} (${place.trim()})`;
}

function toHost({ version = "", hear = {}, send = [], log = [], count = [] }) {
  const hearings = Object.entries(hear).map(([pipe, events]) => ({ pipe, events: [...events] }));
  return { version, hear: hearings, send: [...send], log: [...log], count: [...count] };
}

function number(value) {
  return value === undefined || value === null ? undefined : Number(value);
}

/** The host takes whole characters only. */
function clean(text) {
  return String(text).toWellFormed();
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
