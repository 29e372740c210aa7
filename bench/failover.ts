/** From `kill -9` of the leader to the acknowledgement of the next write. */
import type { Bench } from "./loads.ts";
import type { Times } from "./result.ts";
import { whileRunning } from "./scratch.ts";
import { median } from "./statistics.ts";
import type { Killing, Running, System } from "./systems/system.ts";

const entriesBefore = 20;

export async function measureFailovers(bench: Bench): Promise<readonly Times[]> {
  const all: Times[] = [];
  for (const system of bench.systems) {
    const times = await whileRunning(system, bench.port, async (running) => {
      const { killing } = running;
      if (killing === undefined) return [];
      const gaps: number[] = [];
      while (gaps.length < bench.plan.kills) {
        bench.step(`${system.name}: kill -9 of the leader, ${gaps.length + 1}`);
        gaps.push(await strike(system, running, killing));
      }
      return gaps;
    });
    if (times.length === 0) continue;
    const worstMs = Math.max(...times);
    all.push({ system: system.name, count: times.length, medianMs: median(times), worstMs });
  }
  return all;
}

async function strike(system: System, running: Running, killing: Killing): Promise<number> {
  const leader = await killing.leader();
  // At another node: a client of the leader also has to find that its connection is gone.
  const others = running.endpoints.filter((_, at) => at !== leader);
  const publisher = await system.connect(others);
  const entry = new Uint8Array(128);
  for (let count = 0; count < entriesBefore; count += 1) await publisher.publish(entry);
  const gone = killing.kill(leader);
  const struck = performance.now();
  await publisher.publish(entry);
  const elapsed = performance.now() - struck;
  await publisher.close();
  await gone;
  await killing.restart(leader);
  return elapsed;
}
