/** Write plugins for cometbot in JavaScript and TypeScript. What the contract means is in `wit/cometbot.wit`. */

/** Something that happened in a pipe. */
export interface Event {
  /** The pipe, as in `web_chat`. Personal messages come from the pipe `msg`. */
  readonly pipe: string;
  /** The event's name, as in `msg`; may be empty. */
  readonly name: string;
  /** The payload, exactly as its sender wrote it: JSON or any other text. */
  readonly data: string;
  /**
   * Who sent it: 0 is an anonymous client; undefined is unknown, or not a client. Exact up to 2^53; the server's own
   * numbers have 32 bits.
   */
  readonly userId: number | undefined;
  /** When the server took it, in whole seconds of Unix time; undefined where the server does not say. */
  readonly time: number | undefined;
  /** Whether it comes from the pipe's log instead of live. */
  readonly history: boolean;
  /**
   * What a person wrote. The server's JavaScript client sends each message as JSON, so that its plain text `hi` arrives
   * as `"hi"`, quotes included; other clients send the bare text. This is `hi` for both. Anything else stays as it is.
   */
  text(): string;
  /** The payload as JSON. Throws a `SyntaxError` if it is none, or if it is nested more than 500 levels deep. */
  json(): unknown;
  /**
   * Sends a text to the pipe that the event came from, in the form that its sender uses: see `text`. Nobody can send to
   * `msg` and to `host:gap`.
   * @throws {CometError}
   */
  reply(event: string, text: string): void;
}

/**
 * What a plugin wants. In `send`, `log` and `count` a name is a pipe's whole name, or a beginning followed by `*`. What
 * is not named is refused when it is tried.
 */
export interface Wants {
  /** The plugin's own version, for logs and for people. */
  version?: string;
  /** The pipes to hear, each with the names of the events; none means all. `host:gap` is the pipe of gaps. */
  hear?: Record<string, readonly string[]>;
  /** The pipes to send to. */
  send?: readonly string[];
  /** The pipes whose log it reads. */
  log?: readonly string[];
  /** The pipes whose subscribers it counts. */
  count?: readonly string[];
}

/**
 * What you write. Each function may be async: the kit runs it to its end before it answers the host, and nothing else
 * happens meanwhile.
 */
export interface Plugin {
  /** Says what the plugin wants. Called once, before the first event. What it throws keeps the plugin from running. */
  setup(): Wants | Promise<Wants>;
  /**
   * Handles one event. Events come in order and one at a time. What it throws is a failure of this event: its
   * type, words and place are in the bot's log, and nothing that was sent for the event leaves.
   */
  handle(event: Event): void | Promise<void>;
  /**
   * Hands over what the next version shall know when it takes over, in a form that it will understand: such as
   * `JSON.stringify(memory)`, or bytes. Nothing is fine. Called between two events, and nothing can be sent; this instance
   * goes on as it is if the next one does not take over. What it throws keeps the next version from taking over.
   *
   * `save` and `restore` go together: write both of them or none.
   */
  save?(): string | Uint8Array | undefined | Promise<string | Uint8Array | undefined>;
  /**
   * Takes what an earlier version saved. Called after `setup` and before the first event, if there is something. What it
   * throws keeps this version from taking over, and the earlier one goes on.
   */
  restore?(state: State): void | Promise<void>;
}

/** What an earlier version saved. */
export interface State {
  readonly bytes: Uint8Array;
  /** The bytes as a text in UTF-8. */
  text(): string;
  /** The text as JSON. Throws a `SyntaxError` if it is none, or if it is nested more than 500 levels deep. */
  json(): unknown;
}

/** Makes a plugin: `export const { setup, handle } = plugin({ … });`. */
export function plugin(plugin: Plugin): { setup: () => unknown; handle: (event: unknown) => unknown };

/** A failure in your own words: they are all that the log shows of it, without type and place. */
export class PluginError extends Error {}

/** Why something was not done. The message is for people: it says what to change. */
export class CometError extends Error {
  /**
   * `invalid`: the server could not take it. `denied`: not asked for in `setup`, or not granted. `unavailable`: no
   * connection, or too much waits; later may help. `timed-out`: no answer in time.
   */
  readonly kind: "invalid" | "denied" | "unavailable" | "timed-out";
}

/** What a plugin can ask of the comet server. */
export const comet: {
  /**
   * Sends an event into a pipe.
   *
   * `pipe` starts with `web_`, with `webauth_` (the bot must be logged in), or with `@web_` (sent anonymously); `event`
   * has at most 64 characters of `A-Z a-z 0-9 _ -`. All sends of one event leave together when `handle` returns, and
   * none of them if it throws. Done means that the send will leave, not that the server has it.
   * @throws {CometError}
   */
  send(pipe: string, event: string, message: string): void;
  /**
   * The newest events in a pipe's log, oldest first: at most `limit`, and never more than 99. A pipe has a log only
   * where the server's operator switched it on; without one there are none.
   * @throws {CometError}
   */
  log(pipe: string, limit?: number): Event[];
  /**
   * How many connections subscribe to a pipe (`web_…` or `track_…`), the bot's own among them.
   * @throws {CometError}
   */
  count(pipe: string): number;
};

/** Lines in the bot's log, under the plugin's name. `console` writes there too. */
export const log: Record<"trace" | "debug" | "info" | "warn" | "error" | "critical", (message: string) => void>;

/** The values of the plugin's own table in bot.toml. */
export const config: {
  /** The value of a key, as text; undefined if the operator did not set it. */
  get(key: string): string | undefined;
  /** The value of a key as a list, its parts separated by commas; `otherwise` is such a text, for an unset key. */
  list(key: string, otherwise?: string): string[];
};

/** Random numbers, good enough for secrets. `Math.random` is seeded by the host as well. */
export const random: {
  /** 64 random bits. */
  number(): bigint;
  /** So many random bytes. */
  bytes(length: number): Uint8Array;
};

/** Clocks. `Date` has the time as well. */
export const clock: {
  /** Milliseconds since the beginning of 1970 in UTC. */
  now(): number;
  /** Milliseconds on a clock that only goes forward, for measuring. */
  monotonic(): number;
};
