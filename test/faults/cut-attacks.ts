/**
 * Attacks on the network by packet filters: links cut in both directions or one, whole groups
 * apart, and the partial cuts that known protocols do not survive.
 */
import assert from "node:assert/strict";
import type { Attack } from "./attack.ts";
import { ownAddress } from "./network.ts";
import type { Scene } from "./scene.ts";

/** Longer than an election takes. */
const cutMs = 2000;
const entriesMeanwhile = 20;

/** Takes the cuts away, and says that packets were lost by them. */
async function mend(scene: Scene): Promise<void> {
  scene.fired("packets dropped", await droppedSince(scene));
  await scene.network.heal();
}

async function droppedSince(scene: Scene): Promise<number> {
  const before = scene.firedCounts.get("packets dropped") ?? 0;
  return (await scene.network.dropped()) - before;
}

async function cutBoth(scene: Scene, one: string, other: string): Promise<void> {
  await scene.network.cutBoth(scene.host(one), scene.host(other));
}

async function isolate(scene: Scene, id: string): Promise<void> {
  for (const other of scene.survivors) if (other !== id) await cutBoth(scene, id, other);
}

/** A leader and followers, the leader first. */
async function seats(scene: Scene): Promise<readonly [string, ...string[]]> {
  return [await scene.leader(), ...(await scene.followers())];
}

export const cutAttacks: readonly Attack[] = [
  {
    name: "isolate-leader",
    faults: ["N6"],
    story: "The leader is cut off from all nodes, but not from clients; then the next leader.",
    async strike(scene) {
      for (let round = 0; round < 2; round += 1) {
        await isolate(scene, await scene.leader());
        await scene.load.more(entriesMeanwhile);
        await scene.pause(cutMs);
        await mend(scene);
        await scene.load.more(entriesMeanwhile);
      }
    },
  },
  {
    name: "isolate-all",
    faults: ["N6"],
    story: "Every link between nodes is cut.",
    async strike(scene) {
      for (const id of scene.survivors.slice(0, 2)) await isolate(scene, id);
      await scene.pause(cutMs);
      await mend(scene);
    },
  },
  {
    name: "leader-cannot-send",
    faults: ["N5"],
    story: "What the leader sends does not arrive; what is sent to it does.",
    async strike(scene) {
      const [leader, ...followers] = await seats(scene);
      for (const to of followers) {
        await scene.network.cut({ from: scene.host(leader), to: scene.host(to) });
      }
      await scene.load.more(entriesMeanwhile);
      await scene.pause(cutMs);
      await mend(scene);
    },
  },
  {
    name: "leader-cannot-receive",
    faults: ["N5"],
    story: "What is sent to the leader does not arrive; what it sends does.",
    async strike(scene) {
      const [leader, ...followers] = await seats(scene);
      for (const from of followers) {
        await scene.network.cut({ from: scene.host(from), to: scene.host(leader) });
      }
      await scene.load.more(entriesMeanwhile);
      await scene.pause(cutMs);
      await mend(scene);
    },
  },
  {
    name: "leader-deaf-at-its-port",
    faults: ["N5", "N18"],
    story: "Nothing arrives at the leader's port; the connections that it dialled itself work.",
    async strike(scene) {
      const [leader, ...followers] = await seats(scene);
      for (const from of followers) {
        await scene.network.cut({ from: scene.host(from), to: scene.host(leader), port: 7700 });
      }
      await scene.load.more(entriesMeanwhile);
      await scene.pause(cutMs);
      await mend(scene);
    },
  },
  {
    name: "chained",
    faults: ["N9"],
    story: "The link between the leader and one follower is cut; the other sees both.",
    async strike(scene) {
      const [leader, follower] = await seats(scene);
      assert(follower !== undefined);
      await cutBoth(scene, leader, follower);
      await scene.load.more(entriesMeanwhile);
      await scene.pause(cutMs);
      await scene.load.more(entriesMeanwhile);
      await mend(scene);
    },
  },
  {
    name: "quorum-loss",
    faults: ["N7"],
    story: "Of five, only one sees a majority, and it does not lead: it must take over.",
    layout: { count: 5 },
    async strike(scene) {
      const [leader, hub, ...others] = await seats(scene);
      assert(hub !== undefined && others.length === 3);
      const rim = [leader, ...others];
      for (const [position, one] of rim.entries()) {
        for (const other of rim.slice(position + 1)) await cutBoth(scene, one, other);
      }
      await scene.load.more(entriesMeanwhile);
      await mend(scene);
    },
  },
  {
    name: "constrained-election",
    faults: ["N8"],
    story: "Of five, the leader is alone, and only one of the others sees a majority.",
    layout: { count: 5 },
    async strike(scene) {
      const [leader, hub, ...others] = await seats(scene);
      assert(hub !== undefined && others.length === 3);
      await isolate(scene, leader);
      for (const [position, one] of others.entries()) {
        for (const other of others.slice(position + 1)) await cutBoth(scene, one, other);
      }
      await scene.load.more(entriesMeanwhile);
      await mend(scene);
    },
  },
  {
    name: "flapping-link",
    faults: ["N16"],
    story: "The link between leader and follower comes and goes, in turns of half a second.",
    async strike(scene) {
      const [leader, follower] = await seats(scene);
      assert(follower !== undefined);
      for (let turn = 0; turn < 4; turn += 1) {
        await cutBoth(scene, leader, follower);
        await scene.pause(scene.chance.between(200, 700));
        await mend(scene);
        await scene.pause(scene.chance.between(200, 700));
      }
    },
  },
  {
    name: "clients-cut-from-leader",
    faults: ["N15"],
    story: "Requests of clients do not arrive at the leader, then its followers, in turn.",
    async strike(scene) {
      for (const id of await seats(scene)) {
        await scene.network.cut({ from: ownAddress, to: scene.host(id) });
        await scene.load.more(entriesMeanwhile);
        await mend(scene);
      }
    },
  },
];
