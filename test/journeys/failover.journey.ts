/**
 * The leader dies, and is told to go, again and again; another serves, and who comes back is quiet.
 */
import assert from "node:assert/strict";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import type { Status } from "../../src/api.ts";
import { Cluster } from "../processes/cluster.ts";
import { measureFailover } from "../processes/failover-probe.ts";
import { Kit } from "../processes/kit.ts";

const strikes = { SIGKILL: 5, SIGTERM: 3 } as const;

test("the leader is struck again and again: writing goes on", async (t) => {
  const cluster = await Cluster.start(Kit.open(t));
  let acknowledged = 0;
  for (const signal of ["SIGKILL", "SIGTERM"] as const) {
    await t.test(`by ${signal}, ${strikes[signal]} times`, async () => {
      const gaps = await measureFailover(cluster, { strikes: strikes[signal], signal });
      assert.equal(gaps.length, strikes[signal]);
      for (const { before, after, gapMs } of gaps) {
        assert.notEqual(after, before, "another node leads");
        assert.ok(Number.isFinite(gapMs) && gapMs > 0);
      }
      const { decided } = await cluster.whole();
      acknowledged += gaps.reduce((sum, { entries }) => sum + entries, 0);
      assert.equal(decided.index, acknowledged, "what was acknowledged, and nothing twice");
    });
  }
});

/** A node that gets no processor for so long may be taken for silent: a quarter of 400 ms. */
const stallMs = 100;
const returnsMax = 12;

test("a follower that comes back disturbs nobody: leader and ballot stay", async (t) => {
  const kit = Kit.open(t);
  const cluster = await Cluster.start(kit);
  const signals = ["SIGKILL", "SIGTERM", "SIGKILL"] as const;
  let returns = 0;
  for (let tries = 0; returns < signals.length; tries += 1) {
    assert.ok(tries < returnsMax, `only ${returns} returns on a computer that stood still`);
    const { members } = await cluster.whole();
    const follower = members.find(({ role }) => role === "member")?.id ?? "";
    await cluster.kill(follower, signals[returns]);
    const ran = await kit.ask(["publish", "meanwhile", "--endpoints", cluster.endpoints]);
    assert.equal(ran.code, 0, ran.stderr);
    const other = members.find(({ id }) => id !== follower)?.id ?? "";
    const before = await cluster.status(other);
    const lag = monitorEventLoopDelay({ resolution: 10 });
    lag.enable();
    await cluster.restart(follower);
    const after = await cluster.whole();
    lag.disable();
    // Who stands still looks dead, which says nothing of who came back: that one is tried again.
    const hasStood = lag.max > stallMs * 1e6;
    if (hasStood && !isSame(before, after)) continue;
    assert.deepEqual(after.ballot, before.ballot);
    assert.deepEqual(after.government, before.government);
    returns += 1;
  }
});

function isSame(before: Status, after: Status): boolean {
  return isDeepStrictEqual([before.ballot, before.government], [after.ballot, after.government]);
}
