/**
 * The core under all faults of the simulation, by seed; sized to run with every change. Continuous
 * integration plays more.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { profileNames } from "./profiles.ts";
import { simulate } from "./simulation.ts";

const seeds = 20;

for (const profile of profileNames) {
  test(`${seeds} seeds of the ${profile} profile keep every invariant`, () => {
    let [slots, acknowledged, barriers] = [0, 0, 0];
    const counts = new Map<string, number>();
    for (let seed = 1; seed <= seeds; seed += 1) {
      const report = simulate({ seed, profile, trace: null });
      slots += report.slots;
      acknowledged += report.acknowledged;
      barriers += report.counts.get("barrier answered") ?? 0;
      for (const [what, count] of report.counts) counts.set(what, (counts.get(what) ?? 0) + count);
    }
    // It ran, and what it is for did happen.
    assert.ok(slots > 20 * seeds, `${slots} slots`);
    assert.ok(acknowledged > 10 * seeds, `${acknowledged} batches`);
    assert.ok(barriers > seeds, `${barriers} barriers`);
    for (const what of faultsOf[profile]) assert.ok((counts.get(what) ?? 0) > 0, `no ${what}`);
  });
}

test("a seed is a whole run", () => {
  const first = traceOf(7);
  assert.ok(first.length > 1000);
  assert.deepEqual(traceOf(7), first);
});

function traceOf(seed: number): string[] {
  const lines: string[] = [];
  simulate({ seed, profile: "membership", trace: (line) => lines.push(line) });
  return lines;
}

const faultsOf = {
  calm: ["accept", "handover in a calm"],
  lossy: ["pause", "hint", "transfer", "resynchronize", "refused"],
  crashy: ["crash", "crash all", "pause"],
  partitions: ["partition", "transfer", "refused"],
  membership: ["crash", "partition", "exile", "reseat", "move", "replaced", "halt exiled", "ahead"],
  replacements: [
    "crash",
    "exile",
    "exile while others are down",
    "replaced",
    "halt exiled",
    "ahead",
  ],
  churn: ["crash", "partition", "transfer", "resynchronize", "refused", "old disk", "other past"],
} as const;
