/**
 * Those who want to see the state machine at a moment that is still to come: each looks in the very
 * turn in which it comes, since the machine may be further in the next one.
 */

export interface Look<Value> {
  /** Cheap, and without effect: asked whenever something has changed. */
  readonly isTime: () => boolean;
  readonly see: () => Value;
}

export class Onlookers {
  readonly #waiting = new Set<Look<void>>();

  /**
   * What is seen at once, or at the first moment at which it is time; null when `signal` aborts
   * before. Rejects with what `see` throws.
   */
  async see<Value>({ isTime, see }: Look<Value>, signal: AbortSignal): Promise<Value | null> {
    if (signal.aborted) return null;
    if (isTime()) return see();
    const { promise, resolve, reject } = Promise.withResolvers<Value | null>();
    const waiting = {
      isTime,
      see: (): void => {
        try {
          resolve(see());
        } catch (error) {
          reject(error);
        }
      },
    };
    const onAbort = (): void => resolve(null);
    this.#waiting.add(waiting);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      return await promise;
    } finally {
      this.#waiting.delete(waiting);
      signal.removeEventListener("abort", onAbort);
    }
  }

  /** Something has changed. */
  call(): void {
    for (const waiting of this.#waiting) {
      if (!waiting.isTime()) continue;
      // Deleted here, too: its promise is looked at in a later turn.
      this.#waiting.delete(waiting);
      waiting.see();
    }
  }
}
