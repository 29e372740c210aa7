/** Locks of the map where something goes wrong, at one real node. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { Kibitzer } from "../../src/index.ts";
import { Kv, KvMachine } from "../../src/kv/index.ts";
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
