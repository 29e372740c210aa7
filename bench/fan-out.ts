/** Subscribers that follow the log while one client publishes: how many entries, how late. */
import { inClientProcess } from "./load/client-task.ts";
import type { Measured, Work } from "./load/load.ts";
import { endEntry } from "./load/stamp.ts";
import { whileFollowed } from "./load/subscriber-task.ts";
import type { Bench } from "./loads.ts";
import type { FanOutPlan } from "./plan.ts";
import { cpuSeconds, residentMiBEach } from "./processes.ts";
import type { FanOutRow } from "./result.ts";
import { whileRunning } from "./scratch.ts";
import { kibitzer } from "./systems/kibitzer.ts";
import type { Running } from "./systems/system.ts";

const size = 128;
const bulk = { kind: "bulk", outstanding: 8, entriesEach: 1000 } as const;
/** For a load that ends after so many entries. */
const patienceSeconds = 60;

export async function measureFanOut(bench: Bench): Promise<readonly FanOutRow[]> {
  const { fanOut, heatUpSeconds } = bench.plan;
  return await whileRunning(kibitzer, bench.port, async (running) => {
    bench.step("kibitzer: subscribers, heating up");
    const closed = { kind: "closed", outstanding: 1024 } as const;
    await play(running, { load: closed, size, seconds: heatUpSeconds, warmUpSeconds: 0 });
    const rows: FanOutRow[] = [];
    for (const work of worksOf(fanOut)) {
      for (const subscribers of fanOut.subscribers) {
        bench.step(`kibitzer: ${subscribers} subscribers, ${work.load.kind}`);
        rows.push(await follow(running, work, subscribers));
      }
    }
    return rows;
  });
}

function worksOf({ entriesPerSecond, seconds, bulkEntries }: FanOutPlan): readonly Work[] {
  const stamped = { size, isStamped: true };
  const steady = { kind: "rate", entriesPerSecond } as const;
  return [
    { ...stamped, load: steady, seconds, warmUpSeconds: 1 },
    // Not warmed up: all that is published is delivered to everybody.
    { ...stamped, load: bulk, seconds: patienceSeconds, warmUpSeconds: 0, entries: bulkEntries },
  ];
}

async function follow(running: Running, work: Work, subscribers: number): Promise<FanOutRow> {
  const { endpoints } = running;
  const pids = running.pids();
  let published: Measured | undefined;
  let cpuBefore = 0;
  const { rate, entries, delays, ...clients } = await whileFollowed(
    { endpoints, subscribers },
    async () => {
      cpuBefore = cpuSeconds(pids);
      published = await play(running, work);
      const publisher = await kibitzer.connect(endpoints);
      await publisher.publish(endEntry());
      await publisher.close();
    },
  );
  const per10k = 10_000 / entries;
  return {
    load: work.load.kind === "bulk" ? "bulk" : "steady",
    subscribers,
    published: published?.rate ?? 0,
    acknowledgedP50: published?.p50 ?? 0,
    delivered: rate,
    p50: delays.percentile(50),
    p99: delays.percentile(99),
    cpuPer10k: (cpuSeconds(pids) - cpuBefore) * per10k,
    clientsCpuPer10k: clients.cpuSeconds * per10k,
    rssMiB: Math.max(...residentMiBEach(pids)),
  };
}

async function play(running: Running, work: Work): Promise<Measured | undefined> {
  const task = { endpoints: running.endpoints, pids: running.pids(), works: [work] };
  const [measured] = await inClientProcess({ system: "kibitzer", ...task });
  return measured;
}
