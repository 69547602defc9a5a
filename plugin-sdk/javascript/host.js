// The contract's functions, as the host gives them. For the kit alone.
//
// The top level of a plugin's modules runs when the plugin is built: the engine is frozen behind it and thawed in the
// bot. There is no host then, so a call would end the build without a word about why.

import * as hostComet from "cometbot:plugin/comet@1.1.0";
import * as store from "wasi:config/store@0.2.0-rc.1";
import * as logging from "wasi:logging/logging@0.1.0-draft";
import * as monotonicClock from "wasi:clocks/monotonic-clock@0.2.12";
import * as wallClock from "wasi:clocks/wall-clock@0.2.12";
import * as wasiRandom from "wasi:random/random@0.2.12";

let isRunning = false;

/** Whether there is a host: in `setup`, in `handle` and in all that they call. */
export const hasHost = () => isRunning;

/** Says that there is a host from now on. */
export function begin() {
  isRunning = true;
}

function inBot(name, call) {
  return (...values) => {
    if (!isRunning)
      throw new Error(
        `${name} has no host yet: the top level runs when the plugin is built. Call it in setup or handle`,
      );
    return call(...values);
  };
}

export const send = inBot("comet.send", hostComet.send);
export const readLog = inBot("comet.log", hostComet.log);
export const count = inBot("comet.count", hostComet.count);
export const writeLog = inBot("log", logging.log);
export const setting = inBot("config.get", store.get);
export const wall = inBot("clock.now", wallClock.now);
export const monotonic = inBot("clock.monotonic", monotonicClock.now);

// QuickJS has numbers for the contract's u64, SpiderMonkey has BigInt.
const u64 = (value) => (typeof monotonicClock.now() === "bigint" ? BigInt(value) : value);

export const randomBytes = inBot("random", (length) => {
  const bytes = wasiRandom.getRandomBytes(u64(length));
  return bytes instanceof Uint8Array ? bytes : Uint8Array.from(bytes);
});
