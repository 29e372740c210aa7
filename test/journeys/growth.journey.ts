/** Nodes join a cluster that is busy: two more get seats, and one only follows the log. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Status } from "../../src/api.ts";
import { checkLogs } from "../processes/checks.ts";
import { Cluster } from "../processes/cluster.ts";
import { Feed, upTo } from "../processes/feed.ts";
import { eventually, Kit } from "../processes/kit.ts";

test("P5 under load a fourth and fifth node get seats, a sixth follows the log", async (t) => {
  const kit = Kit.open(t);
  const cluster = await Cluster.start(kit, { count: 6, started: 3 });
  const endless = upTo(1_000_000).map((number) => `line ${number}`);
  const feed = new Feed(kit, cluster.endpoints, endless, { windowLines: 16 });
  await feed.untilAcknowledged(100);
  await Promise.all(["d", "e"].map(async (id) => await cluster.join(id).untilEvent("ready")));
  const seated = await eventually("five seats", async () => {
    const { government } = await cluster.status("e");
    return government.parliament.length === 5 ? government : null;
  });
  assert.deepEqual(seated.parliament.toSorted(), ["a", "b", "c", "d", "e"]);
  await cluster.join("f").untilEvent("ready");
  const lines = endless.slice(0, feed.stop());
  assert.deepEqual(await feed.ended(), upTo(lines.length), "each line once, in order");

  await cluster.whole();
  await checkLogs(cluster, Buffer.from(lines.map((line) => `${line}\n`).join("")));
  const { government, members, decided } = await statusAtOneSlot(cluster, "f");
  assert.deepEqual(government.parliament.toSorted(), ["a", "b", "c", "d", "e"]);
  assert.deepEqual(government.constituents, ["f"]);
  assert.equal(members.length, 6);
  assert.equal(decided.index, lines.length);
  const sixth = members.find(({ id }) => id === "f");
  assert.equal(sixth?.role, "constituent");
  for (const { id, applied, reachable, hash } of members) {
    assert.equal(reachable, true, id);
    assert.equal(applied.index, lines.length, id);
    assert.deepEqual(hash, { slot: decided.slot, value: sixth.hash.value }, id);
  }
});

/** What this node prints as soon as all are reached and told of one slot, one after the other. */
async function statusAtOneSlot(cluster: Cluster, asked: string): Promise<Status> {
  return await eventually("a status of one slot", async () => {
    const where = ["--endpoints", cluster.node(asked).url];
    const ran = await cluster.kit.ask(["status", "--json", ...where]);
    assert.equal(ran.code, 0, ran.stderr);
    const status: Status = JSON.parse(ran.lines[0] ?? "");
    const { members, decided } = status;
    const isOne = members.every(({ reachable, hash }) => reachable && hash.slot === decided.slot);
    return isOne ? status : null;
  });
}
