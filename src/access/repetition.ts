/** Tells what was said lately from what is news, so that a log is not filled by who tries again. */
import { hostOf } from "./access.ts";

/** For so long the same is no news, and so long counts against the most that may be said. */
const quietMs = 60_000;

export class Repetition {
  readonly #max: number;
  /** When each was said, the earliest first. */
  readonly #said = new Map<string, number>();

  /** @param max Different things that may be said within a minute. */
  constructor(max: number) {
    this.#max = max;
  }

  /**
   * Whether `text` was said of `address` within the last minute, or as much else as may be; if not,
   * it is from now on. That somebody comes from another port than before is no news.
   */
  isOne(address: string, text: string, nowMs: number): boolean {
    const host = hostOf(address);
    const what = `${host} ${text.replaceAll(address, host)}`;
    for (const [earliest, at] of this.#said) {
      if (nowMs - at < quietMs) break;
      this.#said.delete(earliest);
    }
    if (this.#said.has(what) || this.#said.size >= this.#max) return true;
    this.#said.set(what, nowMs);
    return false;
  }
}
