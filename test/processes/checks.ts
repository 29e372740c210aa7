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
    kit.ask(["tail", ...where]),
    kit.ask(["tail", "--json", ...where]),
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
  const ran = await cluster.kit.ask(["replay", `${cluster.node(id).data}/recording`, "--json"]);
  assert.equal(ran.code, 0, `the recording of ${id} replays: ${ran.stderr}`);
  const result = JSON.parse(ran.lines.at(-1) ?? "");
  assert.ok(result.envelopes > 0, "a recording holds envelopes");
  return result;
}

/**
 * Stops an idle cluster, followers first; each recording must then end in the very state that a
 * living node told. A slow computer may elect once more meanwhile, which decides an entry of its
 * own: of a slot that nobody was asked about, the recordings must tell the same.
 * @param cut The nodes that were killed in the midst of a recording: theirs is not complete.
 */
export async function stopAndReplay(cluster: Cluster, cut: readonly string[] = []): Promise<void> {
  const { members } = await cluster.whole();
  const told = new Map(members.map(({ hash }) => [hash.slot, hash.value]));
  const leaders = members.filter(({ role }) => role === "leader");
  const leaderLast = [...members.filter(({ role }) => role !== "leader"), ...leaders];
  for (const { id } of leaderLast) {
    for (const { hash } of (await cluster.status(id)).members) told.set(hash.slot, hash.value);
    const exit = await cluster.kill(id, "SIGTERM");
    assert.deepEqual(exit, { code: 0, signal: null }, `${id}: ${cluster.child(id).stderr}`);
  }
  for (const { id, hash } of members) {
    const result = await checkReplay(cluster, id);
    assert.ok(result.slot >= hash.slot, `the recording of ${id} goes as far as it told`);
    const expected = told.get(result.slot) ?? result.hash;
    told.set(result.slot, expected);
    assert.equal(result.hash, expected, `the recording of ${id} at slot ${result.slot}`);
    assert.equal(result.complete, !cut.includes(id), `whether the recording of ${id} is whole`);
  }
}
