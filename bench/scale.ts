/**
 * Whether an entry costs the same in a long log as in a short one, from many publishers as from
 * one, and what each further member costs.
 */
import { setTimeout as pause } from "node:timers/promises";
import { inClientProcess } from "./load/client-task.ts";
import type { Measured, Work } from "./load/load.ts";
import type { Bench } from "./loads.ts";
import { cpuSeconds, residentMiBEach } from "./processes.ts";
import type { ScaleRow } from "./result.ts";
import { whileRunning } from "./scratch.ts";
import { kibitzer, kibitzerWith, type Shape } from "./systems/kibitzer.ts";
import type { Running } from "./systems/system.ts";

const load = { kind: "closed", outstanding: 1024 } as const;
const size = 128;
/** For a stretch of the log to be written. */
const patienceSeconds = 600;
/** For each member. */
const heatUpSecondsEach = 1;

export async function measureScale(bench: Bench): Promise<readonly ScaleRow[]> {
  return [
    ...(await measureEntries(bench)),
    ...(await measurePublishers(bench)),
    ...(await measureMembers(bench)),
  ];
}

/** Stretches of one growing log, each as long as all before it times nine; not warmed up. */
async function measureEntries(bench: Bench): Promise<readonly ScaleRow[]> {
  const { entries } = bench.plan.scale;
  return await whileRunning(kibitzer, bench.port, async (running) => {
    const works = entries.map((end, at): Work => {
      const stretch = end - (entries[at - 1] ?? 0);
      return { load, size, seconds: patienceSeconds, warmUpSeconds: 0, entries: stretch };
    });
    const rows: ScaleRow[] = [];
    bench.step(`kibitzer: a log of ${entries[0]} entries`);
    await play(running, { works }, (measured, at) => {
      rows.push(rowOf({ of: "entries", count: entries[at] ?? 0 }, measured, running));
      bench.step(`kibitzer: a log of ${entries[at + 1] ?? entries[at]} entries`);
    });
    return rows;
  });
}

/** On one cluster; the first time is for warmth, too. */
async function measurePublishers(bench: Bench): Promise<readonly ScaleRow[]> {
  const { scale, heatUpSeconds } = bench.plan;
  return await whileRunning(kibitzer, bench.port, async (running) => {
    const rows: ScaleRow[] = [];
    let warmUpSeconds = heatUpSeconds;
    for (const count of scale.publishers) {
      bench.step(`kibitzer: ${count} publishers`);
      const works = [{ load, size, seconds: scale.seconds, warmUpSeconds }];
      await play(running, { works, publishers: count }, (measured) => {
        rows.push(rowOf({ of: "publishers", count }, measured, running));
      });
      ({ warmUpSeconds } = scale);
    }
    return rows;
  });
}

/** Warmed up for longer the more there are: they share the processors. */
async function measureMembers(bench: Bench): Promise<readonly ScaleRow[]> {
  const { seconds, shapes, idleSeconds } = bench.plan.scale;
  const rows: ScaleRow[] = [];
  for (const shape of shapes) {
    bench.step(`kibitzer: ${textOf(shape)}`);
    await whileRunning(kibitzerWith([], shape), bench.port, async (running) => {
      const { members, seats } = shape;
      const idleCores = await coresUsed(running.pids(), idleSeconds);
      const works = [{ load, size, seconds, warmUpSeconds: members * heatUpSecondsEach }];
      const what = { of: "members", count: members, seats, idleCores } as const;
      await play(running, { works }, (measured) => rows.push(rowOf(what, measured, running)));
    });
  }
  return rows;
}

async function coresUsed(pids: readonly number[], seconds: number): Promise<number> {
  const before = cpuSeconds(pids);
  await pause(seconds * 1000);
  return (cpuSeconds(pids) - before) / seconds;
}

function textOf({ members, seats }: Shape): string {
  return `${members} members, ${seats} with a seat`;
}

async function play(
  running: Running,
  what: { readonly works: readonly Work[]; readonly publishers?: number },
  told: (measured: Measured, at: number) => void,
): Promise<void> {
  const { endpoints } = running;
  await inClientProcess({ system: "kibitzer", endpoints, pids: running.pids(), ...what }, told);
}

function rowOf(
  what: Pick<ScaleRow, "of" | "count" | "seats" | "idleCores">,
  measured: Measured,
  running: Running,
): ScaleRow {
  const held = residentMiBEach(running.pids());
  return { ...what, ...measured, rssMiBAll: held.reduce((sum, each) => sum + each, 0) };
}
