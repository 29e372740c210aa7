/** What must hold of a cluster whatever happened to it; asks through the command line only. */
import assert from "node:assert/strict";
import type { Cluster } from "./cluster.ts";
import { upTo } from "./feed.ts";

/** Every node prints these bytes, with the indexes from 1 on. */
export async function checkLogs(cluster: Cluster, bytes: Buffer): Promise<void> {
  await Promise.all(cluster.ids.map(async (id) => await checkLog(cluster, id, bytes)));
}

async function checkLog(cluster: Cluster, id: string, bytes: Buffer): Promise<void> {
  const { kit } = cluster;
  const where = ["--endpoints", cluster.node(id).url];
  const [raw, json] = await Promise.all([
    kit.run(["tail", ...where]),
    kit.run(["tail", "--json", ...where]),
  ]);
  assert.equal(raw.code, 0, raw.stderr);
  assert.ok(raw.stdout.equals(bytes), `node ${id} gives the log byte for byte`);
  const entries = json.lines.map((line) => JSON.parse(line));
  const indexes = entries.map(({ index }) => index);
  assert.deepEqual(indexes, upTo(entries.length), `node ${id} numbers the entries from 1 on`);
  const texts = entries.map(({ text }) => `${text}\n`).join("");
  assert.ok(Buffer.from(texts).equals(bytes), `node ${id} gives the same as JSON`);
}

export interface Replayed {
  readonly envelopes: number;
  readonly hash: string;
  readonly slot: number;
  readonly complete: boolean;
}

/** The recording of a stopped node replays; returns what it ends with. */
export async function checkReplay(cluster: Cluster, id: string): Promise<Replayed> {
  const ran = await cluster.kit.run(["replay", `${cluster.node(id).data}/recording`, "--json"]);
  assert.equal(ran.code, 0, `the recording of ${id} replays: ${ran.stderr}`);
  const result = JSON.parse(ran.lines.at(-1) ?? "");
  assert.ok(result.envelopes > 0, "a recording holds envelopes");
  return result;
}

/**
 * Stops an idle cluster, followers first, so that nothing is decided any more; each recording must
 * then end in the very state that the living node told.
 * @param cut The nodes that were killed in the midst of a recording: theirs is not complete.
 */
export async function stopAndReplay(cluster: Cluster, cut: readonly string[] = []): Promise<void> {
  const { members } = await cluster.whole();
  const leaders = members.filter(({ role }) => role === "leader");
  const leaderLast = [...members.filter(({ role }) => role !== "leader"), ...leaders];
  for (const { id } of leaderLast) {
    const exit = await cluster.kill(id, "SIGTERM");
    assert.deepEqual(exit, { code: 0, signal: null }, `${id}: ${cluster.child(id).stderr}`);
  }
  await Promise.all(
    members.map(async ({ id, hash }) => {
      const result = await checkReplay(cluster, id);
      assert.deepEqual({ slot: result.slot, value: result.hash }, hash, `the recording of ${id}`);
      assert.equal(result.complete, !cut.includes(id), `whether the recording of ${id} is whole`);
    }),
  );
}
