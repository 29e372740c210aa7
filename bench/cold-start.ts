/** From the start of three processes on empty directories to the first acknowledged write. */
import { setTimeout as pause } from "node:timers/promises";
import type { Bench } from "./loads.ts";
import type { Times } from "./result.ts";
import { inScratch } from "./scratch.ts";
import { median } from "./statistics.ts";
import type { Publisher, System } from "./systems/system.ts";

const retryMs = 5;

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
      if (system.isWholeFirst === true) await running.whole();
      const publisher = await connectSoon(system, running.endpoints);
      await publisher.publish(new Uint8Array(128));
      const elapsed = performance.now() - begun;
      await publisher.close();
      return elapsed;
    } finally {
      await running.stop();
    }
  });
}

async function connectSoon(system: System, endpoints: readonly string[]): Promise<Publisher> {
  for (;;) {
    try {
      return await system.connect(endpoints);
    } catch {
      await pause(retryMs);
    }
  }
}
