/** Calls at a fixed rate, whether or not earlier calls are answered. */
import { setTimeout as pause } from "node:timers/promises";
import type { ClosedLoop } from "./closed-loop.ts";

export interface OpenLoop extends Omit<ClosedLoop, "outstanding"> {
  /** Calls a second. */
  readonly rate: number;
  /** How many in all. */
  readonly count: number;
}

/**
 * Resolves with how many calls were answered, once all are. What a call took counts from when it
 * was due, so that one that could not even begin in time is not forgotten.
 * @throws What a call rejects with; others may still be under way then.
 */
export async function openLoop(loop: OpenLoop): Promise<number> {
  const begun = performance.now();
  const calls = new Set<Promise<void>>();
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => undefined);
  let made = 0;
  const call = async (due: number): Promise<void> => {
    await loop.call();
    loop.took(performance.now() - due);
  };
  while (made < loop.count && loop.goesOn()) {
    const due = Math.floor(((performance.now() - begun) / 1000) * loop.rate);
    for (; made < Math.min(due, loop.count); made += 1) {
      const one = call(begun + ((made + 1) / loop.rate) * 1000);
      calls.add(one);
      one.then(() => calls.delete(one), failed.reject);
    }
    await Promise.race([pause(1), failed.promise]);
  }
  await Promise.race([Promise.all(calls), failed.promise]);
  return made;
}
