/**
 * Stories of a few commands, shrunk to the smallest that fails. Whatever happens, the nodes agree,
 * no acknowledged entry is lost or doubled, and each recording replays to the same state.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { SimulatedNode } from "./cluster.ts";
import { calmNetwork, type NetworkFaults } from "./network.ts";
import type { PowerLoss } from "./simulated-file.ts";
import { Simulation, type Stage } from "./simulation.ts";
import { millisecond, second } from "./simulator.ts";
import { calmSwarm, type Swarm } from "./swarm.ts";

type Command =
  | { readonly kind: "publish"; readonly node: number; readonly count: number }
  | { readonly kind: "wait"; readonly ms: number }
  | { readonly kind: "kill" | "lose power" | "start" | "close"; readonly node: number }
  | { readonly kind: "lose all power" | "heal" }
  | { readonly kind: "crash in storage"; readonly node: number; readonly calls: number }
  | { readonly kind: "pause"; readonly node: number; readonly ms: number }
  | { readonly kind: "sever" | "cut" | "clog"; readonly from: number; readonly to: number };

const node = fc.nat(4);
const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("publish"),
      node,
      count: fc.integer({ min: 1, max: 9 }),
    }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("wait"), ms: fc.nat(800) }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constantFrom("kill", "lose power", "close"), node }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("start"), node }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("lose all power", "heal") }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("crash in storage"), node, calls: fc.nat(12) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("pause"), node, ms: fc.nat(1500) }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constantFrom("sever", "cut", "clog"), from: node, to: node }),
  },
);

const power: PowerLoss = { survival: 0.5, torn: false, garbage: false };

function swarmOf(nodes: number, network: Partial<NetworkFaults>): Swarm {
  return { ...calmSwarm, nodes, network: { ...calmNetwork, ...network } };
}

async function carryOut(command: Command, { simulator, cluster, clients }: Stage): Promise<void> {
  const at = (position: number): SimulatedNode => cluster.nodes[position % cluster.nodes.length]!;
  switch (command.kind) {
    case "publish":
      for (let count = 0; count < command.count; count += 1) clients.publish(at(command.node));
      return;
    case "wait":
      await simulator.run(simulator.now + command.ms * millisecond);
      return;
    case "kill":
      cluster.crash(at(command.node), null);
      return;
    case "lose power":
      cluster.crash(at(command.node), power);
      return;
    case "lose all power":
      for (const each of cluster.nodes) cluster.crash(each, power);
      return;
    case "crash in storage": {
      const { disk } = at(command.node);
      const last = disk.operations + command.calls;
      disk.onOperation = (number) => {
        if (number <= last) return;
        disk.onOperation = null;
        cluster.crash(at(command.node), power);
      };
      return;
    }
    case "start":
      cluster.start(at(command.node));
      return;
    case "close": {
      const closing = at(command.node);
      const { life, kibitzer } = closing;
      if (kibitzer === null) return;
      // A crash on the way ends it as well, and then nobody hears of the closing.
      cluster.close(closing, "stop").catch((error: unknown) => simulator.fail(error));
      const isDown = (): boolean => closing.life !== life;
      assert.ok(await simulator.run(simulator.now + 30 * second, isDown), "L10: it closes");
      return;
    }
    case "pause":
      at(command.node).life?.pause(command.ms * millisecond);
      return;
    case "heal":
      cluster.network.healAll();
      return;
    case "sever":
    case "cut":
    case "clog": {
      const [one, other] = [at(command.from).id, at(command.to).id];
      if (one === other) return;
      if (command.kind === "sever") cluster.network.sever(one, other);
      else cluster.network.cut(one, other, command.kind === "cut" ? "drop" : "hold");
    }
  }
}

async function tell(nodes: number, network: Partial<NetworkFaults>, story: readonly Command[]) {
  const simulation = new Simulation(1, { swarm: swarmOf(nodes, network), supervised: false });
  const report = await simulation.perform(async (stage) => {
    stage.cluster.network.faults = simulation.swarm.network;
    for (const each of story) await carryOut(each, stage);
  });
  assert.equal(report.failure, null, report.failure?.message);
  assert.ok(report.replayed > 0 && report.acknowledged >= nodes);
}

for (const [what, nodes, network] of [
  ["three nodes", 3, {}],
  ["five nodes", 5, {}],
  [
    "three nodes on an unruly network",
    3,
    {
      delayMicros: { min: 500, max: 20_000 },
      lossChance: 0.03,
      duplicateChance: 0.1,
      duplicateMicros: { min: 0, max: second },
      reorder: true,
    },
  ],
] as const) {
  test(`${what} agree, lose nothing, do nothing twice and replay, in every story`, async () => {
    const story = fc.array(command, { minLength: 1, maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(story, async (commands) => await tell(nodes, network, commands)),
      { numRuns: nodes === 5 ? 15 : 40, seed: 20_261_121 },
    );
  });
}
