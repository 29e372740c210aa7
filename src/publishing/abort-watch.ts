/**
 * Many waits on few AbortSignals: one listener a signal, however many entries wait under it, since
 * a signal's own list of listeners is searched whenever one is added or removed.
 */

/** Something that ends when its signal aborts. */
export interface Abortable {
  readonly signal: AbortSignal;
  /** Called at most once, unless it was deleted before. */
  abort(reason: unknown): void;
}

interface Watched {
  readonly claims: Set<Abortable>;
  readonly listener: () => void;
}

export class AbortWatch {
  readonly #bySignal = new Map<AbortSignal, Watched>();

  add(claim: Abortable): void {
    const { signal } = claim;
    const watched = this.#bySignal.get(signal);
    if (watched !== undefined) {
      watched.claims.add(claim);
      return;
    }
    const claims = new Set([claim]);
    const listener = (): void => {
      this.#bySignal.delete(signal);
      for (const each of claims) each.abort(signal.reason);
    };
    signal.addEventListener("abort", listener, { once: true });
    this.#bySignal.set(signal, { claims, listener });
  }

  delete(claim: Abortable): void {
    const watched = this.#bySignal.get(claim.signal);
    if (watched === undefined) return;
    watched.claims.delete(claim);
    if (watched.claims.size > 0) return;
    claim.signal.removeEventListener("abort", watched.listener);
    this.#bySignal.delete(claim.signal);
  }
}
