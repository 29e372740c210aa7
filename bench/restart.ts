/** A node of a cluster with a long log starts again, after it was stopped, and after `kill -9`. */
import { inClientProcess } from "./load/client-task.ts";
import type { Bench } from "./loads.ts";
import type { RestartRow } from "./result.ts";
import { inScratch } from "./scratch.ts";
import { median } from "./statistics.ts";
import { KibitzerCluster, type RestartTimes } from "./systems/kibitzer.ts";

const load = { kind: "bulk", outstanding: 8, entriesEach: 1000 } as const;
/** For the log to be written. */
const patienceSeconds = 300;
const ways = ["SIGTERM", "SIGKILL"] as const;

export async function measureRestarts(bench: Bench): Promise<readonly RestartRow[]> {
  return await inScratch(bench.port, async (where) => {
    const cluster = new KibitzerCluster(where);
    try {
      const rows: RestartRow[] = [];
      let entries = 0;
      for (const way of ways) {
        await cluster.whole();
        entries += await lengthen(cluster, bench);
        rows.push({ entries, way, ...summaryOf(await restartEach(cluster, way, bench)) });
      }
      return rows;
    } finally {
      await cluster.stop();
    }
  });
}

/** Before each way: a node that starts a second time has less to read than the first time. */
async function lengthen(cluster: KibitzerCluster, bench: Bench): Promise<number> {
  const entries = bench.plan.restartEntries;
  bench.step(`kibitzer: a log that grows by ${entries} entries`);
  const works = [{ load, size: 128, seconds: patienceSeconds, warmUpSeconds: 0, entries }];
  const { endpoints } = cluster;
  await inClientProcess({ system: "kibitzer", endpoints, pids: cluster.pids(), works });
  return entries;
}

/** One after the other, each once the others are whole. */
async function restartEach(
  cluster: KibitzerCluster,
  way: RestartRow["way"],
  bench: Bench,
): Promise<readonly RestartTimes[]> {
  const times: RestartTimes[] = [];
  for (const at of cluster.endpoints.keys()) {
    bench.step(`kibitzer: a restart after ${way}`);
    await cluster.whole();
    times.push(await cluster.timedRestart(at, way));
  }
  return times;
}

function summaryOf(times: readonly RestartTimes[]): Omit<RestartRow, "entries" | "way"> {
  const listening = times.map(({ listeningMs }) => listeningMs);
  const ready = times.map(({ readyMs }) => readyMs);
  return {
    count: times.length,
    listeningMs: median(listening),
    listeningWorstMs: Math.max(...listening),
    readyMs: median(ready),
    readyWorstMs: Math.max(...ready),
  };
}
