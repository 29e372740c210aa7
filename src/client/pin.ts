/**
 * Holds the questions for one snapshot to the disk that the first of them came to: what another has
 * would not surely go with what was given away already. Asks nobody.
 */
import { KibitzerError } from "../kibitzer-error.ts";

export class Pin {
  #url: string | null = null;
  #cookie: string | null = null;

  /** The endpoint; null until the first question was asked. */
  get url(): string | null {
    return this.#url;
  }

  /**
   * @param cookie The storage incarnation of who answers there.
   * @throws {KibitzerError} `KBZ_TRUNCATED`, retryable, when that is not where the first question
   *   was asked.
   */
  hold(url: string, cookie: string | null): void {
    if (this.#url === null) {
      this.#url = url;
      this.#cookie = cookie;
    }
    if (url === this.#url && cookie === this.#cookie) return;
    throw new KibitzerError(
      "KBZ_TRUNCATED",
      `Wanted the rest of a snapshot of ${this.#url}, found that endpoint lost, or with another ` +
        `disk; that of ${url} is not surely the same. What was written is no backup. Take it ` +
        "again.",
      { retryable: true, outcome: "none" },
    );
  }
}
