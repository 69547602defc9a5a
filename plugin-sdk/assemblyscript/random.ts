// Random numbers, good enough for secrets. `Math.random()` is not, but it works.

import { answer, randomBytes, randomNumber } from "./host";
import { free } from "./memory";

export namespace random {
  /** A random number. */
  export function number(): u64 {
    return randomNumber();
  }

  /** Random bytes. */
  export function bytes(length: i32): Uint8Array {
    const bytes = new Uint8Array(length);
    if (length == 0) return bytes;
    randomBytes(length, answer);
    const given = load<usize>(answer);
    memory.copy(bytes.dataStart, given, length);
    free(given);
    return bytes;
  }
}
