/** What recording takes from a node under load, and how fast its recordings replay. */
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { KibitzerClient, replayRecording } from "../src/index.ts";
import { inClientProcess } from "./load/client-task.ts";
import type { Work } from "./load/load.ts";
import type { Bench } from "./loads.ts";
import type { RecordingCost, ReplayRow } from "./result.ts";
import { inScratch, whileRunning } from "./scratch.ts";
import { median } from "./statistics.ts";
import { kibitzer, kibitzerWith } from "./systems/kibitzer.ts";
import type { Running, System } from "./systems/system.ts";

const load = { size: 128, load: { kind: "closed", outstanding: 1024 } } as const;
const quietEntryMs = 200;
const nodeRecorded = "b";

export async function measureRecording(bench: Bench): Promise<RecordingCost> {
  const on: number[] = [];
  const off: number[] = [];
  for (let round = 0; round < bench.plan.rounds; round += 1) {
    bench.step("kibitzer: with and without recording");
    on.push(await rate(bench, kibitzer));
    off.push(await rate(bench, kibitzerWith(["--no-record"])));
  }
  return { on: median(on), off: median(off), cost: 1 - median(on) / median(off) };
}

async function rate(bench: Bench, system: System): Promise<number> {
  return await whileRunning(system, bench.port, async (running) => {
    const [measured] = await inClientProcess(taskOf(running, bench.plan));
    return measured?.rate ?? 0;
  });
}

function taskOf(
  running: Running,
  { seconds, warmUpSeconds }: Pick<Work, "seconds" | "warmUpSeconds">,
): Parameters<typeof inClientProcess>[0] {
  const works = [{ ...load, seconds, warmUpSeconds }];
  return { system: "kibitzer", endpoints: running.endpoints, pids: running.pids(), works };
}

export async function measureReplay(bench: Bench): Promise<readonly ReplayRow[]> {
  const { recordSeconds } = bench.plan;
  bench.step("kibitzer: a recording under load, and its replay");
  const busy = await recordAndReplay(bench, "under load", async (running) => {
    await inClientProcess(taskOf(running, { seconds: recordSeconds, warmUpSeconds: 0 }));
  });
  bench.step("kibitzer: a quiet recording, and its replay");
  const quiet = await recordAndReplay(bench, "quiet", async ({ endpoints }) => {
    await using client = await KibitzerClient.connect(endpoints);
    const until = performance.now() + recordSeconds * 1000;
    while (performance.now() < until) {
      await client.publish("a quiet entry");
      await pause(quietEntryMs);
    }
  });
  return [busy, quiet];
}

async function recordAndReplay(
  bench: Bench,
  recording: ReplayRow["recording"],
  use: (running: Running) => Promise<void>,
): Promise<ReplayRow> {
  return await inScratch(bench.port, async (where) => {
    const begun = performance.now();
    const running = kibitzer.launch(where);
    try {
      await running.whole();
      await use(running);
    } finally {
      await running.stop();
    }
    const recordedSeconds = (performance.now() - begun) / 1000;
    const replayed = await replayTimed(join(where.directory, nodeRecorded));
    const { entries, replaySeconds } = replayed;
    return {
      recording,
      ...replayed,
      recordedSeconds,
      entriesPerSecond: entries / replaySeconds,
      timesRealTime: recordedSeconds / replaySeconds,
    };
  });
}

/** Entries count from the first checkpoint that the recording still has. */
async function replayTimed(
  directory: string,
): Promise<Pick<ReplayRow, "entries" | "envelopes" | "replaySeconds">> {
  let first: number | null = null;
  let last = 0;
  const begun = performance.now();
  const { envelopes } = await replayRecording(directory, {
    onStep: (_, __, { legislator }) => {
      last = legislator.republic.index;
      first ??= last;
    },
  });
  const replaySeconds = (performance.now() - begun) / 1000;
  return { entries: last - (first ?? 0), envelopes, replaySeconds };
}
