/**
 * Promises to operators that take no more than disks that fill up or stall: each is kept by itself.
 * Ids are those of the promises to operators.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Kibitzer } from "../src/kibitzer.ts";
import { calmSwarm } from "./swarm/calm-swarm.ts";
import type { Submission } from "./checkers/durability.ts";
import type { SimulatedNode } from "./cluster.ts";
import { calmDisk } from "./disk/disk.ts";
import { Simulation, type Stage } from "./simulation.ts";
import { second } from "./simulator.ts";

/** How soon a node is well again once its disk is. */
const healedMax = 5 * second;
const settledMax = 30 * second;
/** A refusal takes no time at all: who asked again at once would ask a million times. */
const retryAfter = second / 100;
const minute = 60 * second;
const entryBytes = 2000;

async function play(script: (stage: Stage) => Promise<void>): Promise<void> {
  const timing = { pingMs: 50, silenceMs: 400, stallMs: 2000 };
  const report = await new Simulation(1, { swarm: { ...calmSwarm, timing } }).perform(
    async (stage) => {
      await stage.simulator.run(stage.simulator.now + 2 * second);
      await script(stage);
    },
  );
  assert.equal(report.failure?.message, undefined);
}

function running(node: SimulatedNode | undefined): Kibitzer {
  const kibitzer = node?.kibitzer ?? null;
  assert.ok(kibitzer !== null, "it runs");
  return kibitzer;
}

function fill(nodes: readonly SimulatedNode[]): void {
  for (const { disk } of nodes) disk.capacity = disk.bytesUsed();
}

function free(nodes: readonly SimulatedNode[]): void {
  for (const { disk } of nodes) disk.capacity = Number.MAX_SAFE_INTEGER;
}

/** Publishes there, and waits for what becomes of it. */
async function publish(
  { simulator, clients }: Stage,
  node: SimulatedNode | undefined,
): Promise<Submission["outcome"]> {
  const submission = node === undefined ? null : clients.publish(node, entryBytes);
  assert.ok(submission !== null, "it runs");
  await simulator.run(simulator.now + settledMax, () => submission.outcome !== "waiting");
  return submission.outcome;
}

/** Who leads, as most nodes know. */
async function leader({ simulator, cluster }: Stage): Promise<SimulatedNode> {
  const statuses = cluster.nodes.map(async (node) => await running(node).status());
  const leaders = (await simulator.complete(Promise.all(statuses), second)).map(
    ({ government }) => government.leader,
  );
  const found = cluster.nodes.find(
    ({ id }) => leaders.filter((leader) => leader === id).length > 1,
  );
  assert.ok(found !== undefined, "somebody leads");
  return found;
}

/** Each has what was decided and takes an entry, soon. */
async function allServe(stage: Stage): Promise<void> {
  const { simulator, cluster } = stage;
  const end = simulator.now + healedMax;
  for (const node of cluster.nodes) {
    while ((await publish(stage, node)) !== "acknowledged") {
      assert.ok(simulator.now < end, `${node.id} serves again in time`);
      await simulator.run(simulator.now + retryAfter);
    }
    await simulator.complete(running(node).barrier(), end - simulator.now);
  }
}

test("P1 a full disk heals itself", async () => {
  await play(async (stage) => {
    const { simulator, cluster } = stage;
    const { nodes } = cluster;
    const lives = nodes.map((node) => node.lives);
    for (const full of nodes) {
      fill([full]);
      for (let count = 0; count < 30; count += 1) {
        const node = nodes.find((other) => other !== full);
        assert.equal(await publish(stage, node), "acknowledged", "one of three is not felt");
      }
      free([full]);
      await allServe(stage);
    }
    fill(nodes);
    let outcome: Submission["outcome"] = "acknowledged";
    for (let count = 0; count < 300 && outcome === "acknowledged"; count += 1) {
      outcome = await publish(stage, nodes[count % nodes.length]);
    }
    assert.equal(outcome, "none", "a definite refusal");
    // Who has not what was decided cannot show it before it has room; the leader can.
    await simulator.complete(running(await leader(stage)).barrier(), healedMax);
    free(nodes);
    await allServe(stage);
    assert.deepEqual(
      nodes.map((node) => node.lives),
      lives,
      "no restart was needed",
    );
  });
});

test("P2 a slow disk gives up leadership", async () => {
  await play(async (stage) => {
    const { simulator, cluster } = stage;
    const { nodes } = cluster;
    const slow = await leader(stage);
    const [other] = nodes.filter((node) => node !== slow);
    const before = await simulator.complete(running(other).status(), second);
    slow.disk.faults = { ...calmDisk, stallChance: 1, stallMicros: { min: minute, max: minute } };
    for (let count = 0; count < 100; count += 1) {
      assert.equal(await publish(stage, other), "acknowledged");
      await simulator.run(simulator.now + second / 10);
    }
    const after = await simulator.complete(running(other).status(), second);
    assert.notEqual(after.government.leader, slow.id, "a node leads whose disk is well");
    assert.equal(after.ballot.round, before.ballot.round + 1, "leadership changes once");
    slow.disk.faults = calmDisk;
    await simulator.run(simulator.now + minute);
    await allServe(stage);
  });
});
