// What programs expect to be there beside the language: console, random numbers that differ from start to start, UTF-8.
// The build puts this before everything else, so that packages find it when they are loaded.

import { hasHost, randomBytes, writeLog } from "#host";
import { inOneLine } from "./words.js";

const shown = (value) => {
  if (typeof value === "string") return value;
  if (value instanceof Error) return inOneLine(value);
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value);
  }
};

/** While the plugin is built there is no log to write to. */
const line =
  (level) =>
  (...values) => {
    if (hasHost()) writeLog(level, "", values.map(shown).join(" ").toWellFormed());
  };

globalThis.console = {
  trace: line("trace"),
  debug: line("debug"),
  log: line("info"),
  info: line("info"),
  warn: line("warn"),
  error: line("error"),
};
console.assert = (holds, ...values) => {
  if (!holds) console.error("assertion failed:", ...values);
};

// The engine's seed was frozen with it: every instance would draw the same numbers.
const frozenRandom = Math.random;
let pool = new Uint32Array(0);
let drawn = 0;
Math.random = () => {
  if (!hasHost()) return frozenRandom();
  if (drawn >= pool.length) {
    pool = new Uint32Array(randomBytes(512).slice().buffer);
    drawn = 0;
  }
  const [high, low] = [pool[drawn] >>> 5, pool[drawn + 1] >>> 6];
  drawn += 2;
  return (high * 2 ** 26 + low) / 2 ** 53;
};

globalThis.crypto ??= {
  getRandomValues(array) {
    new Uint8Array(array.buffer, array.byteOffset, array.byteLength).set(randomBytes(array.byteLength));
    return array;
  },
  randomUUID() {
    const bytes = randomBytes(16);
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
  },
};

// By way of the engine's own functions: a loop over characters takes several times as long.
globalThis.TextEncoder ??= class TextEncoder {
  get encoding() {
    return "utf-8";
  }

  encode(text = "") {
    return Uint8Array.fromBase64(btoa(unescape(encodeURIComponent(String(text).toWellFormed()))));
  }
};

globalThis.TextDecoder ??= class TextDecoder {
  #fatal;
  #ignoreBOM;

  constructor(label = "utf-8", { fatal = false, ignoreBOM = false } = {}) {
    if (!/^\s*utf-?8\s*$/i.test(label)) throw new RangeError(`there is UTF-8 only, not ${label}`);
    this.#fatal = fatal;
    this.#ignoreBOM = ignoreBOM;
  }

  get encoding() {
    return "utf-8";
  }

  get fatal() {
    return this.#fatal;
  }

  get ignoreBOM() {
    return this.#ignoreBOM;
  }

  decode(input = new Uint8Array(0)) {
    const bytes = ArrayBuffer.isView(input)
      ? new Uint8Array(input.buffer, input.byteOffset, input.byteLength)
      : new Uint8Array(input);
    const text = this.#text(bytes);
    return !this.#ignoreBOM && text.startsWith("\ufeff") ? text.slice(1) : text;
  }

  #text(bytes) {
    try {
      return decodeURIComponent(escape(atob(bytes.toBase64())));
    } catch {
      if (this.#fatal) throw new TypeError("these bytes are not UTF-8");
      return mended(bytes);
    }
  }
};

/** UTF-8 with mistakes: each longest part that could have begun a character becomes U+FFFD. */
function mended(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; ) {
    const first = bytes[at++];
    if (first < 0x80) {
      text += String.fromCharCode(first);
      continue;
    }
    let more =
      first >= 0xc2 && first <= 0xdf ? 1 : first >= 0xe0 && first <= 0xef ? 2 : first >= 0xf0 && first <= 0xf4 ? 3 : 0;
    if (more === 0) {
      text += "\ufffd";
      continue;
    }
    let code = first & (0x3f >> more);
    let [lowest, highest] = [
      first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80,
      first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf,
    ];
    for (; more > 0 && at < bytes.length && bytes[at] >= lowest && bytes[at] <= highest; more -= 1) {
      code = (code << 6) | (bytes[at++] & 0x3f);
      [lowest, highest] = [0x80, 0xbf];
    }
    text += more === 0 ? String.fromCodePoint(code) : "\ufffd";
  }
  return text;
}
