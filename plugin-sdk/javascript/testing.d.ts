/** Runs a plugin in Node.js, for its tests: `import { start } from "cometbot/testing"`. */

import type { State } from "./cometbot.js";

/** What the host of a test has. */
export interface Host {
  /** The plugin's settings. */
  config?: Record<string, string>;
  /** What the logs of pipes hold. */
  logs?: Record<string, { name: string; data: string; userId?: number; time?: number }[]>;
  /** How many connections subscribe to pipes; 0 where nothing is said. */
  counts?: Record<string, number>;
}

/** An event for a plugin. */
export interface Played {
  pipe: string;
  name: string;
  data: string;
  userId?: number;
  time?: number;
  history?: boolean;
}

/** A plugin that runs. */
export interface Stage {
  /** What `setup` asked for. */
  readonly wants: unknown;
  /** The lines that it has logged. */
  readonly lines: readonly { level: string; message: string }[];
  /**
   * Plays an event, and gives what was sent for it. Fails with the words of the error if the plugin does; then nothing
   * was sent. As in the bot, what `setup` did not ask for is denied.
   */
  handle(event: Played): Promise<{ pipe: string; event: string; message: string }[]>;
  /** What the plugin saves for its next version; empty if it saves nothing. Fails with its words if it fails. */
  save(): Promise<State>;
  /** Gives the plugin what an earlier version saved, such as what `save` gave. Fails with its words if it fails. */
  restore(state: string | Uint8Array): Promise<void>;
}

/**
 * Calls `setup`, and fails with its words if it refuses. What a plugin keeps at the top level of its module is there
 * once for a file of tests, since Node.js loads a module once.
 */
export function start(
  plugin: { setup: () => unknown; handle: (event: unknown) => unknown },
  host?: Host,
): Promise<Stage>;
