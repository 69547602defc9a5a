// What is carried over a reload.

/** What a version of a plugin leaves to the next: `save` fills it in, `restore` reads it. */
export class State {
  /** The bytes; none is nothing to carry over. */
  bytes: Uint8Array = new Uint8Array(0);

  /** The same as a text in UTF-8. */
  get text(): string {
    return String.UTF8.decodeUnsafe(this.bytes.dataStart, this.bytes.length);
  }

  set text(text: string) {
    // Half of a surrogate pair is no character, and becomes U+FFFD, as in what is sent.
    this.bytes = Uint8Array.wrap(String.UTF8.encode(text, false, String.UTF8.ErrorMode.REPLACE));
  }
}
