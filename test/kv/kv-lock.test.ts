/** Locks of the map where something goes wrong, at one real node. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { Kibitzer } from "../../src/index.ts";
import { Kv, KvMachine, type KvLog } from "../../src/kv/index.ts";
import { decodeCommand } from "../../src/kv/kv-command.ts";
import { kvLimits } from "../../src/kv/kv-limits.ts";

async function openNode(t: TestContext): Promise<Kibitzer> {
  const directory = mkdtempSync(join(tmpdir(), "kibitz-lock-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const node = await Kibitzer.open({
    id: "a",
    directory,
    listen: [`unix:${directory}/socket`],
    machine: new KvMachine(),
    record: false,
  });
  t.after(async () => await node.close());
  await node.bootstrap("locks");
  return node;
}

const ttlMs = 60_000;

async function pass(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}

test("who waits for a lock that was made long ago writes nothing until it is free", async (t) => {
  const node = await openNode(t);
  const kv = new Kv(node);
  const held = await kv.lock("job", { ttlMs });
  const value = new Uint8Array(kvLimits.valueBytesMax);
  const compact = async (): Promise<void> => {
    for (let bytes = 0; bytes <= kvLimits.eventsBytesMax; bytes += value.length) {
      await kv.put("big", value);
    }
  };
  await compact();
  const waiting = new Kv(node).lock("job", { ttlMs });
  await pass(100);
  const { index } = await node.barrier();
  await pass(200);
  assert.equal((await node.barrier()).index, index);
  // The watch of who waits goes on behind all of that.
  await compact();
  await held.release();
  const taken = await waiting;
  assert.ok(taken.token > held.token);
  await taken.release();
});

test("what is written into a lock leaves it with its holder, and with its lease", async (t) => {
  const node = await openNode(t);
  const kv = new Kv(node);
  const held = await kv.lock("job", { ttlMs: 500 });
  await kv.put("job", "half done", { fence: held.fence });
  const { isSet } = await kv.cas("job", (await kv.get("job"))?.revision ?? 0, "by hand");
  assert.ok(isSet);
  const record = await kv.get("job");
  assert.deepEqual([record?.created, (await kv.lease(record?.lease ?? 0))?.keys], [held.token, 1]);
  await held.release();
  const fenced = { code: "KBZ_CONFLICT", outcome: "none" };
  await assert.rejects(kv.put("work", "late", { fence: held.fence }), fenced);
  const next = await kv.lock("job", { ttlMs, signal: AbortSignal.timeout(5000) });
  await next.release();
});

test("a lock whose key goes with no lease any more is released all the same", async (t) => {
  const node = await openNode(t);
  const kv = new Kv(node);
  for (const lease of [0, (await kv.grant(ttlMs)).lease]) {
    const held = await kv.lock("job", { ttlMs });
    await kv.put("job", "on purpose", { lease });
    await held.release();
    assert.equal(await kv.get("job"), null);
  }
});

test("a release that failed is done when it is asked for again, and only then over", async (t) => {
  const node = await openNode(t);
  let failing = 0;
  const log: KvLog = {
    query: async (question, options) => await node.query(question, options),
    publish: async (entry, options) => {
      failing -= 1;
      if (failing === 0) throw new Error("lost");
      return await node.publish(entry, options);
    },
  };
  const kv = new Kv(log);
  for (const at of [1, 2]) {
    const held = await kv.lock("job", { ttlMs });
    const { lease = 0 } = (await kv.get("job")) ?? {};
    failing = at;
    await assert.rejects(held.release(), { message: "lost" });
    assert.equal(held.signal.aborted, true);
    await held.release();
    assert.deepEqual([await kv.get("job"), await kv.lease(lease)], [null, null]);
    const { index } = await node.barrier();
    await held.release();
    assert.equal((await node.barrier()).index, index, "it is over");
  }
});

test("a sign of life that hangs is given up with the lock", async (t) => {
  const node = await openNode(t);
  const asked = Promise.withResolvers<AbortSignal | undefined>();
  const log: KvLog = {
    query: async (question, options) => await node.query(question, options),
    publish: async (entry, options) => {
      assert.ok(entry instanceof Uint8Array);
      if (decodeCommand(entry)?.kind !== "keepAlive") return await node.publish(entry, options);
      asked.resolve(options?.signal);
      return await new Promise(() => {});
    },
  };
  const held = await new Kv(log).lock("job", { ttlMs: 600 });
  const signal = await asked.promise;
  assert.equal(signal?.aborted, false);
  await held.release();
  assert.equal(signal?.aborted, true);
});
