/** Tells those who wait for something to change when it has; looks for them at each ring. */

interface Waiting {
  condition(): boolean;
  wake(): void;
}

export class Bell {
  readonly #waiting = new Set<Waiting>();

  get isAwaited(): boolean {
    return this.#waiting.size > 0;
  }

  ring(): void {
    for (const waiting of this.#waiting) if (waiting.condition()) waiting.wake();
  }

  /**
   * Resolves once `condition` holds, or when `signal` aborts.
   * @param condition Cheap, and without effect: it is asked at each ring.
   */
  async until(condition: () => boolean, signal: AbortSignal): Promise<void> {
    if (condition() || signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = (): void => {
      this.#waiting.delete(waiting);
      signal.removeEventListener("abort", wake);
      resolve();
    };
    const waiting = { condition, wake };
    this.#waiting.add(waiting);
    signal.addEventListener("abort", wake, { once: true });
    await promise;
  }
}
