/**
 * Backups under which something goes away: the log, the snapshot, or the node that gives it. They
 * go on with the same bytes, or end with an error that says to begin again; never two are mixed.
 */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { KibitzerClient, verifyBackup, type Kibitzer } from "../../src/index.ts";
import { writeBackup } from "../../src/backup/backup-writing.ts";
import { requestCodec } from "../../src/codec/request-codec.ts";
import { KibitzerError } from "../../src/kibitzer-error.ts";
import { newestSnapshot, type Response } from "../../src/requests.ts";
import { Harness } from "../client-harness.ts";
import type { FakeNode } from "../fake-republic.ts";
import { joined } from "../node/codec-harness.ts";
import { collect, folder, inChunks, opened, Tally, untilCut } from "./cut-log.ts";
import { log, pieceOf, snapshotOf, sourceOf } from "./small-log.ts";

const again = { code: "KBZ_TRUNCATED", retryable: true };
const gone = new KibitzerError("KBZ_TRUNCATED", "gone", { retryable: false, outcome: "none" });
const ballast = 1_500_000;
const entry = "a large entry ".repeat(20_000);

/** Three nodes, all of whose logs are cut, with a snapshot of some pieces each. */
async function republic(t: TestContext, ids: readonly string[]): Promise<readonly Kibitzer[]> {
  const directory = folder(t);
  const nodes: Kibitzer[] = [];
  for (const id of ids) {
    const node = await opened(t, directory, { id, machine: new Tally(ballast) });
    const [first] = nodes;
    if (first === undefined) await node.bootstrap("cut");
    else await node.join(null, first.url);
    nodes.push(node);
  }
  for (const node of nodes) await untilCut(node, async () => await publishAt(nodes[0]));
  return nodes;
}

async function publishAt(node: Kibitzer | undefined): Promise<void> {
  assert.ok(node !== undefined);
  await Promise.all(Array.from({ length: 4 }, async () => await node.publish(entry)));
}

test("a log that goes on being cut ends a backup that lags; the next is whole", async (t) => {
  const [node] = await republic(t, ["a"]);
  assert.ok(node !== undefined);
  await using client = await KibitzerClient.connect([node.url]);
  for (const source of [node, client]) {
    const lagging = collect(source.backup(), async (pieces) => {
      if (pieces !== 5) return;
      for (let cuts = 0; cuts < 3; cuts += 1) await untilCut(node, () => publishAt(node));
    });
    await assert.rejects(lagging, again);
    const { bytes, summary } = await collect(source.backup());
    assert.deepEqual(await verifyBackup(inChunks(bytes)), summary);
  }
});

test("a log that is cut for the first time ends a backup that began with slot 1", async (t) => {
  const node = await opened(t, folder(t), { id: "a", machine: new Tally() });
  await node.bootstrap("cut");
  await publishAt(node);
  const chunks = node.backup();
  for (let pieces = 0; pieces < 4; pieces += 1) await chunks.next();
  await untilCut(node, async () => await publishAt(node));
  await assert.rejects(collect(chunks), again);
});

test("who gives the snapshot is lost: no other goes on with it", async (t) => {
  const nodes = await republic(t, ["a", "b", "c"]);
  const [a, b] = nodes;
  assert.ok(a !== undefined && b !== undefined);
  await using client = await KibitzerClient.connect([b.url, a.url]);
  const broken = collect(client.backup(), async (pieces) => {
    if (pieces === 5) await b.close();
  });
  await assert.rejects(broken, again);
  const { bytes, summary } = await collect(client.backup());
  assert.deepEqual(await verifyBackup(inChunks(bytes)), summary);
  assert.equal(summary.index, (await a.barrier()).index);
});

test("who gives the snapshot starts again: it goes on, since that is the same disk", async (t) => {
  const directory = folder(t);
  const open = async (): Promise<Kibitzer> =>
    await opened(t, directory, { id: "a", machine: new Tally(ballast) });
  const node = await open();
  await node.bootstrap("cut");
  await untilCut(node, async () => await publishAt(node));
  await using client = await KibitzerClient.connect([node.url]);
  const { bytes, summary } = await collect(client.backup(), async (pieces) => {
    if (pieces !== 5) return;
    await node.close();
    await open();
  });
  assert.deepEqual(await verifyBackup(inChunks(bytes)), summary);
});

test("decrees after the snapshot come from whoever is left", async (t) => {
  const directory = folder(t);
  const a = await opened(t, directory, { id: "a", machine: new Tally(ballast), keepsAll: true });
  await a.bootstrap("cut");
  const b = await opened(t, directory, { id: "b", machine: new Tally(ballast) });
  await b.join(null, a.url);
  const c = await opened(t, directory, { id: "c", machine: new Tally(ballast) });
  await c.join(null, a.url);
  await untilCut(b, async () => await publishAt(a));
  for (let count = 0; count < 2; count += 1) await publishAt(a);
  await using client = await KibitzerClient.connect([b.url, a.url]);
  let later = 0;
  const slots: number[] = [];
  const chunks = client.backup({ progress: ({ slot }) => slots.push(slot) });
  const { bytes, summary } = await collect(chunks, async () => {
    // The snapshot comes in two pieces; the decrees begin with the third part.
    if (slots.length > 2 && later === 0) await b.close();
    if (slots.length > 2) later += 1;
  });
  assert.ok(summary.slotFirst > 1 && later > 4, "there was something left to give");
  assert.deepEqual(await verifyBackup(inChunks(bytes)), summary);
});

test("pieces of two snapshots are never mixed, and damaged ones are told", async () => {
  const [right, other] = [await snapshotOf(4), await snapshotOf(4, { fill: 8 })];
  const longer = Buffer.concat([right, Uint8Array.of(0)]);
  const flipped = Uint8Array.from(right);
  flipped[700] = (flipped[700] ?? 0) ^ 1;
  const damaged = { code: "KBZ_DAMAGED", retryable: true };
  for (const [rest, refused] of [
    [longer, again],
    [right.subarray(0, 600), again],
    [other, damaged],
    [flipped, damaged],
  ] as const) {
    const source = sourceOf(4, right, {
      snapshot: async (_slot, offset) => {
        return await Promise.resolve(pieceOf(offset === 0 ? right : rest, offset));
      },
    });
    await assert.rejects(collect(writeBackup(source, {})), refused);
  }
  for (const nothing of [new Uint8Array(0), new Uint8Array(500)]) {
    await assert.rejects(collect(writeBackup(sourceOf(4, nothing), {})), damaged);
  }
});

test("a snapshot that is newer than the barrier is all that there is", async () => {
  const source = sourceOf(5, await snapshotOf(5), {
    barrier: async () => await Promise.resolve({ slot: 3 }),
  });
  const { bytes, summary } = await collect(writeBackup(source, {}));
  assert.deepEqual([summary.slotFirst, summary.slot, summary.indexFirst], [6, 5, 2]);
  assert.deepEqual(await verifyBackup(inChunks(bytes)), summary);
});

test("a backup whose snapshot is not of its log, or not of its republic, is none", async () => {
  const source = sourceOf(4, await snapshotOf(4, { republic: "0123456789abcdef" }));
  await assert.rejects(collect(writeBackup(source, {})), { code: "KBZ_DAMAGED" });
  const early = sourceOf(4, await snapshotOf(3), {
    decrees: async (first) =>
      first < 4 ? await Promise.reject(gone) : await Promise.resolve(log().slice(4)),
  });
  await assert.rejects(collect(writeBackup(early, {})), { code: "KBZ_DAMAGED", retryable: true });
});

test("another node is not asked for the rest of a snapshot", async () => {
  await using harness = new Harness();
  const [right, other] = [await snapshotOf(5), await snapshotOf(5, { fill: 8 })];
  const serve = async (name: string, bytes: Uint8Array): Promise<FakeNode> => {
    const node = await harness.node(name);
    node.override = (request) => {
      if (request.method === "decrees") throw gone;
      if (request.method !== "snapshot") return null;
      const { slot, offset } = request;
      assert.ok(slot === (offset === 0 ? newestSnapshot : 5));
      return { kind: "chunk", offset, ...pieceOf(bytes, offset) };
    };
    return node;
  };
  const one = await serve("one", right);
  const two = await serve("two", other);
  const client = await harness.client(["one", "two"], { timeoutMs: 5000 });
  const mixed = collect(client.backup(), async (pieces) => {
    if (pieces === 5) await one.kill();
  });
  await assert.rejects(mixed, { ...again, message: /that of memory:two is not surely the same/ });
  assert.ok(!two.asked.some(({ method }) => method === "snapshot"), "it was not even asked");
  const { bytes, summary } = await collect(client.backup());
  assert.deepEqual(await verifyBackup(inChunks(bytes)), summary);
  assert.ok(Buffer.from(bytes).includes(Buffer.alloc(400, 8)));
});

test("a release before is asked what it can read, and answers that it has none", async (t) => {
  const request = { method: "snapshot", slot: newestSnapshot, offset: 0, bytesMax: 1 } as const;
  const bytes = joined(requestCodec.encode(request));
  assert.equal(Buffer.from(bytes).toString("hex"), "010f80808080808080080001");
  assert.deepEqual(requestCodec.decode(bytes), request);

  await using harness = new Harness();
  const node = await harness.node("old");
  node.override = ({ method }): Response | null => {
    if (method === "decrees") throw gone;
    return method === "snapshot" ? { kind: "refused", reason: "notFound", leader: null } : null;
  };
  const client = await harness.client(["old"], { timeoutMs: 3000 });
  await assert.rejects(collect(client.backup()), again);
  t.diagnostic(`${node.asked.length} questions`);
  assert.ok(node.asked.length < 60, "it is not asked without a pause");
});
