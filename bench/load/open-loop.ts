/** Publishes at a fixed rate, whether or not earlier entries are acknowledged. */
import type { RecordableHistogram } from "node:perf_hooks";
import { setTimeout as pause } from "node:timers/promises";
import { record } from "./closed-loop.ts";

export interface OpenLoop {
  /** Calls a second. */
  readonly rate: number;
  readonly until: number;
  readonly latency: RecordableHistogram;
  call(): Promise<unknown>;
}

/**
 * Resolves with how many calls were made, once all are answered. Latency counts from when a call
 * was due, so that one that could not even begin in time is not forgotten.
 */
export async function openLoop(loop: OpenLoop): Promise<number> {
  const { rate, until, latency } = loop;
  const begun = performance.now();
  const outstanding = new Set<Promise<void>>();
  let calls = 0;
  const call = async (due: number): Promise<void> => {
    await loop.call();
    record(latency, performance.now() - due);
  };
  while (performance.now() < until) {
    const due = Math.floor(((performance.now() - begun) / 1000) * rate);
    for (; calls < due; calls += 1) {
      const one = call(begun + ((calls + 1) / rate) * 1000);
      outstanding.add(one);
      void one.finally(() => outstanding.delete(one));
    }
    await pause(1);
  }
  await Promise.all(outstanding);
  return calls;
}
