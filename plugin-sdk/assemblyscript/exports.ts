// The functions that the host calls, in the form that the canonical ABI gives them. `asconfig.json` names this file as
// an entry, so that they are exported without a word in the plugin's own source.

import { Event } from "./event";
import { byteLength, free, lift, liftBytes, lower } from "./memory";
import "./globals";
import { registeredPlugin } from "./plugin";
import { State } from "./state";
import { Hearing, Wants } from "./wants";

/** The memory of the result that the host reads now; its `cabi_post_…` frees it. */
const lent: usize[] = [];

const NO_PLUGIN = "it registers no plugin";

/** `result<wants, string>` */
const setupResult: usize = memory.data(44, 4);
/** `result<_, string>` and `result<list<u8>, string>` */
const result: usize = memory.data(12, 4);

/** Room for what the host passes in. Nothing is called from here: the host forbids it. */
export function cabi_realloc(old: usize, oldBytes: usize, alignment: usize, bytes: usize): usize {
  // An empty string has no memory, and nobody frees it.
  if (bytes == 0) return alignment;
  return oldBytes > 0 ? heap.realloc(old, bytes) : heap.alloc(bytes);
}

export function setup(): usize {
  const plugin = registeredPlugin();
  if (plugin == null) return failed(setupResult, "it registers no plugin: end the main source with register(new …());");
  const wants = new Wants();
  const error = plugin.setup(wants);
  if (error != null) return failed(setupResult, error.message);
  store<u8>(setupResult, 0);
  lend(setupResult + 4, wants.versionText);
  lendHearings(setupResult + 12, wants.hearings);
  lendAll(setupResult + 20, wants.sends);
  lendAll(setupResult + 28, wants.logs);
  lendAll(setupResult + 36, wants.counts);
  return setupResult;
}

export function handle(
  pipe: usize, pipeBytes: i32,
  name: usize, nameBytes: i32,
  data: usize, dataBytes: i32,
  hasUserId: i32, userId: u64,
  hasTime: i32, time: u64,
  history: i32,
): usize {
  const event = new Event(lift(pipe, pipeBytes), lift(name, nameBytes), lift(data, dataBytes));
  event.hasUserId = hasUserId != 0;
  if (event.hasUserId) event.userId = userId;
  event.hasTime = hasTime != 0;
  if (event.hasTime) event.time = time;
  event.history = history != 0;

  const plugin = registeredPlugin();
  if (plugin == null) return failed(result, NO_PLUGIN);
  return ended(plugin.handle(event));
}

export function save(): usize {
  const plugin = registeredPlugin();
  if (plugin == null) return failed(result, NO_PLUGIN);
  const state = new State();
  const error = plugin.save(state);
  if (error == null) lendBytes(result + 4, state.bytes);
  return ended(error);
}

export function restore(address: usize, length: i32): usize {
  const state = new State();
  state.bytes = liftBytes(address, length);
  const plugin = registeredPlugin();
  if (plugin == null) return failed(result, NO_PLUGIN);
  return ended(plugin.restore(state));
}

export function cabi_post_setup(_result: usize): void {
  takeBack();
}

export function cabi_post_handle(_result: usize): void {
  takeBack();
}

export function cabi_post_save(_result: usize): void {
  takeBack();
}

export function cabi_post_restore(_result: usize): void {
  takeBack();
}

/** The result of a function other than `setup`: ok, or an error. */
function ended(error: Error | null): usize {
  if (error != null) return failed(result, error.message);
  store<u8>(result, 0);
  return result;
}

/** The result `result`: an error with these words. */
function failed(result: usize, words: string): usize {
  store<u8>(result, 1);
  lend(result + 4, words);
  return result;
}

/** Writes a `string` to `place`. */
function lend(place: usize, text: string): void {
  const bytes = lower(text);
  lent.push(bytes);
  store<usize>(place, bytes);
  store<i32>(place, byteLength(text), 4);
}

/** Writes a `list<u8>` to `place`. */
function lendBytes(place: usize, bytes: Uint8Array): void {
  memory.copy(lendList(place, bytes.length, 1), bytes.dataStart, bytes.length);
}

/** Writes a `list` to `place` and gives the address of its first element. */
function lendList(place: usize, length: i32, elementBytes: i32): usize {
  const list = heap.alloc(length * elementBytes);
  lent.push(list);
  store<usize>(place, list);
  store<i32>(place, length, 4);
  return list;
}

/** Writes a `list<string>` to `place`. */
function lendAll(place: usize, texts: string[]): void {
  let element = lendList(place, texts.length, 8);
  for (let i = 0; i < texts.length; i++) {
    lend(element, texts[i]);
    element += 8;
  }
}

/** Writes a `list<hearing>` to `place`. */
function lendHearings(place: usize, hearings: Hearing[]): void {
  let element = lendList(place, hearings.length, 16);
  for (let i = 0; i < hearings.length; i++) {
    lend(element, hearings[i].pipe);
    lendAll(element + 8, hearings[i].events);
    element += 16;
  }
}

function takeBack(): void {
  for (let i = 0; i < lent.length; i++) free(lent[i]);
  lent.length = 0;
}
