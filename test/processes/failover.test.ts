/**
 * The leader dies, and is told to go, again and again; another serves, and who comes back is quiet.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Cluster } from "./cluster.ts";
import { measureFailover } from "./failover-probe.ts";
import { Kit } from "./kit.ts";

const strikes = { SIGKILL: 10, SIGTERM: 4 } as const;

for (const signal of ["SIGKILL", "SIGTERM"] as const) {
  test(`${signal} for the leader, ${strikes[signal]} times: writing goes on`, async (t) => {
    const kit = Kit.open(t);
    const cluster = await Cluster.start(kit);
    const gaps = await measureFailover(cluster, { strikes: strikes[signal], signal });
    assert.equal(gaps.length, strikes[signal]);
    for (const { before, after, gapMs } of gaps) {
      assert.notEqual(after, before, "another node leads");
      assert.ok(Number.isFinite(gapMs) && gapMs > 0);
    }
    const { decided } = await cluster.whole();
    const acknowledged = gaps.reduce((sum, { entries }) => sum + entries, 0);
    assert.equal(decided.index, acknowledged, "what was acknowledged, and nothing twice");
  });
}

test("a follower that comes back disturbs nobody: leader and ballot stay", async (t) => {
  const kit = Kit.open(t);
  const cluster = await Cluster.start(kit);
  const before = await cluster.whole();
  for (const signal of ["SIGKILL", "SIGTERM", "SIGKILL"] as const) {
    const follower = before.members.find(({ role }) => role === "member")?.id ?? "";
    await cluster.kill(follower, signal);
    const ran = await kit.run(["publish", "meanwhile", "--endpoints", cluster.endpoints]);
    assert.equal(ran.code, 0, ran.stderr);
    await cluster.restart(follower);
    const after = await cluster.whole();
    assert.deepEqual(after.ballot, before.ballot);
    assert.deepEqual(after.government, before.government);
  }
});
