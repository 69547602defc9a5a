// How a request to the comet server ends.

/** Why something was not done. */
export enum ErrorKind {
  /** The server could not take it: a bad name, a text that is too long, a NUL character. */
  Invalid,
  /** The plugin did not ask for it in `setup`, or the operator did not grant it. */
  Denied,
  /**
   * There is no connection to ask over; or none to send over, and as much waits for it as may; or one event sends too
   * much. Trying again later can help.
   */
  Unavailable,
  /** The server did not answer in time. */
  TimedOut,
}

/** An error of `comet`. Its `message` is for people, and says what to change. */
export class CometError extends Error {
  constructor(
    public readonly kind: ErrorKind,
    message: string,
  ) {
    super(message);
    this.name = "CometError";
  }
}

/** What was asked for, or why there is none of it: look at `error` before you take `value`. */
export class Result<T> {
  constructor(
    /** Why it was not done; null if it was. */
    public readonly error: CometError | null,
    private readonly answer: T,
  ) {}

  /** The answer. Where there is an error instead, this aborts with its message. */
  get value(): T {
    const error = this.error;
    // A zero or an empty list in its place would look like an answer.
    if (error != null) throw new Error(error.message);
    return this.answer;
  }
}
