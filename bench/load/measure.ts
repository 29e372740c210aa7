/** Plays a load through one publisher, and measures what it costs. */
import { createHistogram, type RecordableHistogram } from "node:perf_hooks";
import { closedLoop } from "../../src/load/closed-loop.ts";
import { openLoop } from "../../src/load/open-loop.ts";
import { cpuSeconds, residentMiBEach } from "../processes.ts";
import type { Publisher } from "../systems/system.ts";
import type { Measured, Work } from "./load.ts";
import { plainEntry, stampedEntry } from "./stamp.ts";

interface Run {
  readonly seconds: number;
  readonly latency: RecordableHistogram;
  /** Acknowledged entries a second of the load before. */
  readonly rateBefore: number;
}

/** Resolves with how many entries were acknowledged. */
async function run(publisher: Publisher, work: Work, how: Run): Promise<number> {
  const { load, entries = Infinity } = work;
  const { seconds, latency } = how;
  const entry = entryMaker(work);
  const until = performance.now() + seconds * 1000;
  let begun = 0;
  const loop = {
    goesOn: () => begun < entries && performance.now() < until,
    call: () => {
      begun += 1;
      return publisher.publish(entry());
    },
    // Microseconds: a histogram counts whole numbers from 1.
    took: (ms: number) => latency.record(Math.max(1, Math.round(ms * 1000))),
  };
  switch (load.kind) {
    case "closed":
      return await closedLoop({ ...loop, outstanding: load.outstanding });
    case "rate":
    case "half rate": {
      const rate = load.kind === "rate" ? load.entriesPerSecond : Math.floor(how.rateBefore / 2);
      return await openLoop({ ...loop, goesOn: () => true, rate, count: rate * seconds });
    }
    case "bulk": {
      const { outstanding, entriesEach } = load;
      const others = Array.from({ length: entriesEach - 1 }, () => plainEntry(work.size));
      const call = async (): Promise<unknown> => {
        begun += entriesEach;
        return await publisher.publishMany?.([...others, entry()]);
      };
      return entriesEach * (await closedLoop({ ...loop, outstanding, call }));
    }
  }
}

/** What says nothing is the same each time. */
function entryMaker({ size, isStamped = false }: Work): () => Uint8Array {
  const plain = plainEntry(size);
  return isStamped ? () => stampedEntry(size) : () => plain;
}

/** Warms up, and measures then. */
export async function measure(
  publisher: Publisher,
  work: Work,
  { pids, rateBefore }: { readonly pids: readonly number[]; readonly rateBefore: number },
): Promise<Measured> {
  await run(publisher, work, {
    seconds: work.warmUpSeconds,
    latency: createHistogram(),
    rateBefore,
  });
  const latency = createHistogram();
  const cpuBefore = cpuSeconds(pids);
  const ownBefore = cpuSeconds([process.pid]);
  const begun = performance.now();
  const acknowledged = await run(publisher, work, { seconds: work.seconds, latency, rateBefore });
  const elapsed = (performance.now() - begun) / 1000;
  const per10k = 10_000 / acknowledged;
  return {
    rate: acknowledged / elapsed,
    p50: latency.percentile(50) / 1000,
    p99: latency.percentile(99) / 1000,
    p999: latency.percentile(99.9) / 1000,
    cpuPer10k: (cpuSeconds(pids) - cpuBefore) * per10k,
    clientCpuPer10k: (cpuSeconds([process.pid]) - ownBefore) * per10k,
    rssMiB: Math.max(...residentMiBEach(pids)),
  };
}
