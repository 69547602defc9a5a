// Reading an event, and answering it.

import { comet } from "./comet";
import { json } from "./json";
import { CometError } from "./result";

/**
 * Something that happened in a pipe.
 *
 * An event of the pipe `host:gap` is the host's own and says what is missing for good: its `name` is the pipe that it
 * is about, and its `data` are the JSON object `{"pipe", "since", "until", "recovered", "why"}`, with times in Unix
 * seconds.
 */
export class Event {
  /** Whether the sender is known. If not, it is unknown, or not a client (the server itself, or a back end). */
  hasUserId: bool = false;
  /** Who sent it: 0 is an anonymous client, or nobody known (see `hasUserId`). */
  userId: u64 = 0;
  /** Whether the server says when it took the event. */
  hasTime: bool = false;
  /** When the server took it, in whole seconds of Unix time; 0 where it does not say (see `hasTime`). */
  time: u64 = 0;
  /**
   * Whether it comes from the pipe's log instead of live: because the plugin read the log, or because it was missed
   * while there was no connection. What was missed comes once, and before what is new.
   */
  history: bool = false;

  constructor(
    /** The pipe, as in `web_chat`. Personal messages come from the pipe `msg`. */
    public pipe: string,
    /** The event's name, as in `msg`; may be empty. */
    public name: string,
    /** The payload, exactly as its sender wrote it: JSON or any other text. */
    public data: string,
  ) {}

  /**
   * What a person wrote.
   *
   * The server's JavaScript client sends each message as JSON, so that its plain text `hi` arrives as `"hi"`, quotes
   * included; other clients send the bare text. This is `hi` for both. Anything else stays as it is, a JSON object
   * for example.
   */
  text(): string {
    const text = json.unquote(this.data);
    return text != null ? text : this.data;
  }

  /**
   * Sends a text to the pipe that the event came from, in the form that its sender uses (see `text`): whoever writes
   * JSON strings also reads them, and only in them does a JavaScript client keep the line breaks.
   *
   * Fails as `comet.send` does. Nobody can send to `msg` and to `host:gap`.
   */
  reply(event: string, text: string): CometError | null {
    const isJson = json.unquote(this.data) != null;
    return comet.send(this.pipe, event, isJson ? json.quote(text) : text);
  }
}
