// What a plugin can ask of the comet server. What `setup` did not ask for is refused with `ErrorKind.Denied`.

import { Event } from "./event";
import { answer, cometCount, cometLog, cometSend } from "./host";
import { byteLength, free, liftAt, lower } from "./memory";
import { CometError, ErrorKind, Result } from "./result";

/** An event in the list that `log` answers: its size in memory. */
const EVENT_BYTES: usize = 64;

export namespace comet {
  /** The most that `log` answers. */
  export const LOG_MAX_EVENTS: u32 = 99;

  /**
   * Sends an event into a pipe.
   *
   * `pipe` starts with `web_`, with `webauth_` (the bot must be logged in), or with `@web_` (sent anonymously); `event`
   * is at most 64 characters of `A-Z a-z 0-9 _ -`. All sends of one event leave together when `handle` returns null,
   * and none of them if it fails. The bot does not hear what it sends itself, unless its operator wants that.
   *
   * Null means that the send will leave, not that the server has it. While there is no connection it waits. If the
   * connection breaks before the server has answered, it is sent again and may arrive twice; or, if the operator wants
   * that, it is not and may be missing.
   *
   * It fails for names or text that the server cannot take, a pipe that is not granted, more than one event may send;
   * and, while there is no connection, as much waiting already as may.
   */
  export function send(pipe: string, event: string, message: string): CometError | null {
    const pipeBytes = lower(pipe);
    const eventBytes = lower(event);
    const messageBytes = lower(message);
    cometSend(
      pipeBytes, byteLength(pipe),
      eventBytes, byteLength(event),
      messageBytes, byteLength(message),
      answer,
    );
    free(pipeBytes);
    free(eventBytes);
    free(messageBytes);
    return load<u8>(answer) ? errorAt(answer + 4) : null;
  }

  /**
   * The newest events in a pipe's log, oldest first: at most `limit`, and never more than `LOG_MAX_EVENTS`.
   *
   * A pipe has a log only where the server's operator switched it on; without one this is empty. It fails for a pipe
   * that is not granted, without a connection, and without an answer in time.
   */
  export function log(pipe: string, limit: u32): Result<Event[]> {
    const bytes = lower(pipe);
    cometLog(bytes, byteLength(pipe), limit, answer);
    free(bytes);
    if (load<u8>(answer)) return new Result<Event[]>(errorAt(answer + 4), []);
    return new Result<Event[]>(null, eventsAt(answer + 4));
  }

  /**
   * How many connections subscribe to a pipe (`web_…` or `track_…`), the bot's own among them.
   *
   * It fails for a pipe that is not granted, without a connection, and without an answer in time.
   */
  export function count(pipe: string): Result<u64> {
    const bytes = lower(pipe);
    cometCount(bytes, byteLength(pipe), answer);
    free(bytes);
    if (load<u8>(answer)) return new Result<u64>(errorAt(answer + 8), 0);
    return new Result<u64>(null, load<u64>(answer, 8));
  }
}

/** Reads a `variant error`. */
function errorAt(place: usize): CometError {
  const kind = <ErrorKind>load<u8>(place);
  if (kind == ErrorKind.TimedOut) return new CometError(kind, "the comet server did not answer in time");
  return new CometError(kind, liftAt(place + 4));
}

/** Reads a `list<event>` and frees it. */
function eventsAt(place: usize): Event[] {
  const list = load<usize>(place);
  const length = load<i32>(place, 4);
  const events = new Array<Event>(length);
  for (let i = 0; i < length; i++) events[i] = eventAt(list + <usize>i * EVENT_BYTES);
  if (length > 0) free(list);
  return events;
}

/** Reads a `record event`. */
function eventAt(place: usize): Event {
  const event = new Event(liftAt(place), liftAt(place + 8), liftAt(place + 16));
  event.hasUserId = load<u8>(place, 24) != 0;
  if (event.hasUserId) event.userId = load<u64>(place, 32);
  event.hasTime = load<u8>(place, 40) != 0;
  if (event.hasTime) event.time = load<u64>(place, 48);
  event.history = load<u8>(place, 56) != 0;
  return event;
}
