// How strings pass between AssemblyScript (UTF-16, collected) and the host (UTF-8, in memory that somebody frees). For
// the kit alone.
//
// All memory that the host sees lies outside the collector's: whoever took it frees it, or it would never be free again.

/** How many UTF-8 bytes a text has. */
export function byteLength(text: string): i32 {
  return String.UTF8.byteLength(text);
}

/** Writes a text as UTF-8 to new memory, for the host to read; `free` it afterwards. */
export function lower(text: string): usize {
  const bytes = heap.alloc(byteLength(text));
  lowerTo(bytes, changetype<usize>(text), text.length);
  return bytes;
}

/** Writes UTF-16 as UTF-8 and gives the end. Half of a surrogate pair is no character, and becomes U+FFFD. */
export function lowerTo(bytes: usize, text: usize, units: i32): usize {
  return bytes + String.UTF8.encodeUnsafe(text, units, bytes, false, String.UTF8.ErrorMode.REPLACE);
}

/** Makes a string of a text that the host wrote, and frees that. */
export function lift(bytes: usize, length: i32): string {
  if (length == 0) return "";
  const text = String.UTF8.decodeUnsafe(bytes, length);
  heap.free(bytes);
  return text;
}

/** Makes an array of bytes that the host wrote, and frees those. */
export function liftBytes(bytes: usize, length: i32): Uint8Array {
  const array = new Uint8Array(length);
  if (length == 0) return array;
  memory.copy(array.dataStart, bytes, length);
  heap.free(bytes);
  return array;
}

/** Makes a string of the one that lies at `place`, an address and a length, and frees its bytes. */
export function liftAt(place: usize): string {
  return lift(load<usize>(place), load<i32>(place, 4));
}

/** Frees what `lower` took. */
export function free(bytes: usize): void {
  heap.free(bytes);
}
