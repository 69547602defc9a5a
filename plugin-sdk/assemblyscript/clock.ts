// Clocks. `Date.now()` is `clock.now()`.

import { answer, monotonicClockNow, wallClockNow } from "./host";

export namespace clock {
  /** The date and time, as the operator's machine has it: milliseconds of Unix time. */
  export function now(): i64 {
    wallClockNow(answer);
    return load<i64>(answer) * 1000 + <i64>load<u32>(answer, 8) / 1_000_000;
  }

  /** Time that only goes forward, in nanoseconds, for measuring: subtract an earlier value from a later one. */
  export function monotonic(): u64 {
    return monotonicClockNow();
  }
}
