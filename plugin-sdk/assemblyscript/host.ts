// The functions that a plugin imports, in the form that the canonical ABI gives them. For the kit alone.
//
// A string is an address and a number of UTF-8 bytes. What does not fit into one value is written to `answer`.
// Only what a plugin uses stays in it.

/** Where the host writes results; the largest has 24 bytes. Whoever called reads it before anybody calls again. */
export const answer: usize = memory.data(24, 8);

// @ts-ignore: decorator
@external("cometbot:plugin/comet@1.1.0", "send")
export declare function cometSend(
  pipe: usize, pipeBytes: i32,
  event: usize, eventBytes: i32,
  message: usize, messageBytes: i32,
  answer: usize,
): void;

// @ts-ignore: decorator
@external("cometbot:plugin/comet@1.1.0", "log")
export declare function cometLog(pipe: usize, pipeBytes: i32, limit: u32, answer: usize): void;

// @ts-ignore: decorator
@external("cometbot:plugin/comet@1.1.0", "count")
export declare function cometCount(pipe: usize, pipeBytes: i32, answer: usize): void;

// @ts-ignore: decorator
@external("wasi:logging/logging@0.1.0-draft", "log")
export declare function logLine(
  level: i32,
  context: usize, contextBytes: i32,
  message: usize, messageBytes: i32,
): void;

// @ts-ignore: decorator
@external("wasi:config/store@0.2.0-rc.1", "get")
export declare function configGet(key: usize, keyBytes: i32, answer: usize): void;

// @ts-ignore: decorator
@external("wasi:clocks/wall-clock@0.2.12", "now")
export declare function wallClockNow(answer: usize): void;

// @ts-ignore: decorator
@external("wasi:clocks/monotonic-clock@0.2.12", "now")
export declare function monotonicClockNow(): u64;

// @ts-ignore: decorator
@external("wasi:random/random@0.2.12", "get-random-u64")
export declare function randomNumber(): u64;

// @ts-ignore: decorator
@external("wasi:random/random@0.2.12", "get-random-bytes")
export declare function randomBytes(length: u64, answer: usize): void;
