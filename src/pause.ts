/** A wait by the clock. */
import type { Clock } from "./world.ts";

/** Resolves after `ms`, or at once when `signal` aborts. */
export async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const end = (): void => resolve();
  const timer = clock.after(ms, end);
  signal.addEventListener("abort", end, { once: true });
  await promise;
  timer.cancel();
  signal.removeEventListener("abort", end);
}
