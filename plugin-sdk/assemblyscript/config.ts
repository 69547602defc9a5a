// The values of the plugin's own table in bot.toml.

import { answer, configGet } from "./host";
import { byteLength, free, liftAt, lower } from "./memory";

export namespace config {
  /**
   * The value of a key; null if the operator did not set it.
   *
   * If the host cannot read its own configuration this aborts: there is nothing that a plugin could do about it.
   */
  export function get(key: string): string | null {
    const bytes = lower(key);
    configGet(bytes, byteLength(key), answer);
    free(bytes);
    if (load<u8>(answer)) throw new Error("config `" + key + "`: " + liftAt(answer + 8));
    return load<u8>(answer, 4) ? liftAt(answer + 8) : null;
  }

  /** The value of a key as a list, split at commas; `standard` is such a text and stands for a key that is not set. */
  export function list(key: string, standard: string): string[] {
    const value = get(key);
    const parts = (value != null ? value : standard).split(",");
    const list: string[] = [];
    for (let i = 0; i < parts.length; i++) {
      const part = parts[i].trim();
      if (part.length > 0) list.push(part);
    }
    return list;
  }
}
