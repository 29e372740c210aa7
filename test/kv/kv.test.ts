/** The key–value map at real nodes in one process, embedded and through clients. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { Kibitzer, KibitzerClient } from "../../src/index.ts";
import { Kv, KvMachine, type KvEvent } from "../../src/kv/index.ts";

async function republic(t: TestContext, ids = ["a", "b"]): Promise<readonly Kibitzer[]> {
  const directory = mkdtempSync(join(tmpdir(), "kibitz-kv-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const nodes: Kibitzer[] = [];
  for (const id of ids) {
    const node = await Kibitzer.open({
      id,
      directory: join(directory, id),
      listen: [`unix:${directory}/${id}.socket`],
      machine: new KvMachine(),
      record: false,
    });
    t.after(async () => await node.close());
    if (nodes[0] === undefined) await node.bootstrap("kv");
    else await node.join(null, nodes[0].url);
    nodes.push(node);
  }
  return nodes;
}

const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString();

test("what is put is got anywhere; compare-and-set tells what is there", async (t) => {
  const [a, b] = await republic(t);
  assert.ok(a !== undefined && b !== undefined);
  await using client = await KibitzerClient.connect([b.url]);
  const embedded = new Kv(a);
  const remote = new Kv(client);

  const { revision } = await embedded.put("colour", "red");
  const got = await remote.get("colour");
  assert.deepEqual([text(got?.value), got?.revision, got?.created], ["red", revision, revision]);
  assert.equal(await remote.get("nothing"), null);

  assert.deepEqual(await remote.cas("colour", 0, "blue"), { isSet: false, revision });
  const swapped = await remote.cas("colour", revision, "blue");
  assert.equal(swapped.isSet, true);
  assert.equal(text((await embedded.get("colour"))?.value), "blue");
  const conflict = { code: "KBZ_CONFLICT", outcome: "none" };
  await assert.rejects(embedded.delete("colour", { expected: revision }), conflict);
  assert.deepEqual(await embedded.delete("colour"), { revision: swapped.revision });
  assert.deepEqual(await remote.delete("colour"), { revision: 0 });
});

const has = (options: Readonly<Record<string, unknown>>): never => options as never;

test("a slip in an option is told, and nothing is done", async (t) => {
  const [a] = await republic(t, ["a"]);
  assert.ok(a !== undefined);
  const kv = new Kv(a);
  const slips: readonly (readonly [RegExp, () => Promise<unknown>])[] = [
    [/Option leese: .*"lease"/, async () => await kv.put("k", "v", has({ leese: 1 }))],
    [/Option expect: .*"expected"/, async () => await kv.delete("k", has({ expect: 1 }))],
    [/stale: wanted true or false/, async () => await kv.get("k", has({ stale: "no" }))],
    [/Option most: /, async () => await kv.list("", has({ most: 1 }))],
    [/Option ttl: wanted one of signal, ttlMs/, async () => await kv.lock("k", has({ ttl: 1000 }))],
    [/Option sinal: .*"signal"/, async () => await kv.grant(1000, has({ sinal: 1 }))],
  ];
  for (const [message, act] of slips) {
    await assert.rejects(act(), { code: "KBZ_ARGUMENT", outcome: "none", message });
  }
  assert.throws(() => kv.watch("k", has({ prefix: "k" })), { code: "KBZ_ARGUMENT" });
  assert.deepEqual((await kv.list()).records, []);
});

test("a list comes in order, page by page", async (t) => {
  const [a] = await republic(t, ["a"]);
  assert.ok(a !== undefined);
  const kv = new Kv(a);
  for (const key of ["b/2", "a", "b/10", "c", "b/"]) await kv.put(key, key);
  const all = await kv.list();
  assert.deepEqual(
    all.records.map(({ key }) => key),
    ["a", "b/", "b/10", "b/2", "c"],
  );
  const first = await kv.list("b/", { limit: 2 });
  assert.deepEqual([first.records.map(({ key }) => key), first.isMore], [["b/", "b/10"], true]);
  const second = await kv.list("b/", { after: "b/10" });
  assert.deepEqual([second.records.map(({ key }) => key), second.isMore], [["b/2"], false]);
});

test("a watch tells each change once, in order, and goes on after any of them", async (t) => {
  const [a, b] = await republic(t);
  assert.ok(a !== undefined && b !== undefined);
  await using client = await KibitzerClient.connect([b.url]);
  const kv = new Kv(a);
  const remote = new Kv(client);
  const { revision } = await kv.put("k/1", "one");
  await kv.put("other", "x");
  await kv.put("k/2", "two");
  const watched = remote.watch("k/", { prefix: true, from: revision });
  const told = await take(watched, 2);
  const next = take(watched, 2);
  await kv.delete("k/1");
  await kv.put("k/2", "three");
  told.push(...(await next));
  await watched.return();
  assert.deepEqual(
    told.map(({ kind, key, value }) => `${kind} ${key} ${text(value)}`),
    ["put k/1 one", "put k/2 two", "delete k/1 ", "put k/2 three"],
  );
  const again = remote.watch("k/", { prefix: true, after: told[1]?.number ?? 0 });
  assert.deepEqual(await take(again, 2), told.slice(2));
  const fresh = kv.watch("k/1");
  const first = take(fresh, 1);
  await new Promise((resolve) => setTimeout(resolve, 50));
  await kv.put("k/1", "new");
  assert.equal(text((await first)[0]?.value), "new");
});

async function take(events: AsyncGenerator<KvEvent>, count: number): Promise<KvEvent[]> {
  const told: KvEvent[] = [];
  while (told.length < count) {
    const next = await events.next();
    assert.ok(next.done !== true);
    told.push(next.value);
  }
  return told;
}

test("what goes with a lease goes when it ends, also where nothing else happens", async (t) => {
  const [a] = await republic(t, ["a"]);
  assert.ok(a !== undefined);
  const kv = new Kv(a);
  const { lease } = await kv.grant(300);
  const { revision } = await kv.put("here", "i am", { lease });
  const begun = performance.now();
  const gone = await take(kv.watch("here", { from: revision + 1 }), 1);
  assert.deepEqual([gone[0]?.kind, gone[0]?.key], ["expire", "here"]);
  assert.ok(performance.now() - begun >= 250, "not before its time");
  assert.equal(await kv.get("here"), null);
  assert.equal(await kv.lease(lease), null);
  await assert.rejects(kv.keepAlive(lease), { code: "KBZ_NOT_FOUND" });
  await assert.rejects(kv.put("here", "again", { lease }), { code: "KBZ_NOT_FOUND" });

  const other = await kv.grant(60_000);
  await kv.put("there", "too", { lease: other.lease });
  assert.deepEqual(await kv.keepAlive(other.lease), { ttlMs: 60_000 });
  assert.equal((await kv.lease(other.lease))?.keys, 1);
  assert.deepEqual(await kv.revoke(other.lease), { keys: 1 });
  assert.equal(await kv.get("there"), null);
});

test("P11 a stale lock holder is fenced off, and knows it", async (t) => {
  const [a, b] = await republic(t);
  assert.ok(a !== undefined && b !== undefined);
  const first = new Kv(a, { clock: pausedClock() });
  const second = new Kv(b);
  const held = await first.lock("leader", { ttlMs: 300, owner: "a" });
  const waiting = second.lock("leader", { ttlMs: 5000, owner: "b" });
  await first.put("work", "by a", { fence: held.fence });
  // Its holder sleeps from now on, and keeps nothing alive.
  await using taken = await waiting;
  assert.ok(taken.token > held.token);
  assert.equal(text((await second.get("leader"))?.value), "b");
  const fenced = { code: "KBZ_CONFLICT", outcome: "none" };
  await assert.rejects(first.put("work", "late", { fence: held.fence }), fenced);
  await second.put("work", "by b", { fence: taken.fence });
  await held.release();
  assert.equal(held.signal.aborted, true);
  assert.equal(taken.signal.aborted, false);
  assert.equal(text((await second.get("work"))?.value), "by b");
});

/** A clock whose timers never come, as in a process that stands still. */
function pausedClock(): {
  now(): number;
  wall(): number;
  after(): { cancel(): void };
  soon(): void;
} {
  return { now: () => 0, wall: () => 0, after: () => ({ cancel: () => {} }), soon: () => {} };
}

test("a lock is kept alive for as long as it is held", async (t) => {
  const [a] = await republic(t, ["a"]);
  assert.ok(a !== undefined);
  const kv = new Kv(a);
  const held = await kv.lock("job", { ttlMs: 600 });
  await new Promise((resolve) => setTimeout(resolve, 1300));
  assert.equal(held.signal.aborted, false);
  assert.equal((await kv.get("job"))?.created, held.token);
  await held.release();
  assert.equal(await kv.get("job"), null);
});

test("without a map nothing is written, and it is said what is missing", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "kibitz-kv-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const listen = [`unix:${directory}/socket`];
  await using node = await Kibitzer.open({ id: "a", directory, listen, record: false });
  await node.bootstrap("none");
  const kv = new Kv(node);
  await assert.rejects(kv.put("a", "b"), { code: "KBZ_MACHINE", outcome: "none" });
  assert.deepEqual(await node.publish("first"), { index: 1 });
  await assert.rejects(kv.put("", "b"), { code: "KBZ_ARGUMENT" });
  await assert.rejects(kv.put("a", new Uint8Array(2 ** 20)), { code: "KBZ_TOO_LARGE" });
  await assert.rejects(kv.grant(1), { code: "KBZ_ARGUMENT" });
});
