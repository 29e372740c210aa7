/** Tells what was said lately from what is news, so that a log is not filled by who tries again. */

/** For so long the same is no news. */
const quietMs = 60_000;
const keptMax = 256;

export class Repetition {
  readonly #said = new Map<string, number>();

  /** Whether `what` was said within the last minute; if not, it is from now on. */
  isOne(what: string, nowMs: number): boolean {
    const before = this.#said.get(what);
    if (before !== undefined && nowMs - before < quietMs) return true;
    this.#said.delete(what);
    this.#said.set(what, nowMs);
    if (this.#said.size > keptMax) {
      const [oldest] = this.#said.keys();
      if (oldest !== undefined) this.#said.delete(oldest);
    }
    return false;
  }
}
