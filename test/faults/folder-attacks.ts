/**
 * Attacks on data folders, as tired operators make them: deleted, rolled back, swapped, used by two
 * at once. The node must refuse by name, and the others go on.
 */
import assert from "node:assert/strict";
import { cpSync, rmSync, renameSync } from "node:fs";
import { join } from "node:path";
import type { Attack } from "./attack.ts";
import { flipBit, misplaceSector } from "./damage-at-rest.ts";
import type { Scene } from "./scene.ts";
import { segmentsOf } from "./segments.ts";

const entriesMeanwhile = 20;
/** Many rounds of pings, in which a node tells what it has voted. */
const reportedMs = 1000;
const idTaken = "KBZ_ID_TAKEN";

async function followers(scene: Scene): Promise<readonly [string, string]> {
  const [one, other] = scene.chance.shuffle(await scene.followers());
  assert(one !== undefined && other !== undefined, "there are two followers");
  return [one, other];
}

function dataOf(scene: Scene, id: string): string {
  return scene.cluster.node(id).data;
}

/** What a first start at this node's address says. */
async function joinArgs(scene: Scene, id: string): Promise<readonly string[]> {
  const { url } = scene.cluster.node(id);
  const peer = scene.cluster.node(await scene.leader()).url;
  return ["--id", id, "--listen", url, "--allow-insecure", "--join", peer];
}

export const folderAttacks: readonly Attack[] = [
  {
    name: "folder-deleted",
    faults: ["X5"],
    story: "A follower loses its folder and joins again under its id: refused until exiled.",
    async strike(scene) {
      const [lost] = await followers(scene);
      await scene.kill(lost);
      rmSync(dataOf(scene, lost), { recursive: true });
      await scene.refused(lost, idTaken, await joinArgs(scene, lost));
      await scene.load.more(entriesMeanwhile);
      await scene.replace(lost, "d");
    },
  },
  {
    name: "folder-rolled-back",
    faults: ["X6", "O8"],
    story: "A follower starts from an older copy of its folder: it must notice, and be replaced.",
    async strike(scene) {
      const [old, other] = await followers(scene);
      const data = dataOf(scene, old);
      await scene.kill(old);
      cpSync(data, `${data}.old`, { recursive: true });
      await scene.cluster.restart(old);
      // With the other follower away nothing is decided without votes that the copy knows not of.
      await scene.freezeWhile([other], async () => {
        await scene.load.more(entriesMeanwhile);
        await scene.pause(reportedMs);
      });
      await scene.kill(old);
      rmSync(data, { recursive: true });
      renameSync(`${data}.old`, data);
      await scene.refused(old, "KBZ_STALE_DISK");
      await scene.load.more(entriesMeanwhile);
      await scene.replace(old, "d");
    },
  },
  {
    name: "folders-swapped",
    faults: ["X8"],
    story: "A follower is to start on another's folder: refused; with its own it returns.",
    async strike(scene) {
      const [one, other] = await followers(scene);
      await Promise.all([one, other].map((id) => scene.kill(id)));
      const [left, right] = [dataOf(scene, one), dataOf(scene, other)];
      const swap = (): void => {
        renameSync(left, `${left}.swapped`);
        renameSync(right, left);
        renameSync(`${left}.swapped`, right);
      };
      swap();
      await scene.refused(one, "the node that lives in", ["--id", one]);
      swap();
      await Promise.all([one, other].map((id) => scene.cluster.restart(id)));
    },
  },
  {
    name: "folder-used-twice",
    faults: ["X9", "K22"],
    story: "A second process starts on the leader's folder: refused; a killed one's lock is not.",
    async strike(scene) {
      const leader = await scene.leader();
      const data = dataOf(scene, leader);
      const again = scene.kit.start(["start", "--data", data, "--json", "--allow-insecure"]);
      const exit = await again.ended();
      assert.deepEqual(exit, { code: 5, signal: null }, again.stderr);
      assert.match(again.stderr, /KBZ_IN_USE/);
      scene.fired("KBZ_IN_USE", 1);
      await scene.load.more(entriesMeanwhile);
      await scene.kill(leader);
      await scene.cluster.restart(leader);
    },
  },
  {
    name: "clone",
    faults: ["X9"],
    story: "A copy of a follower's folder is started beside it: one of the two must stop.",
    async strike(scene) {
      const [original] = await followers(scene);
      const data = dataOf(scene, original);
      await scene.kill(original);
      cpSync(data, `${data}.clone`, { recursive: true });
      await scene.cluster.restart(original);
      const { under = [] } = scene.cluster.node("d").process ?? {};
      const args = ["start", "--data", `${data}.clone`, "--json", "--allow-insecure"];
      const clone = scene.kit.start(args, { under });
      const child = scene.cluster.child(original);
      await Promise.race([clone.ended(), child.ended()]);
      const said = clone.stderr + child.stderr;
      assert.match(said, /KBZ_STALE_DISK|KBZ_ID_TAKEN|KBZ_ADDRESS/, "it says why it stopped");
      scene.fired("clones that ended", 1);
      await clone.kill();
      await scene.load.more(entriesMeanwhile);
      if (!scene.cluster.isRunning(original)) await scene.replace(original, "d");
    },
  },
  ...["promise-1", "promise-2", "journal/manifest", "node"].map((name): Attack => ({
    name: `flipped-bit-in-${name.replace("journal/", "")}`,
    faults: ["K5"],
    story: `One bit of a follower's ${name} flips while it is down.`,
    async strike(scene) {
      const [sick] = await followers(scene);
      await scene.kill(sick);
      flipBit(join(dataOf(scene, sick), name), scene.chance);
      scene.fired("flipped bits", 1);
      await servesOrIsReplaced(scene, sick);
    },
  })),
  {
    name: "flipped-bit-in-segment",
    faults: ["K5"],
    story: "One bit of a follower's oldest segment flips while it is down.",
    async strike(scene) {
      const [sick] = await followers(scene);
      await scene.kill(sick);
      flipBit(segmentsOf(dataOf(scene, sick)).first, scene.chance);
      scene.fired("flipped bits", 1);
      await servesOrIsReplaced(scene, sick);
    },
  },
  {
    name: "misplaced-sector",
    faults: ["K7"],
    story: "A sector of a follower's journal stands in another's place.",
    async strike(scene) {
      const [sick] = await followers(scene);
      await scene.kill(sick);
      misplaceSector(segmentsOf(dataOf(scene, sick)).last, scene.chance);
      scene.fired("misplaced sectors", 1);
      await servesOrIsReplaced(scene, sick);
    },
  },
  {
    name: "segment-deleted",
    faults: ["K16", "O13"],
    story: "A follower's oldest or newest segment is deleted while it is down.",
    async strike(scene) {
      const [sick] = await followers(scene);
      await scene.kill(sick);
      const { first, last } = segmentsOf(dataOf(scene, sick));
      rmSync(scene.chance.pick([first, last]));
      scene.fired("deleted files", 1);
      await servesOrIsReplaced(scene, sick);
    },
  },
  {
    name: "manifest-deleted",
    faults: ["K16", "O13"],
    story: "A follower's manifest is deleted while it is down.",
    async strike(scene) {
      const [sick] = await followers(scene);
      await scene.kill(sick);
      rmSync(join(dataOf(scene, sick), "journal", "manifest"));
      scene.fired("deleted files", 1);
      await servesOrIsReplaced(scene, sick);
    },
  },
  {
    name: "votes-deleted",
    faults: ["K16"],
    story: "Both copies of a follower's promise are deleted: it never votes again.",
    async strike(scene) {
      const [sick] = await followers(scene);
      await scene.kill(sick);
      for (const copy of ["promise-1", "promise-2"]) rmSync(join(dataOf(scene, sick), copy));
      scene.fired("deleted files", 2);
      await servesOrIsReplaced(scene, sick);
    },
  },
  {
    name: "majority-replaced",
    faults: ["O5", "X5"],
    story: "Two of three are killed and lost one after the other, each replaced by a new node.",
    async strike(scene) {
      for (const newcomer of ["d", "e"]) {
        const [lost] = scene.chance.shuffle(
          scene.survivors.filter((id) => id === "a" || id === "b" || id === "c"),
        );
        assert(lost !== undefined);
        await scene.kill(lost);
        rmSync(dataOf(scene, lost), { recursive: true });
        await scene.load.more(entriesMeanwhile);
        await scene.replace(lost, newcomer);
        await scene.load.more(entriesMeanwhile);
      }
    },
  },
];

/** Either it is well with what others have of it, or it refuses by name, and is replaced. */
export async function servesOrIsReplaced(
  scene: Scene,
  id: string,
  { newcomer = "d", codes = "KBZ_DAMAGED" }: { newcomer?: string; codes?: string } = {},
): Promise<void> {
  const child = scene.cluster.startNode(id);
  const ready = await child.untilEvent("ready").catch(() => null);
  if (ready !== null) return;
  assert.match(child.stderr, new RegExp(codes), "it says why it does not serve");
  await scene.load.more(entriesMeanwhile);
  await scene.replace(id, newcomer);
}
