// The host of a plugin that runs in Node.js, for its tests: in place of host.js, and set up by testing.js.

import { randomBytes as nodeRandomBytes } from "node:crypto";

/** What the test gave, and what the plugin asked for, sent and logged. */
export const stage = { config: {}, logs: {}, counts: {}, wants: undefined, sent: [], lines: [] };

export const hasHost = () => true;
export const begin = () => {};

export function send(pipe, event, message) {
  granted("send", pipe.replace(/^@/, ""));
  if (!/^@?web(auth)?_/.test(pipe)) refuse("invalid", `nobody can send to "${pipe}"`);
  if (!/^[\w-]{0,64}$/.test(event))
    refuse("invalid", `event name "${event}": only A-Z a-z 0-9 _ and - are allowed, at most 64`);
  if (message.includes("\0")) refuse("invalid", "a message cannot hold a NUL character");
  stage.sent.push({ pipe, event, message });
}

export function readLog(pipe, limit) {
  granted("log", pipe);
  return (stage.logs[pipe] ?? [])
    .slice(-Math.min(limit, 99) || Infinity)
    .map((event) => ({ ...event, pipe, history: true }));
}

export function count(pipe) {
  granted("count", pipe);
  return stage.counts[pipe] ?? 0;
}

export const writeLog = (level, _, message) => void stage.lines.push({ level, message });
export const setting = (key) => stage.config[key];
export const wall = () => ({ seconds: Math.floor(Date.now() / 1000), nanoseconds: (Date.now() % 1000) * 1e6 });
export const monotonic = () => performance.now() * 1e6;
export const randomBytes = (length) => Uint8Array.from(nodeRandomBytes(length));

function granted(what, pipe) {
  const covers = (name) => (name.endsWith("*") ? pipe.startsWith(name.slice(0, -1)) : name === pipe);
  if (!stage.wants?.[what].some(covers))
    refuse("denied", `\`setup\` did not ask for "${pipe}": name it in the list \`${what}\``);
}

function refuse(tag, val) {
  throw Object.assign(new Error(val), { payload: { tag, val } });
}
