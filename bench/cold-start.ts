/** From the start of three processes on empty directories to the first acknowledged write. */
import type { Bench } from "./loads.ts";
import type { Times } from "./result.ts";
import { inScratch } from "./scratch.ts";
import { median } from "./statistics.ts";
import type { System } from "./systems/system.ts";

export async function measureColdStarts(bench: Bench): Promise<readonly Times[]> {
  const times = new Map<System, number[]>(bench.systems.map((system) => [system, []]));
  for (let count = 0; count < bench.plan.coldStarts; count += 1) {
    for (const [system, all] of times) {
      bench.step(`${system.name}: cold start`);
      all.push(await coldStart(system, bench.port));
    }
  }
  return [...times].map(([system, all]) => ({
    system: system.name,
    count: all.length,
    medianMs: median(all),
    worstMs: Math.max(...all),
  }));
}

async function coldStart(system: System, port: number): Promise<number> {
  return await inScratch(port, async (where) => {
    const begun = performance.now();
    const running = system.launch(where);
    try {
      // One of three may acknowledge before the others count.
      await running.whole();
      const publisher = await system.connect(running.endpoints);
      await publisher.publish(new Uint8Array(128));
      const elapsed = performance.now() - begun;
      await publisher.close();
      return elapsed;
    } finally {
      await running.stop();
    }
  });
}
