/** Attacks on clocks: off by years, jumping, running too fast or too slow. */
import assert from "node:assert/strict";
import { KibitzerClient } from "../../src/client.ts";
import type { Attack } from "./attack.ts";
import type { Scene } from "./scene.ts";

const daySeconds = 86_400;
const entriesMeanwhile = 20;
const layout = { clocks: "wall" } as const;

/** How many entries carry a time that is off by more than an hour: the clock was really moved. */
async function countMistimed(scene: Scene): Promise<number> {
  await using client = await KibitzerClient.connect([scene.cluster.node(await scene.leader()).url]);
  let count = 0;
  for await (const { when } of client.entries({ follow: false })) {
    if (Math.abs(when - Date.now()) > 3_600_000) count += 1;
  }
  return count;
}

export const clockAttacks: readonly Attack[] = [
  {
    name: "clocks-drift",
    faults: ["T2", "T6"],
    story: "All time of one node passes twice as fast, of another half as fast, waits included.",
    layout: { clocks: "all" },
    async strike(scene) {
      const begin = Date.now();
      const [slow, fast] = scene.chance.shuffle(scene.survivors);
      assert(slow !== undefined && fast !== undefined);
      // From the start of a process on: changed under way, its time would fall.
      for (const [id, rate] of [
        [slow, 0.5],
        [fast, 2],
      ] as const) {
        await scene.kill(id);
        scene.clock(id).jump(0, rate);
        await scene.load.more(entriesMeanwhile);
        await scene.cluster.restart(id);
      }
      await scene.load.more(entriesMeanwhile);
      await scene.kill(await scene.leader());
      await scene.load.more(entriesMeanwhile);
      await scene.allRunning();
      scene.fired("milliseconds of drift", Math.round((Date.now() - begin) / 2));
    },
  },
  {
    name: "clock-jumps",
    faults: ["T3"],
    story: "The leader's wall clock jumps a day ahead, two back, and home, then a follower's.",
    layout,
    async strike(scene) {
      for (const id of [await scene.leader(), ...(await scene.followers())]) {
        for (const seconds of [daySeconds, -daySeconds, 0]) {
          scene.clock(id).jump(seconds);
          await scene.load.more(entriesMeanwhile / 2);
        }
      }
      scene.fired("entries with a wrong time", await countMistimed(scene));
    },
  },
  {
    name: "clocks-apart",
    faults: ["T1", "T2"],
    story: "Clocks are years apart and run at unlike speeds, through a change of leader.",
    layout,
    async strike(scene) {
      for (const [position, id] of scene.survivors.entries()) {
        scene.clock(id).jump((position - 1) * 700 * daySeconds, 0.5 + position / 2);
      }
      await scene.load.more(entriesMeanwhile);
      const leader = await scene.leader();
      await scene.kill(leader);
      await scene.load.more(entriesMeanwhile);
      await scene.cluster.restart(leader);
      scene.fired("entries with a wrong time", await countMistimed(scene));
    },
  },
];
