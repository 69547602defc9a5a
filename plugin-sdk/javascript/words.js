// Errors in words, on one line, with the places in the plugin's own source. For the kit alone.

/** A failure in the plugin's own words: they are all that the log shows of it. */
export class PluginError extends Error {}

/** How many of the calls that led to an error are told. */
const CALLS_TOLD = 3;

/** What any value that was thrown says. */
export function inOneLine(thrown) {
  if (thrown instanceof PluginError) return thrown.message;
  if (!(thrown instanceof Error)) return String(thrown);
  const calls = places(thrown);
  return calls === "" ? String(thrown) : `${thrown} (${calls})`;
}

/** As `score plugin.ts:12 < handle plugin.ts:7`. */
function places(error) {
  const calls = [];
  for (const frame of String(error.stack ?? "").split("\n")) {
    // QuickJS: `at score (build/plugin.js:40:9)`. SpiderMonkey: `score@build/plugin.js:40:9`.
    const [, name, line] = /^\s*(?:at )?(.*?)\s*[@(]?[^@(\s]*plugin\.js:(\d+):\d+\)?$/.exec(frame) ?? [];
    const place = line === undefined ? undefined : inSource(Number(line));
    if (place !== undefined) calls.push(name === "" || name === "<anonymous>" ? place : `${name} ${place}`);
  }
  return calls.slice(0, CALLS_TOLD).join(" < ");
}

/** The place in the source of a line of the bundle; undefined for the kit's own. */
function inSource(line) {
  // The build leaves a table behind: [first line of the bundle, file, its line], as long as lines follow each other.
  const stretch = globalThis[Symbol.for("cometbot.lines")]?.findLast(([first]) => first <= line);
  if (stretch === undefined) return undefined;
  const [first, file, sourceLine] = stretch;
  return file === "" ? undefined : `${file}:${sourceLine + line - first}`;
}
