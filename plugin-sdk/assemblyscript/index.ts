// cometbot plugins in AssemblyScript: all that a plugin imports.
//
// Layout:
//   plugin.ts                                 Plugin and register: what you write, and what makes a plugin of it
//   wants.ts, event.ts, state.ts              what you ask for at the start, what comes in, and what outlives a reload
//   comet.ts, result.ts                       send, log and count, and how they fail
//   config.ts, log.ts, clock.ts, random.ts    the standard interfaces
//   json.ts                                   JSON strings: AssemblyScript has no JSON
//   exports.ts, host.ts, memory.ts            the contract's functions and how values pass through them
//   globals.ts                                console, trace, Math.random, Date.now and abort, as the host has them
//   asconfig.json                             the compiler's options; a plugin's own asconfig.json extends it

export { Plugin, register } from "./plugin";
export { Event } from "./event";
export { Hearing, Wants } from "./wants";
export { State } from "./state";
export { comet } from "./comet";
export { CometError, ErrorKind, Result } from "./result";
export { config } from "./config";
export { log } from "./log";
export { clock } from "./clock";
export { random } from "./random";
export { json } from "./json";
