// Saying what a plugin wants.

/** A pipe to hear. */
export class Hearing {
  constructor(
    /** Its whole name; or `host:gap`, where the host says what could not be heard. */
    public pipe: string,
    /** The names of the events; empty means all of them. */
    public events: string[],
  ) {}
}

/**
 * What a plugin wants: `setup` fills it in.
 *
 * In `send`, `log` and `count` a name is a pipe's whole name, or a beginning followed by `*`: `web_*` is every pipe
 * that starts with `web_`. What is not named is refused when it is tried.
 */
export class Wants {
  /** What was asked for so far. */
  readonly hearings: Hearing[] = [];
  readonly sends: string[] = [];
  readonly logs: string[] = [];
  readonly counts: string[] = [];
  versionText: string = "";

  /** Names the plugin's own version, for the log. */
  version(version: string): this {
    this.versionText = version;
    return this;
  }

  /** Hears these events of a pipe; see `hearAll` for all of them. */
  hear(pipe: string, events: string[]): this {
    this.hearings.push(new Hearing(pipe, events));
    return this;
  }

  /** Hears every event of a pipe. */
  hearAll(pipe: string): this {
    return this.hear(pipe, []);
  }

  /** Sends to a pipe. */
  send(pipe: string): this {
    this.sends.push(pipe);
    return this;
  }

  /** Reads the log of a pipe. */
  log(pipe: string): this {
    this.logs.push(pipe);
    return this;
  }

  /** Counts the subscribers of a pipe. */
  count(pipe: string): this {
    this.counts.push(pipe);
    return this;
  }
}
