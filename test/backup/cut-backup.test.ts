/**
 * Backups of logs whose beginning was removed: a snapshot stands for it, everything that it holds
 * is there after a restore, and no byte of it can be another one.
 */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import fc from "fast-check";
import { KibitzerClient, restore, verifyBackup, type Kibitzer } from "../../src/index.ts";
import { Kv, KvMachine } from "../../src/kv/index.ts";
import { collect, firstOf, folder, inChunks, opened, small, Tally, untilCut } from "./cut-log.ts";

const entry = "an entry ".repeat(60);
const largeEntry = "a large entry ".repeat(6000);

interface Made {
  readonly directory: string;
  readonly node: Kibitzer;
  readonly machine: Tally;
  readonly publish: () => Promise<void>;
}

async function cutLog(t: TestContext, ballast = 0): Promise<Made> {
  const directory = folder(t);
  const machine = new Tally(ballast);
  const node = await opened(t, directory, { id: "a", machine });
  await node.bootstrap("cut");
  const publish = async (): Promise<void> => {
    for (let count = 0; count < 10; count += 1)
      await node.publish(ballast > 0 ? largeEntry : entry);
  };
  await untilCut(node, publish);
  return { directory, node, machine, publish };
}

async function restored(
  t: TestContext,
  directory: string,
  { bytes, id, machine }: { bytes: Uint8Array; id: string; machine: Tally | KvMachine },
): Promise<Kibitzer> {
  const place = { directory: join(directory, id), id, listen: [`unix:${directory}/${id}.socket`] };
  const storage = small.storage;
  await restore({ backup: inChunks(bytes, 1000), ...place, storage });
  return await opened(t, directory, { id, machine });
}

test("a cut log is backed up from a snapshot on, its state machine included", async (t) => {
  const { directory, node, machine } = await cutLog(t, 700_000);
  await using client = await KibitzerClient.connect([node.url]);
  const { index } = await client.publish("the last");
  const publisher = { publisher: client.publisher ?? "", sequenceNext: client.sequenceNext };
  const { bytes, summary } = await collect(client.backup());
  assert.ok(summary.indexFirst > 1 && summary.slotFirst > 1, "the beginning is gone");
  assert.equal(summary.index, index);
  assert.equal(summary.bytes, bytes.length);
  for (const size of [7, 65_536]) {
    assert.deepEqual(await verifyBackup(inChunks(bytes, size)), summary);
  }
  assert.equal(Buffer.from(bytes).toString("latin1", 0, 18), "kibitzer backup 2\n");
  const own = await collect(node.backup());
  assert.ok(own.summary.indexFirst > 1);
  assert.equal(own.summary.index, index);

  const again = new Tally(700_000);
  const founder = await restored(t, directory, { bytes, id: "z", machine: again });
  await founder.barrier();
  assert.deepEqual([again.count, again.sum], [machine.count, machine.sum]);
  assert.equal(again.count, index, "each entry was applied, those of before the snapshot included");
  assert.equal(await firstOf(founder), summary.indexFirst);
  const texts: string[] = [];
  for await (const each of founder.entries({ from: summary.indexFirst, to: index })) {
    texts.push(each.text());
  }
  assert.equal(texts.length, index - summary.indexFirst + 1);
  assert.equal(texts.at(-1), "the last");
  await using more = await KibitzerClient.connect([founder.url], { publisher });
  await using twin = await KibitzerClient.connect([founder.url], { publisher });
  assert.equal((await more.publish("more")).index, index + 1);
  assert.equal((await twin.publish("more")).index, index + 1, "it is in already");
  const { refounded } = await founder.status();
  assert.deepEqual(refounded?.[0]?.before, summary.republic);
});

test("who joins, restarts, and backs up what was restored finds all of it", async (t) => {
  const { directory, node } = await cutLog(t);
  const { bytes, summary } = await collect(node.backup());
  const founder = await restored(t, directory, { bytes, id: "z", machine: new Tally() });
  const second = await collect(founder.backup());
  assert.equal(second.summary.indexFirst, summary.indexFirst);
  assert.equal((await verifyBackup(inChunks(second.bytes))).index, summary.index);
  const tally = new Tally();
  const joiner = await opened(t, directory, { id: "y", machine: tally });
  await joiner.join(null, founder.url);
  assert.equal((await joiner.barrier()).index, summary.index);
  assert.equal(tally.count, summary.index);
  await founder.close();
  const machine = new Tally();
  const twice = await restored(t, directory, { bytes: second.bytes, id: "x", machine });
  assert.equal((await twice.barrier()).index, summary.index);
  assert.deepEqual([machine.count, machine.sum], [tally.count, tally.sum]);
  assert.equal((await twice.status()).refounded?.length, 2);
  await untilCut(twice, async () => await twice.publish(entry));
});

test("a key-value map comes back with its values and revisions", async (t) => {
  const directory = folder(t);
  const node = await opened(t, directory, { id: "a", machine: new KvMachine() });
  await node.bootstrap("kv");
  const kv = new Kv(node);
  const { revision } = await kv.put("first", "of all");
  await untilCut(node, async () => {
    for (let at = 0; at < 10; at += 1) await kv.put(`key ${at}`, entry);
  });
  const last = await kv.put("last", "of all");
  const { bytes, summary } = await collect(node.backup());
  assert.ok(summary.indexFirst > revision);
  const machine = new KvMachine();
  const founder = await restored(t, directory, { bytes, id: "z", machine });
  const again = new Kv(founder);
  const first = await again.get("first");
  assert.deepEqual([`${first?.revision}`, text(first?.value)], [`${revision}`, "of all"]);
  assert.equal((await again.get("last"))?.revision, last.revision);
  assert.equal((await again.list()).records.length, (await kv.list()).records.length);
  assert.deepEqual(await again.cas("first", revision + 1, "no"), { isSet: false, revision });
  const { revision: next } = await again.put("more", "");
  assert.equal(next, summary.index + 2, "revisions go on as indexes do");
});

test("whichever byte of it was changed, it is refused, and nothing is restored", async (t) => {
  const { directory, node } = await cutLog(t);
  const { bytes } = await collect(node.backup());
  const refused = { code: /^KBZ_(DAMAGED|VERSION)$/ };
  for (let at = 0; at < bytes.length; at += 1) {
    const changed = Uint8Array.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
    await assert.rejects(verifyBackup(inChunks(changed)), refused, `byte ${at}`);
  }
  for (let part = 0; part < 64; part += 1) {
    const cut = bytes.subarray(0, Math.floor((bytes.length * part) / 64));
    await assert.rejects(verifyBackup(inChunks(cut)), { code: "KBZ_DAMAGED" });
  }
  const place = {
    directory: join(directory, "z"),
    id: "z",
    listen: [`unix:${directory}/z.socket`],
  };
  for (const at of [20, 150, 2000, bytes.length - 20]) {
    const changed = Uint8Array.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ 1;
    await assert.rejects(restore({ backup: inChunks(changed), ...place }), refused);
    const left = readdirSync(place.directory, { recursive: true }).join(" ");
    assert.doesNotMatch(left, /journal|promise|refounding|snapshot/);
  }
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), fc.nat(4000), async (noise, at) => {
      const mixed = Buffer.concat([bytes.subarray(0, at), noise]);
      await assert.rejects(verifyBackup(inChunks(mixed)), refused);
    }),
    { numRuns: 200 },
  );
  await restore({ backup: inChunks(bytes), ...place });
});

function text(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString();
}
