/**
 * Attacks on disks: calls of the system that fail, lie or take their time, disks that are full or
 * read-only, and the loss of power.
 */
import assert from "node:assert/strict";
import { closeSync, existsSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { KibitzerClient } from "../../src/client.ts";
import type { Attack } from "./attack.ts";
import { flipBit } from "./damage-at-rest.ts";
import { eventually } from "../processes/kit.ts";
import { segmentsOf } from "./segments.ts";
import { cutPower } from "./power-cut.ts";
import type { Scene } from "./scene.ts";
import type { Strace } from "../processes/strace.ts";
import { servesOrIsReplaced } from "./folder-attacks.ts";

const entriesMeanwhile = 20;
const floodEntries = 4000;
const floodMs = 180_000;
const powerCuts = 2;
/** Many rounds of pings, in which a node tells what it has voted. */
const reportedMs = 1000;
/** So long after space is there again a node, and all clients, are served as usual. */
const healthyMs = 5000;
const syncs = "fsync,fdatasync";

/** The follower that attacks on one node strike: a minority. */
async function someFollower(scene: Scene): Promise<string> {
  const [follower] = scene.chance.shuffle(await scene.followers());
  assert(follower !== undefined, "there is a follower");
  return follower;
}

/** One that keeps nothing of its log so far in memory, as it was just started. */
async function followerThatReads(scene: Scene): Promise<string> {
  const follower = await someFollower(scene);
  await scene.kill(follower);
  await scene.cluster.restart(follower);
  return follower;
}

/** The node ends by itself and says why. */
async function stops(scene: Scene, id: string): Promise<void> {
  const child = scene.cluster.child(id);
  const exit = await child.ended();
  assert.deepEqual(exit, { code: 1, signal: null }, child.stderr);
  assert.match(child.stderr, /KBZ_JOURNAL_FAILED/, "it says why it stopped");
}

/** The same; then it is started again. */
async function stopsAndReturns(scene: Scene, id: string, cure: () => Promise<void>): Promise<void> {
  await stops(scene, id);
  await scene.load.more(entriesMeanwhile);
  await cure();
  await scene.cluster.restart(id);
}

async function noCure(): Promise<void> {
  await Promise.resolve();
}

/** The next sync fails, with none in between that is really done: the process stands still. */
async function takeTurns(scene: Scene, id: string, lying: Strace): Promise<Strace> {
  const child = scene.cluster.child(id);
  child.signal("SIGSTOP");
  await lying.detach();
  const failing = await scene.inject(id, { inject: `${syncs}:error=EIO:when=1` });
  child.signal("SIGCONT");
  return failing;
}

/** Goes on with the copy of a dead node's disk; says how much of its log is gone with that. */
async function losePages(scene: Scene, id: string): Promise<void> {
  const { last } = segmentsOf(scene.cluster.node(id).data);
  const before = readFileSync(last);
  await scene.image(id).useCopy();
  const after = existsSync(last) ? readFileSync(last) : Buffer.alloc(0);
  scene.fired("bytes gone", before.filter((byte, at) => byte !== after[at]).length);
}

export const diskAttacks: readonly Attack[] = [
  {
    name: "sync-fails-once",
    faults: ["K13"],
    story: "One sync of the leader says EIO, the next ones say ok: it must stop, by name.",
    layout: { hasOneFileThread: true },
    async strike(scene) {
      const leader = await scene.leader();
      const inject = `${syncs}:error=EIO:when=1`;
      const strace = await scene.inject(leader, { inject });
      await stopsAndReturns(scene, leader, noCure);
      scene.fired("EIO", strace.fired);
    },
  },
  {
    name: "sync-fails-late",
    faults: ["K14"],
    story: "Syncs of a follower say ok, one later EIO, and what they wrote is gone from its disk.",
    layout: { hasOneFileThread: true, disk: "image" },
    losesRecordings: true,
    async strike(scene) {
      const follower = await someFollower(scene);
      const others = (await scene.followers()).filter((id) => id !== follower);
      const lying = await scene.inject(follower, { inject: `${syncs}:retval=0` });
      // Nothing is decided without its voice meanwhile; and the leader has time to hear of that.
      await scene.freezeWhile(others, async () => {
        await scene.load.more(entriesMeanwhile);
        await scene.pause(reportedMs);
      });
      await lying.untilFired(2);
      // What the disk really holds; a sync under way is carried out when nobody lies in its place.
      await scene.image(follower).copy();
      const failing = await takeTurns(scene, follower, lying);
      await stops(scene, follower);
      scene.fired("syncs not done", lying.fired);
      scene.fired("EIO", failing.fired);
      await losePages(scene, follower);
      await scene.load.more(entriesMeanwhile);
      await servesOrIsReplaced(scene, follower, { codes: "KBZ_STALE_DISK|KBZ_DAMAGED" });
    },
  },
  {
    name: "syncs-stall",
    faults: ["K19"],
    story: "Each sync of the leader takes 0.3 s longer, then one of a follower takes 2 s.",
    async strike(scene) {
      const leader = await scene.leader();
      const slow = await scene.inject(leader, { inject: `${syncs}:delay_enter=300000` });
      await scene.load.more(entriesMeanwhile);
      await slow.untilFired(2);
      await slow.detach();
      scene.fired("slow syncs", slow.fired);
      const follower = await someFollower(scene);
      const stall = `${syncs}:delay_enter=2000000:when=1`;
      const stalled = await scene.inject(follower, { inject: stall });
      await scene.load.more(entriesMeanwhile);
      await stalled.untilFired(1);
      await stalled.detach();
      scene.fired("stalls", stalled.fired);
    },
  },
  {
    name: "no-space-once",
    faults: ["K15"],
    story: "A write of a follower's journal says ENOSPC: it must stop, by name.",
    layout: { hasOneFileThread: true },
    async strike(scene) {
      const follower = await someFollower(scene);
      const inject = "write,pwrite64,pwritev:error=ENOSPC:when=1";
      const strace = await scene.inject(follower, {
        inject,
        path: segmentsOf(scene.cluster.node(follower).data).last,
      });
      await stopsAndReturns(scene, follower, noCure);
      scene.fired("ENOSPC", strace.fired);
    },
  },
  {
    name: "lost-writes",
    faults: ["K8"],
    story: "Writes of a follower's journal say ok and are not done: its log must not be believed.",
    layout: { hasOneFileThread: true },
    async strike(scene) {
      const follower = await someFollower(scene);
      // One sector is said to be written, and the rest is asked for again: that is lost, too.
      const inject = "pwrite64:retval=512:when=2..9";
      const strace = await scene.inject(follower, {
        inject,
        path: segmentsOf(scene.cluster.node(follower).data).last,
      });
      await scene.load.more(5 * entriesMeanwhile);
      await strace.detach();
      scene.fired("lost writes", strace.fired);
      if (scene.cluster.isRunning(follower)) await scene.kill(follower);
      await servesOrIsReplaced(scene, follower, { codes: "KBZ_STALE_DISK|KBZ_DAMAGED" });
    },
  },
  {
    name: "damaged-reads",
    faults: ["K5", "K9"],
    story: "What a follower reads of its journal is damaged on the way: no client may see it.",
    async strike(scene) {
      const follower = await followerThatReads(scene);
      const { url } = scene.cluster.node(follower);
      const inject = "pread64:poke_exit=@arg2=58585858";
      const strace = await scene.inject(follower, { inject });
      const given = await readAll(url);
      for (const text of given) assert.doesNotMatch(text, /X/, "no damaged entry is given");
      await strace.detach();
      scene.fired("damaged reads", strace.fired);
      if (scene.cluster.isRunning(follower)) return;
      await scene.cluster.restart(follower);
    },
  },
  {
    name: "reads-fail",
    faults: ["K12"],
    story: "Reads of a follower's journal say EIO: no client may get a hole for it.",
    async strike(scene) {
      const follower = await followerThatReads(scene);
      const strace = await scene.inject(follower, { inject: "pread64:error=EIO" });
      const given = await readAll(scene.cluster.node(follower).url);
      assert.equal(new Set(given).size, given.length, "what is given is given once");
      await strace.detach();
      scene.fired("EIO", strace.fired);
      if (!scene.cluster.isRunning(follower)) await scene.cluster.restart(follower);
    },
  },
  {
    name: "disk-full",
    faults: ["K15"],
    story:
      "A follower's disk, then the leader's, fills up: all goes on, and they return by themselves.",
    layout: { disk: "small" },
    async strike(scene) {
      for (const id of [await someFollower(scene), await scene.leader()]) {
        const filled = fillDisk(scene, id);
        await eventually(`${id} has no room`, async () => filled.isNoticed() || null);
        await scene.load.more(entriesMeanwhile);
        assert.notEqual(await scene.leader(), id, "whoever has no room does not lead");
        const begin = performance.now();
        filled.free();
        await eventually(`${id} has room`, async () => filled.hasRoom() || null, healthyMs);
        const ms = Math.ceil(performance.now() - begin);
        scene.fired("milliseconds until there was room", ms);
        await scene.load.more(entriesMeanwhile);
      }
    },
  },
  {
    name: "disks-full",
    faults: ["K15"],
    story:
      "All disks fill up: publishing is refused, reads go on, and with space all serves again.",
    layout: { disk: "small" },
    async strike(scene) {
      const filled = scene.survivors.map((id) => fillDisk(scene, id));
      // Once a majority has no room nothing is written by which another one would notice.
      await eventually("a majority has no room", async () => {
        return filled.filter((each) => each.isNoticed()).length > filled.length / 2 || null;
      });
      await using client = await KibitzerClient.connect(
        scene.survivors.map((id) => scene.cluster.node(id).url),
      );
      await assert.rejects(client.publish("in vain"), { code: "KBZ_DISK_FULL", outcome: "none" });
      const { index } = await client.barrier();
      assert.ok(index > 0, "what is there can be read");
      for (const each of filled) each.free();
      const begin = performance.now();
      await scene.load.more(entriesMeanwhile, healthyMs);
      const ms = Math.ceil(performance.now() - begin);
      scene.fired("milliseconds until clients were served again", ms);
    },
  },
  {
    name: "read-only",
    faults: ["K18"],
    story: "A follower's file system is read-only when it starts: it must refuse, by name.",
    layout: { disk: "image" },
    async strike(scene) {
      const follower = await someFollower(scene);
      const image = scene.image(follower);
      await scene.kill(follower);
      await image.makeReadOnly();
      await scene.refused(follower, "a directory to read and write");
      await scene.load.more(entriesMeanwhile);
      await image.makeWritable();
      await scene.cluster.restart(follower);
    },
  },
  {
    name: "power-cut",
    faults: ["K1", "K2", "X2"],
    story: "All lose power at one moment, twice: what was not synced is gone.",
    layout: { disk: "image" },
    losesRecordings: true,
    async strike(scene) {
      for (let cut = 0; cut < powerCuts; cut += 1) {
        await scene.load.more(entriesMeanwhile);
        await scene.pause(scene.chance.between(0, 50));
        await cutPower(scene, scene.survivors);
        await Promise.all(scene.survivors.map((id) => scene.cluster.restart(id)));
      }
    },
  },
  {
    name: "power-cut-and-flipped-bit",
    faults: ["K1", "K5", "X2"],
    story:
      "All lose power, and one bit flips in a minority's journal: it must be repaired, or refuse.",
    layout: { disk: "image" },
    losesRecordings: true,
    async strike(scene) {
      await scene.load.more(2 * entriesMeanwhile);
      const sick = await someFollower(scene);
      await cutPower(scene, scene.survivors);
      flipBit(segmentsOf(scene.cluster.node(sick).data).last, scene.chance);
      scene.fired("flipped bits", 1);
      const well = scene.survivors.filter((id) => id !== sick);
      await Promise.all(well.map((id) => scene.cluster.restart(id)));
      await servesOrIsReplaced(scene, sick);
      await scene.load.more(entriesMeanwhile);
    },
  },
  {
    name: "power-cuts-in-a-flood",
    faults: ["K1", "K2", "K5", "V3", "X2"],
    story: "Clients publish all they can; all lose power, and a minority's log flips a bit, twice.",
    layout: { disk: "image" },
    losesRecordings: true,
    async strike(scene) {
      scene.load.flood();
      for (const newcomer of ["d", "e"]) {
        await scene.load.more(floodEntries, floodMs);
        const sick = await someFollower(scene);
        const well = scene.survivors.filter((id) => id !== sick);
        await cutPower(scene, scene.survivors);
        flipBit(segmentsOf(scene.cluster.node(sick).data).last, scene.chance);
        scene.fired("flipped bits", 1);
        await Promise.all(well.map((id) => scene.cluster.restart(id)));
        await servesOrIsReplaced(scene, sick, { newcomer });
      }
      await scene.load.more(floodEntries, floodMs);
    },
  },
];

const readMs = 4000;

/** What this node gives of its log; a reading that fails ends there. */
async function readAll(url: string): Promise<readonly string[]> {
  await using client = await KibitzerClient.connect([url]);
  const texts: string[] = [];
  try {
    const signal = AbortSignal.timeout(readMs);
    for await (const entry of client.entries({ follow: false, signal })) texts.push(entry.text());
  } catch {
    // It was noticed: that is what is wanted. What was given before that counts.
  }
  return texts;
}

interface Filled {
  /** Whether the node has said that it has no room, and that it has some again. */
  isNoticed(): boolean;
  hasRoom(): boolean;
  free(): void;
}

/** Fills the disk of a node, which must run on. */
function fillDisk(scene: Scene, id: string): Filled {
  const filler = join(scene.cluster.node(id).data, "..", "filler");
  const child = scene.cluster.child(id);
  const told = (event: string): number => child.stderr.split(`"event":"${event}"`).length;
  const [full, roomy] = [told("noRoom"), told("room")];
  fill(filler);
  scene.fired("full disks", 1);
  return {
    isNoticed: () => told("noRoom") > full,
    hasRoom: () => told("room") > roomy,
    free() {
      assert.ok(scene.cluster.isRunning(id), "a full disk ends no node");
      rmSync(filler);
    },
  };
}

/** Writes until there is no space. */
function fill(path: string): void {
  const chunk = Buffer.alloc(64 * 1024, 1);
  const file = openSync(path, "w");
  try {
    for (let size = chunk.length; size > 0;) {
      try {
        writeSync(file, chunk, 0, size);
      } catch {
        size = size > 512 ? size / 2 : 0;
      }
    }
  } finally {
    closeSync(file);
  }
}
