/** Jobs that run once a tick, at one real node. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { Kibitzer } from "../../src/index.ts";
import { Kv, KvMachine, KvRunCoordinator, type KvLock, type KvLog } from "../../src/kv/index.ts";
import { decodeCommand } from "../../src/kv/kv-command.ts";

async function openMap(t: TestContext): Promise<{ node: Kibitzer; kv: Kv }> {
  const directory = mkdtempSync(join(tmpdir(), "kibitz-runs-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const node = await Kibitzer.open({
    id: "a",
    directory,
    listen: [`unix:${directory}/socket`],
    machine: new KvMachine(),
    record: false,
  });
  t.after(async () => await node.close());
  await node.bootstrap("jobs");
  return { node, kv: new Kv(node) };
}

const ttlMs = 60_000;

function tick(minute: number): Date {
  return new Date(Date.UTC(2026, 0, 1, 3, minute));
}

test("of many that claim a tick one gets it, and later an earlier one nobody", async (t) => {
  const { kv } = await openMap(t);
  const claims = Array.from({ length: 5 }, () => kv.once("job", tick(1), { ttlMs }));
  const got = await Promise.all(
    claims.map(async (claim) => {
      const run = await claim;
      await run?.release();
      return run !== null;
    }),
  );
  assert.equal(got.filter((isGiven) => isGiven).length, 1);
  const next = await kv.once("job", tick(3), { ttlMs });
  assert.ok(next !== null);
  await next.release();
  assert.equal(await kv.once("job", tick(2), { ttlMs }), null, "a later one was begun");
  const other = await kv.once("other job", tick(2), { ttlMs });
  assert.ok(other !== null, "another job has ticks of its own");
  await other.release();
});

test("runs of one job do not overlap, and the fence of an earlier one is refused", async (t) => {
  const { kv } = await openMap(t);
  const first = await kv.once("job", tick(1), { ttlMs });
  assert.ok(first !== null);
  let isWaiting = true;
  const waiting = kv.once("job", tick(2), { ttlMs }).finally(() => (isWaiting = false));
  await kv.put("result", "of 1", { fence: first.fence });
  assert.equal(isWaiting, true);
  await first.release();
  const second = await waiting;
  assert.ok(second !== null && second.token > first.token);
  await assert.rejects(kv.put("result", "late", { fence: first.fence }), { code: "KBZ_CONFLICT" });
  await second.release();
});

test("who loses the lock before its tick is written down has not begun", async (t) => {
  const { node, kv } = await openMap(t);
  let stolen: KvLock | null = null;
  const log: KvLog = {
    query: async (question, options) => await node.query(question, options),
    publish: async (entry, options) => {
      assert.ok(entry instanceof Uint8Array);
      // It sleeps just before it writes its tick, until somebody else has run that one.
      if (decodeCommand(entry)?.kind === "set" && stolen === null) {
        await kv.delete("job");
        stolen = await kv.once("job", tick(1), { ttlMs });
        await stolen?.release();
      }
      return await node.publish(entry, options);
    },
  };
  assert.equal(await new Kv(log).once("job", tick(1), { ttlMs }), null);
  assert.ok(stolen !== null, "the other one has begun it");
  assert.equal(await kv.get("job"), null, "nobody holds the lock");
});

test("a coordinator for schedulers decides once a key, and lets the next run begin", async (t) => {
  const { node, kv } = await openMap(t);
  const here = new KvRunCoordinator(kv);
  const there = new KvRunCoordinator(new Kv(node));
  const key = `reports:nightly:${tick(1).toISOString()}`;
  assert.equal(await here.shouldRun(key, ttlMs), true);
  assert.equal(await there.shouldRun(key, ttlMs), false);
  const run = here.run(key);
  assert.equal(run?.name, "reports:nightly");
  await here.onComplete(key);
  assert.equal(run?.signal.aborted, true);
  assert.equal(here.run(key), null);
  const next = `reports:nightly:${tick(2).toISOString()}`;
  assert.equal(await there.shouldRun(next, ttlMs), true);
  await there.onComplete(next);
});

test("a run that outlasts the wait has the next left out; a lost one is forgotten", async (t) => {
  const { node, kv } = await openMap(t);
  const here = new KvRunCoordinator(kv);
  const there = new KvRunCoordinator(new Kv(node));
  const key = `job:${tick(1).toISOString()}`;
  assert.equal(await here.shouldRun(key, ttlMs), true);
  assert.equal(await there.shouldRun(`job:${tick(2).toISOString()}`, 1000), false);
  const run = here.run(key);
  assert.ok(run !== null);
  await run.release();
  assert.equal(here.run(key), null);
  await here.onComplete(key);
});

test("what is no tick is refused, and so is a last tick that is none", async (t) => {
  const { kv } = await openMap(t);
  const refused = { code: "KBZ_ARGUMENT", outcome: "none" };
  await assert.rejects(kv.once("job", new Date(Number.NaN), { ttlMs }), refused);
  await assert.rejects(kv.once("", tick(1), { ttlMs }), refused);
  await assert.rejects(kv.once("job", tick(1), { ttlMs: 1 }), refused);
  await assert.rejects(new KvRunCoordinator(kv).shouldRun("nightly", ttlMs), refused);
  await kv.put("job/tick", "soon");
  await assert.rejects(kv.once("job", tick(1), { ttlMs }), refused);
});
