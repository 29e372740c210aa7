/** The worst day of a republic whose log was cut: what is left of it goes on, and others join. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { calmSwarm } from "./swarm/calm-swarm.ts";
import { Simulation } from "./simulation.ts";

const workload = { ...calmSwarm.workload, publishesPerSecond: 40, bytesMax: 300, burstMax: 5 };
const machine = { operationChance: 0.5, readsPerSecond: 2, wayward: [] };
const snapshots = { bytes: 2000, slots: 10, retainBytes: 0 };
const swarm = { ...calmSwarm, segmentBytes: 8192, workload, machine, snapshots };

test("a survivor goes on from its oldest snapshot, and others join with a later one", async () => {
  for (const seed of [2]) {
    const simulation = new Simulation(seed, { swarm: { ...swarm, worstDay: "recover" } });
    const report = await simulation.run(4);
    assert.equal(report.failure, null, report.failure?.stack);
    assert.equal(report.marks.get("worstDay.truncated"), 1, `seed ${seed}`);
  }
});

test("a backup of a log that was cut becomes a new republic", async () => {
  for (const seed of [2, 3]) {
    const simulation = new Simulation(seed, { swarm: { ...swarm, worstDay: "restore" } });
    const report = await simulation.run(4);
    assert.equal(report.failure, null, report.failure?.stack);
    assert.equal(report.marks.get("worstDay.restoredCut"), 1, `seed ${seed}`);
  }
});
