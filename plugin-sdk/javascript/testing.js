// Runs a plugin in Node.js, for its tests. What everything means is in testing.d.ts.

import { stage } from "#host";
import { State, carried } from "./cometbot.js";

export async function start({ setup, handle }, { config = {}, logs = {}, counts = {} } = {}) {
  Object.assign(stage, { config, logs, counts, wants: undefined, sent: [], lines: [] });
  stage.wants = await inError(setup);
  return {
    wants: stage.wants,
    lines: stage.lines,
    async handle({ pipe, name, data, userId, time, history = false }) {
      stage.sent = [];
      await inError(() => handle({ pipe, name, data, userId, time, history }));
      return stage.sent;
    },
    save: async () => new State(await unheard(carried.save)),
    async restore(state) {
      await unheard(() => carried.restore(typeof state === "string" ? new TextEncoder().encode(state) : state));
    },
  };
}

/** A call during which nothing can be asked of the server. */
async function unheard(call) {
  const { wants } = stage;
  stage.wants = undefined;
  try {
    return await inError(call);
  } finally {
    stage.wants = wants;
  }
}

/** The contract's errors are texts, and tests want errors. */
async function inError(call) {
  try {
    return await call();
  } catch (words) {
    throw typeof words === "string" ? new Error(words) : words;
  }
}
