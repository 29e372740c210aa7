/**
 * Holds several questions to the one disk that the first of them came to, where another's answers
 * would not surely go with the first. Asks nobody.
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
   * @throws {KibitzerError} `KBZ_UNREACHABLE` when that is not where the first question was asked.
   */
  hold(url: string, cookie: string | null): void {
    if (this.#url === null) {
      this.#url = url;
      this.#cookie = cookie;
    }
    if (url === this.#url && cookie === this.#cookie) return;
    throw new KibitzerError(
      "KBZ_UNREACHABLE",
      `Wanted more of what ${this.#url} has begun to answer, found that endpoint lost, or with ` +
        `another disk; what ${url} has is not surely the same. Begin again.`,
      { retryable: true, outcome: "none" },
    );
  }
}
