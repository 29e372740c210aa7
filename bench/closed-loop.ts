/** Keeps a fixed number of publishes outstanding for a while, and measures rate and latency. */
import { createHistogram } from "node:perf_hooks";
import type { Log } from "../src/index.ts";

export interface Load {
  /** Bytes of each entry. */
  readonly size: number;
  readonly outstanding: number;
  readonly seconds: number;
}

export interface Measured {
  /** Acknowledged entries a second. */
  readonly rate: number;
  /** Milliseconds from the call to the acknowledgement. */
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly acknowledged: number;
}

export async function closedLoop(
  log: Log,
  { size, outstanding, seconds }: Load,
): Promise<Measured> {
  const entry = new Uint8Array(size).fill(0x2e);
  const latency = createHistogram();
  const begun = performance.now();
  const until = begun + seconds * 1000;
  let acknowledged = 0;
  const lane = async (): Promise<void> => {
    for (;;) {
      const called = performance.now();
      if (called >= until) return;
      await log.publish(entry);
      // Microseconds: a histogram counts whole numbers from 1.
      latency.record(Math.max(1, Math.round((performance.now() - called) * 1000)));
      acknowledged += 1;
    }
  };
  await Promise.all(Array.from({ length: outstanding }, lane));
  const elapsed = (performance.now() - begun) / 1000;
  return {
    rate: acknowledged / elapsed,
    p50: latency.percentile(50) / 1000,
    p99: latency.percentile(99) / 1000,
    p999: latency.percentile(99.9) / 1000,
    acknowledged,
  };
}
