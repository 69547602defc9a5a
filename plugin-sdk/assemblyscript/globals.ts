// What AssemblyScript's own library takes from its host, taken from cometbot. `asconfig.json` puts these in the place of
// the built-in ones; a plugin uses them by their ordinary names and imports nothing from here.

// @ts-ignore: editors do not know this form, and take the file behind the other for one of the plugin's
import { Date as StandardDate } from "~lib/date";

import { clock } from "./clock";
import { logLine, randomNumber } from "./host";
import { Level, log as lines } from "./log";
import { byteLength, free, lowerTo } from "./memory";

/** Prints to the log. */
export namespace console {
  /** Logs an error if a condition does not hold, and goes on. */
  export function assert<T>(condition: T, message: string = ""): void {
    if (!condition) lines.error("assertion failed: " + message);
  }

  export function log(message: string = ""): void {
    lines.info(message);
  }

  export function debug(message: string = ""): void {
    lines.debug(message);
  }

  export function info(message: string = ""): void {
    lines.info(message);
  }

  export function warn(message: string = ""): void {
    lines.warn(message);
  }

  export function error(message: string = ""): void {
    lines.error(message);
  }
}

/** Dates as ever, and a clock. */
export class Date extends StandardDate {
  static now(): i64 {
    return clock.now();
  }
}

/** Logs a text and up to five numbers. */
export function trace(
  message: string,
  n: i32 = 0,
  a0: f64 = 0, a1: f64 = 0, a2: f64 = 0, a3: f64 = 0, a4: f64 = 0,
): void {
  if (n > 0) message += ` ${a0}`;
  if (n > 1) message += `, ${a1}`;
  if (n > 2) message += `, ${a2}`;
  if (n > 3) message += `, ${a3}`;
  if (n > 4) message += `, ${a4}`;
  lines.trace(message);
}

/** What `Math.random` begins with. */
export function seed(): f64 {
  return reinterpret<f64>(randomNumber());
}

/**
 * Where every `throw`, failed assertion and broken bound ends. All that the host sees of it otherwise is a trap called
 * `unreachable`.
 */
export function abort(
  message: string | null = null,
  file: string | null = null,
  line: u32 = 0,
  column: u32 = 0,
): void {
  // The compiler comes here when a call with strings or objects finds no room on its stack of them. The words that it
  // then passes are not in memory (it makes them after it has laid that out), and reporting needs room as well: nobody
  // returns to what is overwritten.
  const overflow = __stack_pointer < __data_end;
  __stack_pointer = __heap_base;
  if (overflow) reportAbort(changetype<usize>("stack overflow: the calls nest too deep"), 0, 0, 0);
  else reportAbort(changetype<usize>(message), changetype<usize>(file), line, column);
  unreachable();
}

/** Takes strings as bare addresses and makes none, because the collector no longer sees who holds them. */
function reportAbort(message: usize, file: usize, line: u32, column: u32): void {
  const start = heap.alloc(LONGEST_FRAME_OF_AN_ABORT + bytesOf(file) + bytesOf(message));
  let end = put(start, changetype<usize>("aborted"));
  if (file) {
    end = put(end, changetype<usize>(" at "));
    end = put(end, file);
    end = putNumber(put(end, changetype<usize>(":")), line);
    end = putNumber(put(end, changetype<usize>(":")), column);
  }
  if (message) {
    end = put(end, changetype<usize>(": "));
    end = put(end, message);
  }
  logLine(Level.Critical, 0, 0, start, <i32>(end - start));
  free(start);
}

/** The words and numbers around file and message, and more. */
const LONGEST_FRAME_OF_AN_ABORT: usize = 64;

function bytesOf(text: usize): usize {
  return text ? <usize>byteLength(changetype<string>(text)) : 0;
}

function put(to: usize, text: usize): usize {
  return lowerTo(to, text, changetype<string>(text).length);
}

function putNumber(to: usize, value: u32): usize {
  if (value >= 10) to = putNumber(to, value / 10);
  store<u8>(to, 0x30 + value % 10);
  return to + 1;
}
