/** Attacks on processes: killed, frozen, told to go, alone, together, again and again. */
import assert from "node:assert/strict";
import type { Attack } from "./attack.ts";
import type { Scene } from "./scene.ts";

/** Longer than an election takes. */
const freezeMs = 1500;
const killsOfLeader = 3;
const killsInRecovery = 4;

async function killAndRestart(scene: Scene, ids: readonly string[]): Promise<void> {
  await Promise.all(ids.map((id) => scene.kill(id)));
  await Promise.all(ids.map((id) => scene.cluster.restart(id)));
}

export const processAttacks: readonly Attack[] = [
  {
    name: "kill-leader",
    faults: ["X1"],
    story: "The leader is killed and restarted, three times.",
    async strike(scene) {
      for (let kill = 0; kill < killsOfLeader; kill += 1) {
        const leader = await scene.leader();
        await scene.kill(leader);
        await scene.load.more(20);
        await scene.cluster.restart(leader);
      }
    },
  },
  {
    name: "kill-majority",
    faults: ["X2"],
    story: "The leader and a follower are killed at once, and restarted.",
    async strike(scene) {
      const [follower] = await scene.followers();
      assert(follower !== undefined);
      await killAndRestart(scene, [await scene.leader(), follower]);
      await scene.load.more(20);
    },
  },
  {
    name: "kill-all",
    faults: ["X2"],
    story: "All nodes are killed at once, twice.",
    async strike(scene) {
      for (let round = 0; round < 2; round += 1) {
        await killAndRestart(scene, scene.survivors);
        await scene.load.more(20);
      }
    },
  },
  {
    name: "rolling-kills",
    faults: ["X2"],
    story: "One node after the other is killed, the next while the last one still starts.",
    async strike(scene) {
      for (const id of scene.chance.shuffle([...scene.survivors, ...scene.survivors])) {
        if (scene.cluster.isRunning(id)) await scene.kill(id);
        scene.cluster.startNode(id);
        await scene.pause(scene.chance.between(100, 400));
      }
      await scene.allRunning();
    },
  },
  {
    name: "crash-loop",
    faults: ["X10"],
    story: "A follower is killed in the midst of its start, again and again.",
    async strike(scene) {
      const [follower] = await scene.followers();
      assert(follower !== undefined);
      await scene.kill(follower);
      for (let kill = 0; kill < killsInRecovery; kill += 1) {
        scene.cluster.startNode(follower);
        await scene.pause(scene.chance.between(150, 600));
        await scene.kill(follower);
      }
      await scene.cluster.restart(follower);
    },
  },
  {
    name: "freeze-leader",
    faults: ["X3"],
    story: "The leader is stopped for longer than an election takes, then goes on.",
    async strike(scene) {
      for (let round = 0; round < 2; round += 1) {
        await scene.freeze([await scene.leader()], freezeMs);
        await scene.load.more(20);
      }
    },
  },
  {
    name: "freeze-followers",
    faults: ["X3"],
    story: "A follower, then both, are stopped for a while.",
    async strike(scene) {
      const followers = await scene.followers();
      await scene.freeze(followers.slice(0, 1), freezeMs);
      await scene.freeze(followers, freezeMs);
    },
  },
  {
    name: "freeze-in-turn",
    faults: ["X3"],
    story: "Each node in turn is stopped for a moment, shorter or longer than an election.",
    async strike(scene) {
      for (let round = 0; round < 2; round += 1) {
        for (const id of scene.chance.shuffle(scene.survivors)) {
          await scene.freeze([id], scene.chance.between(50, 800));
        }
      }
    },
  },
  {
    name: "terminate-leader",
    faults: ["X13"],
    story: "The leader is told to go under load, then another, which is told twice.",
    async strike(scene) {
      const first = await scene.leader();
      const exit = await scene.cluster.kill(first, "SIGTERM");
      assert.deepEqual(exit, { code: 0, signal: null }, "a leader that is told to go ends well");
      await scene.load.more(20);
      const second = await scene.leader();
      const child = scene.cluster.child(second);
      child.signal("SIGTERM");
      child.signal("SIGTERM");
      await child.ended();
      scene.fired("told to go", 2);
      await Promise.all([first, second].map((id) => scene.cluster.restart(id)));
    },
  },
];
