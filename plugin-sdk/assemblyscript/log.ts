// Lines in the host's log, under the plugin's name: log.info(`${count} connections`).

import { logLine } from "./host";
import { byteLength, free, lower } from "./memory";

/** The levels in the order of `wasi:logging`. */
export const enum Level {
  Trace,
  Debug,
  Info,
  Warn,
  Error,
  Critical,
}

export namespace log {
  /** The variables and the flow of control within a plugin. */
  export function trace(message: string): void {
    line(Level.Trace, message);
  }

  /** What someone debugging a plugin wants to see. */
  export function debug(message: string): void {
    line(Level.Debug, message);
  }

  /** What someone watching a plugin wants to see. */
  export function info(message: string): void {
    line(Level.Info, message);
  }

  /** Something to look at before it goes wrong. */
  export function warn(message: string): void {
    line(Level.Warn, message);
  }

  /** Something that went wrong. */
  export function error(message: string): void {
    line(Level.Error, message);
  }

  /** Something that ends the plugin. */
  export function critical(message: string): void {
    line(Level.Critical, message);
  }
}

function line(level: Level, message: string): void {
  const bytes = lower(message);
  logLine(level, 0, 0, bytes, byteLength(message));
  free(bytes);
}
