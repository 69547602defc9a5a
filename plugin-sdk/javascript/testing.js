// Runs a plugin in Node.js, for its tests. What everything means is in testing.d.ts.

import { stage } from "#host";

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
  };
}

/** The contract's errors are texts, and tests want errors. */
async function inError(call) {
  try {
    return await call();
  } catch (words) {
    throw typeof words === "string" ? new Error(words) : words;
  }
}
