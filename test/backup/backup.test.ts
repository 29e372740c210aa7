/**
 * Backups: all that was acknowledged is in them, every changed byte is noticed, and a republic that
 * is restored goes on where they end.
 */
import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import fc from "fast-check";
import { emptyRepublic, Republic } from "../../consensus/index.ts";
import {
  Kibitzer,
  KibitzerClient,
  restore,
  verifyBackup,
  type BackupSummary,
} from "../../src/index.ts";
import { BackupReading } from "../../src/backup/backup-reading.ts";
import type { FramedDecree } from "../../src/codec/decree-codec.ts";
import { takeDecree } from "../../src/backup/backup-writing.ts";
import { freePorts } from "../processes/kit.ts";

async function* inChunks(bytes: Uint8Array, size = 65_536): AsyncGenerator<Uint8Array, void, void> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function collect(
  chunks: AsyncGenerator<Uint8Array, BackupSummary, void>,
): Promise<{ readonly bytes: Uint8Array; readonly summary: BackupSummary }> {
  const pieces: Uint8Array[] = [];
  for (;;) {
    const next = await chunks.next();
    if (next.done === true) return { bytes: Buffer.concat(pieces), summary: next.value };
    pieces.push(Uint8Array.from(next.value));
  }
}

let directory = "";
let url = "";
let bytes: Uint8Array = new Uint8Array(0);
let summary: BackupSummary | null = null;
let publisher = { publisher: "", sequenceNext: 0 };

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "kibitz-backup-"));
  url = `tcp://127.0.0.1:${await freePorts(1)}`;
  await using node = await Kibitzer.open({
    id: "a",
    directory: join(directory, "old"),
    listen: [url],
  });
  await node.bootstrap("demo");
  await using client = await KibitzerClient.connect([url]);
  for (let count = 1; count <= 20; count += 1) await client.publish(`entry ${count}`);
  const online = await collect(client.backup());
  ({ bytes, summary } = online);
  publisher = { publisher: client.publisher ?? "", sequenceNext: client.sequenceNext };
  // The same from the node itself, but for the time at which it was asked.
  const own = await collect(node.backup());
  assert.equal(own.summary.index, 20);
  assert.ok(own.summary.slot >= online.summary.slot);
  const done: number[] = [];
  await collect(client.backup({ progress: ({ slot, slotLast }) => done.push(slot / slotLast) }));
  assert.equal(done.at(-1), 1);
});

after(async () => {
  await rm(directory, { recursive: true, force: true });
});

test("a backup is read back as what was backed up, in chunks of any size", async () => {
  for (const size of [1, 7, 4096, 1_000_000]) {
    assert.deepEqual(await verifyBackup(inChunks(bytes, size)), summary);
  }
  assert.equal(summary?.index, 20);
  assert.equal(summary?.bytes, bytes.length);
  assert.equal(Buffer.from(bytes).toString("latin1", 0, 18), "kibitzer backup 1\n");
});

describe("what is not the backup that was made", () => {
  test("is refused, whichever byte was changed", async () => {
    for (let at = 0; at < bytes.length; at += 1) {
      const changed = Uint8Array.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
      // A digit of the version may become that of a later one.
      await assert.rejects(verifyBackup(inChunks(changed)), { code: /^KBZ_(DAMAGED|VERSION)$/ });
    }
  });

  test("is refused when it is cut off, or something follows it", async () => {
    const lengths = Array.from({ length: 64 }, (_, at) => Math.floor((bytes.length * at) / 64));
    for (const length of [...lengths, bytes.length - 1]) {
      const cut = bytes.subarray(0, length);
      await assert.rejects(verifyBackup(inChunks(cut)), { code: "KBZ_DAMAGED" });
    }
    const more = Buffer.concat([bytes, Uint8Array.of(0)]);
    await assert.rejects(verifyBackup(inChunks(more)), { code: "KBZ_DAMAGED", message: /follows/ });
  });

  test("is refused by name when a later version made it", async () => {
    const later = Buffer.from(bytes);
    later.write("3", 16);
    await assert.rejects(verifyBackup(inChunks(later)), {
      code: "KBZ_VERSION",
      message: /format version 3; this program reads up to 2/,
    });
  });

  test("never makes a reader fail in any other way", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), fc.nat(400), async (noise, at) => {
        const mixed = Buffer.concat([bytes.subarray(0, at), noise]);
        await assert.rejects(verifyBackup(inChunks(mixed)), { code: /^KBZ_(DAMAGED|VERSION)$/ });
      }),
      { numRuns: 200 },
    );
  });

  test("is refused where decrees are sealed, but are no log", async () => {
    const reading = new BackupReading(inChunks(bytes));
    const all: FramedDecree[] = [];
    for await (const framed of reading.decrees()) all.push(framed);
    for (const [at, framed] of all.entries()) {
      const fold = new Republic(emptyRepublic());
      for (const earlier of all.slice(0, at)) takeDecree(fold, earlier);
      if (at > 0) assert.throws(() => takeDecree(fold, all[at - 1] ?? framed), RangeError);
      const other = { ...framed.decree, when: framed.decree.when + 1 };
      assert.throws(() => takeDecree(fold, { ...framed, decree: other }), RangeError);
    }
  });
});

describe("a republic that is restored", () => {
  test("has the same entries at their indexes, and goes on after them", async () => {
    const path = join(directory, "new");
    const report = await restore({
      backup: inChunks(bytes),
      directory: path,
      id: "z",
      listen: [url],
      properties: { zone: "north" },
    });
    assert.deepEqual(report.before, summary?.republic);
    assert.equal(report.republic.name, "demo");
    assert.notEqual(report.republic.identity, summary?.republic.identity);
    assert.equal(report.index, 20);
    await using node = await Kibitzer.open({ directory: path });
    assert.deepEqual(node.republic, report.republic);
    await node.barrier();
    // Who published before is answered from the table, and goes on under its numbers.
    await using client = await KibitzerClient.connect([url], { publisher });
    assert.deepEqual(await client.publish("entry 21"), { index: 21 });
    const texts: string[] = [];
    for await (const entry of node.entries({ follow: false })) {
      assert.equal(entry.index, texts.length + 1);
      texts.push(entry.text());
    }
    assert.deepEqual(
      texts,
      Array.from({ length: 21 }, (_, at) => `entry ${at + 1}`),
    );
    const { refounded, members } = await node.status();
    assert.equal(refounded?.[0]?.cause, "restored");
    assert.deepEqual(refounded?.[0]?.before, report.before);
    assert.deepEqual(
      members.map(({ id }) => id),
      ["z"],
    );
  });

  test("can be backed up and restored again, under another name", async () => {
    const first = join(directory, "first");
    await restore({ backup: inChunks(bytes), directory: first, id: "y", listen: [url] });
    const node = await Kibitzer.open({ directory: first });
    const again = await collect(node.backup());
    await node.close();
    const second = join(directory, "second");
    const options = { directory: second, id: "x", listen: [url], republic: "other" };
    const report = await restore({ backup: inChunks(again.bytes), ...options });
    assert.equal(report.before.identity, again.summary.republic.identity);
    assert.equal(report.republic.name, "other");
    await using other = await Kibitzer.open({ directory: second });
    assert.equal((await other.status()).refounded?.length, 2);
    assert.equal((await other.barrier()).index, 20);
  });

  test("is not made where a node is, and nothing of that is changed", async () => {
    const path = join(directory, "old");
    const before = await readdir(path, { recursive: true });
    const backup = inChunks(bytes);
    await assert.rejects(restore({ backup, directory: path, id: "a", listen: [url] }), {
      code: "KBZ_BOOTSTRAPPED",
    });
    assert.deepEqual(await readdir(path, { recursive: true }), before);
  });

  test("is not made out of a damaged backup; another attempt finds its place free", async () => {
    const path = join(directory, "retried");
    const changed = Uint8Array.from(bytes);
    const at = bytes.length - 20;
    changed[at] = (changed[at] ?? 0) ^ 1;
    const options = { directory: path, id: "w", listen: [url] };
    await assert.rejects(restore({ backup: inChunks(changed), ...options }), {
      code: "KBZ_DAMAGED",
    });
    const left = await readdir(path, { recursive: true });
    assert.ok(!left.some((name) => /journal|promise|refounding/.test(name)), left.join(" "));
    const report = await restore({ backup: inChunks(bytes), ...options });
    assert.equal(report.index, 20);
  });

  for (const [what, wrong, code] of [
    ["an id that is none", { id: "A b" }, "KBZ_ARGUMENT"],
    ["no endpoint", { listen: [] }, "KBZ_ARGUMENT"],
    ["a port that others cannot know", { listen: ["tcp://127.0.0.1:0"] }, "KBZ_ARGUMENT"],
    ["an endpoint of no kind", { listen: ["nowhere"] }, "KBZ_ENDPOINT"],
    ["a name that is none", { republic: "" }, "KBZ_ARGUMENT"],
  ] as const) {
    test(`is not made with ${what}`, async () => {
      const path = join(directory, "refused");
      const options = { directory: path, id: "v", listen: [url], ...wrong };
      await assert.rejects(restore({ backup: inChunks(bytes), ...options }), { code });
    });
  }
});

test("the same bytes from a file are verified as well", async () => {
  const file = join(directory, "file");
  await writeFile(file, bytes);
  const { openBackup } = await import("../../src/commands/backup.ts");
  assert.deepEqual(await verifyBackup(openBackup(file)), summary);
  await assert.rejects(verifyBackup(openBackup(directory)), { exitCode: 2 });
});
