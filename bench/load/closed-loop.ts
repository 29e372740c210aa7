/** Keeps a fixed number of calls outstanding for a while. */
import type { RecordableHistogram } from "node:perf_hooks";

export interface ClosedLoop {
  readonly outstanding: number;
  /** Of `performance.now()`: no call begins after it. */
  readonly until: number;
  readonly latency: RecordableHistogram;
  call(): Promise<unknown>;
}

/** Resolves with how many calls were made, once all are answered. */
export async function closedLoop(loop: ClosedLoop): Promise<number> {
  const { outstanding, until, latency } = loop;
  let calls = 0;
  const lane = async (): Promise<void> => {
    for (;;) {
      const called = performance.now();
      if (called >= until) return;
      await loop.call();
      record(latency, performance.now() - called);
      calls += 1;
    }
  };
  await Promise.all(Array.from({ length: outstanding }, lane));
  return calls;
}

/** Microseconds: a histogram counts whole numbers from 1. */
export function record(latency: RecordableHistogram, ms: number): void {
  latency.record(Math.max(1, Math.round(ms * 1000)));
}
