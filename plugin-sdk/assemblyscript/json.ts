// JSON strings, and no other JSON: AssemblyScript has none, and most chat messages are a single JSON string.
//
// Works on the UTF-16 units in memory, because a string that grows by one character at a time is copied each time.

const QUOTE: u32 = 0x22;
const BACKSLASH: u32 = 0x5c;
/** The first character that may stand in a JSON string as it is. */
const SPACE: u32 = 0x20;

export namespace json {
  /** A text as a JSON string, quotes included: `say "hi"` becomes `"say \"hi\""`. */
  export function quote(text: string): string {
    const from = changetype<usize>(text);
    const length = text.length;
    let units: usize = 2;
    for (let i = 0; i < length; i++) units += quotedUnits(load<u16>(from + (<usize>i << 1)));

    const start = heap.alloc(units << 1);
    let to = put(start, QUOTE);
    for (let i = 0; i < length; i++) to = putQuoted(to, load<u16>(from + (<usize>i << 1)));
    to = put(to, QUOTE);
    return take(start, to);
  }

  /** The text of a JSON string: `"say \"hi\""` becomes `say "hi"`. Null if it is anything else. */
  export function unquote(text: string): string | null {
    let from = changetype<usize>(text);
    let end = from + (<usize>text.length << 1);
    while (from < end && isWhite(load<u16>(from))) from += 2;
    while (from < end && isWhite(load<u16>(end - 2))) end -= 2;
    // Looked at first, so that most other texts cost nothing.
    if (end - from < 4 || load<u16>(from) != QUOTE || load<u16>(end - 2) != QUOTE) return null;

    // What is read is never longer than what was written.
    const start = heap.alloc(end - from);
    const to = read(from + 2, end - 2, start);
    if (to == 0) {
      heap.free(start);
      return null;
    }
    return take(start, to);
  }
}

/** What JSON allows around a value. */
function isWhite(unit: u32): bool {
  return unit == 0x20 || unit == 0x09 || unit == 0x0a || unit == 0x0d;
}

/** The letter that stands after the backslash for a unit: `n` for a line break; 0 if it has none. */
function shortEscape(unit: u32): u32 {
  switch (unit) {
    case QUOTE: return QUOTE;
    case BACKSLASH: return BACKSLASH;
    case 0x08: return 0x62; // b
    case 0x09: return 0x74; // t
    case 0x0a: return 0x6e; // n
    case 0x0c: return 0x66; // f
    case 0x0d: return 0x72; // r
    default: return 0;
  }
}

function quotedUnits(unit: u32): usize {
  if (shortEscape(unit)) return 2;
  return unit < SPACE ? 6 : 1;
}

function putQuoted(to: usize, unit: u32): usize {
  const letter = shortEscape(unit);
  if (letter) return put(put(to, BACKSLASH), letter);
  if (unit >= SPACE) return put(to, unit);
  to = put(put(to, BACKSLASH), 0x75); // u
  to = put(put(to, 0x30), 0x30);
  return put(put(to, hexDigit(unit >> 4)), hexDigit(unit & 15));
}

function hexDigit(value: u32): u32 {
  return value < 10 ? 0x30 + value : 0x61 - 10 + value;
}

function put(to: usize, unit: u32): usize {
  store<u16>(to, unit);
  return to + 2;
}

/** Makes a string of the units from `start` to `end`, and frees them. */
function take(start: usize, end: usize): string {
  const text = String.UTF16.decodeUnsafe(start, end - start);
  heap.free(start);
  return text;
}

/** Reads what stands between the quotes. Gives the end of what it wrote, or 0 if it is no JSON. */
function read(from: usize, end: usize, to: usize): usize {
  while (from < end) {
    const unit: u32 = load<u16>(from);
    from += 2;
    if (unit == QUOTE || unit < SPACE) return 0;
    if (unit != BACKSLASH) {
      to = put(to, unit);
      continue;
    }
    if (from == end) return 0;
    const letter: u32 = load<u16>(from);
    from += 2;
    if (letter != 0x75) {
      const meant = meaning(letter);
      if (!meant) return 0;
      to = put(to, meant);
      continue;
    }
    const high = hexAt(from, end);
    if (high < 0 || isLow(high)) return 0;
    from += 8;
    to = put(to, high);
    if (!isHigh(high)) continue;
    // Half of a surrogate pair is no character.
    if (end - from < 12 || load<u16>(from) != BACKSLASH || load<u16>(from, 2) != 0x75) return 0;
    const low = hexAt(from + 4, end);
    if (!isLow(low)) return 0;
    from += 12;
    to = put(to, low);
  }
  return to;
}

/** What the letter after a backslash stands for; 0 if it may not stand there. */
function meaning(letter: u32): u32 {
  switch (letter) {
    case QUOTE: return QUOTE;
    case BACKSLASH: return BACKSLASH;
    case 0x2f: return 0x2f; // the slash
    case 0x62: return 0x08; // b
    case 0x66: return 0x0c; // f
    case 0x6e: return 0x0a; // n
    case 0x72: return 0x0d; // r
    case 0x74: return 0x09; // t
    default: return 0;
  }
}

/** The value of four hexadecimal digits; -1 if they are not there. */
function hexAt(from: usize, end: usize): i32 {
  if (end - from < 8) return -1;
  let value = 0;
  for (let i: usize = 0; i < 8; i += 2) {
    const unit: i32 = load<u16>(from + i);
    if (unit >= 0x30 && unit <= 0x39) value = value << 4 | unit - 0x30;
    else if ((unit | 0x20) >= 0x61 && (unit | 0x20) <= 0x66) value = value << 4 | (unit | 0x20) - 0x61 + 10;
    else return -1;
  }
  return value;
}

function isHigh(unit: i32): bool {
  return (unit & 0xfc00) == 0xd800;
}

function isLow(unit: i32): bool {
  return unit >= 0 && (unit & 0xfc00) == 0xdc00;
}
