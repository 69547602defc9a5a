// What the engine and the kit give beside the language, where the web and Node.js have more. In tsconfig.json it is
// `"types": ["cometbot/globals"]`.

/** Lines in the bot's log: `log` and `info` at info, the others at the level of their name. Any values, in one line. */
declare var console: Record<"trace" | "debug" | "log" | "info" | "warn" | "error", (...values: unknown[]) => void> & {
  /** Says at the level error what does not hold. */
  assert(holds: unknown, ...values: unknown[]): void;
};
/** Random bytes and names. */
declare var crypto: {
  /** Fills an array of integers. */
  getRandomValues<T extends ArrayBufferView>(array: T): T;
  /** A random UUID (version 4). */
  randomUUID(): string;
};
/** Texts to UTF-8. */
declare class TextEncoder {
  readonly encoding: string;
  encode(text?: string): Uint8Array;
}
/** UTF-8 to texts; no other encoding, and no streams. */
declare class TextDecoder {
  constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean });
  readonly encoding: string;
  readonly fatal: boolean;
  readonly ignoreBOM: boolean;
  decode(bytes?: ArrayBufferView | ArrayBuffer): string;
}
/** Bytes to text of the form `aGVsbG8=`, each character of the argument a byte, and back. */
declare function btoa(bytes: string): string;
declare function atob(text: string): string;
/** Runs a function when the current one has ended. */
declare function queueMicrotask(job: () => void): void;
