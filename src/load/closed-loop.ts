/** Keeps a fixed number of calls outstanding. */

export interface ClosedLoop {
  readonly outstanding: number;
  /** Whether another call may begin now. */
  goesOn(): boolean;
  call(): Promise<unknown>;
  /** @param ms How long a call took. */
  took(ms: number): void;
}

/**
 * Resolves with how many calls were answered, once all are.
 * @throws What a call rejects with; others may still be under way then.
 */
export async function closedLoop(loop: ClosedLoop): Promise<number> {
  let answered = 0;
  const lane = async (): Promise<void> => {
    while (loop.goesOn()) {
      const called = performance.now();
      await loop.call();
      loop.took(performance.now() - called);
      answered += 1;
    }
  };
  await Promise.all(Array.from({ length: loop.outstanding }, lane));
  return answered;
}
