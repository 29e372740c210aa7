/**
 * What another version has written: a data directory of this one, kept as bytes, must be read by
 * those to come (docs/upgrading.md); what a later one wrote is refused as that, and not as damage.
 * `REWRITE=1` writes the golden directory anew.
 */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import {
  emptyRepublic,
  hashDecree,
  hashZero,
  Republic,
  type Ballot,
  type Decree,
  type Value,
} from "../../consensus/index.ts";
import { crc32 } from "../../src/codec/crc32.ts";
import { viewOf } from "../../src/codec/bytes.ts";
import { inspectDirectory } from "../../src/commands/inspect-directory.ts";
import { Bodies } from "../../src/storage/bodies.ts";
import { DataDirectory, startsOf } from "../../src/storage/directory.ts";
import { recordHeaderBytes } from "../../src/storage/group.ts";
import { seedOf } from "../../src/storage/segment.ts";
import { version } from "../../src/version.ts";
import { MemoryFiles } from "./memory-files.ts";
import { batchOf, bodyOf, identity, openJournal, plain, readAll, Writer } from "./samples.ts";

const golden = join(import.meta.dirname, "../golden/directory-v2.txt");
const path = "/data";
const cookie = "0123456789abcdef";
const chance = { fraction: () => 0.5, hex16: () => cookie };
const republic = { name: "r", identity: "00112233445566aa" };
const founder = { id: "a", cookie, url: "ws://a:7700", properties: { zone: "x" } };
const other = { id: "b", cookie: "fedcba9876543210", url: "ws://b:7700", properties: {} };
const accepted: Ballot = { government: 1, round: 2, id: "a" };
const promised: Ballot = { government: 1, round: 3, id: "b" };
const body = bodyOf(4, 700);
const storage = { segmentBytesFirst: 4096, segmentBytesMax: 4096 };

function log(): readonly Decree[] {
  const values: readonly Value[] = [
    { kind: "bootstrap", republic, founder, parliamentSize: 3 },
    { kind: "opening" },
    { kind: "registration", nonce: cookie },
    { ...batchOf(body, 1), publisher: 3 },
    { kind: "admission", citizen: other },
    { ...batchOf(body, 2), publisher: 3 },
  ];
  let hash = hashZero;
  return values.map((value, at) => {
    const unhashed = { slot: at + 1, time: 10 * at, when: 1_700_000_000_000, value };
    hash = hashDecree(hash, unhashed);
    return { ...unhashed, hash };
  });
}

/** A directory in its second life: two segments, a promise, an undecided slot, notes of a peer. */
async function written(): Promise<MemoryFiles> {
  const files = new MemoryFiles();
  const lives: readonly (readonly [readonly Decree[], number, Ballot | null])[] = [
    [log().slice(0, 4), 3, null],
    [log().slice(4), 5, promised],
  ];
  for (const [decrees, decided, promise] of lives) {
    await using directory = await DataDirectory.open({
      files,
      path,
      chance,
      id: "a",
      listen: ["ws://0.0.0.0:7700"],
      advertise: "ws://a:7700",
    });
    await directory.belongTo(republic, null);
    await directory.rememberPeers([founder, other]);
    const reached = Promise.withResolvers<void>();
    const { journal, recovered } = await directory.openJournal({
      onPersisted: () => reached.resolve(),
      onFailed: (error) => reached.reject(error),
      ...storage,
    });
    const bodies = new Bodies();
    for (const { value } of decrees) if (value.kind === "batch") bodies.set(value, body);
    const [first] = decrees;
    assert.ok(first !== undefined);
    const heard = [{ id: "b", cookie: other.cookie, starts: 1, promised, accepted, length: 9 }];
    const write = { number: recovered.writeLast + 1, slotFirst: first.slot, decrees, decided };
    journal.append(
      { ...write, promised: promise, accepted, heard, base: null, lostUpTo: 0 },
      bodies,
    );
    await reached.promise;
    await journal.close();
  }
  return files;
}

/** One line a file: its path, its size, and what it holds up to the zeros at its end. */
function textOf(files: MemoryFiles): string {
  const lines = files.paths().flatMap((name) => {
    if (name.endsWith("/lock") || name.endsWith(".tmp")) return [];
    const bytes = files.bytesOf(name);
    const used = bytes.subarray(0, bytes.findLastIndex((byte) => byte !== 0) + 1);
    return [`${name} ${bytes.length} ${Buffer.from(used).toString("hex")}\n`];
  });
  return lines.toSorted().join("");
}

function filesOf(text: string): MemoryFiles {
  const files = new MemoryFiles();
  for (const line of text.trim().split("\n")) {
    const [name = "", size, hex = ""] = line.split(" ");
    const bytes = new Uint8Array(Number(size));
    bytes.set(Buffer.from(hex, "hex"));
    files.put(name, bytes);
  }
  return files;
}

test("a directory of version 2 is read as what it was written for, and goes on", async () => {
  if (process.env["REWRITE"] === "1") writeFileSync(golden, textOf(await written()));
  const text = readFileSync(golden, "utf8");
  const inspection = await inspectDirectory(path, filesOf(text));
  assert.deepEqual(inspection.damage, []);
  const files = filesOf(text);
  await using directory = await DataDirectory.open({ files, path, chance });
  const { record } = directory;
  assert.deepEqual(directory.findings, []);
  assert.deepEqual([record.id, record.cookie, startsOf(record.starts)], ["a", cookie, 3]);
  assert.deepEqual([record.republic, record.contacts, record.hasJournal], [republic, null, true]);
  assert.deepEqual([record.listen, record.advertise], [["ws://0.0.0.0:7700"], "ws://a:7700"]);
  assert.deepEqual(record.peers, [founder, other]);
  const { journal, recovered } = await directory.openJournal({
    onPersisted: () => undefined,
    onFailed: (error) => assert.fail(error),
    ...storage,
  });
  const heard = [{ id: "b", cookie: other.cookie, starts: 1, promised, accepted, length: 9 }];
  const { writeLast, republic: folded, undecided, missing, tailBytes: _, ...found } = recovered;
  assert.deepEqual([folded.slot, undecided?.length, missing], [5, 1, 0]);
  assert.ok(writeLast > 2 ** 20);
  const known = { decided: 5, length: 6, torn: false, findings: [] };
  assert.deepEqual(found, { promised, accepted, heard, ...known });
  const all = await readAll(journal);
  assert.deepEqual(
    all,
    log().map((decree) => plain({ decree, body: decree.value.kind === "batch" ? body : null })),
  );
  const fold = new Republic(emptyRepublic());
  for (const { decree } of all) {
    assert.equal(hashDecree(fold.hash, decree), decree.hash);
    fold.apply(decree);
  }
  await journal.close();
  // Of this very release they are the bytes that it writes.
  if (version === "0.1.0") assert.equal(textOf(await written()), text);
});

/** Makes the kind of the decree in `slot` one that nobody knows yet; its checksum fits. */
function fromLater(bytes: Uint8Array, slot: number, seed: number): void {
  const view = viewOf(bytes);
  for (let at = 0; at + recordHeaderBytes <= bytes.length; at += 1) {
    const end = at + recordHeaderBytes;
    const isHeader =
      view.getUint32(end - 4, true) === crc32(bytes.subarray(at, end - 4), seed) &&
      view.getFloat64(at + 8, true) === slot;
    if (!isHeader) continue;
    view.setUint32(at + 4, 4_000, true);
    view.setUint32(end - 4, crc32(bytes.subarray(at, end - 4), seed), true);
    return;
  }
  assert.fail(`slot ${slot} was not found`);
}

test("a decree of an unknown kind is a later version's, and no damage", async () => {
  const files = new MemoryFiles();
  const writer = new Writer();
  const { journal, reached } = await openJournal(files);
  for (let count = 1; count <= 3; count += 1) {
    journal.append(writer.values([{ kind: "opening" }, { kind: "opening" }]), writer.bodies);
    await reached(writer.number);
  }
  await journal.close();
  const name = `${path}/journal/segment-00000001`;
  const seed = seedOf(identity, 1, files.bytesOf(name).length);
  for (let slot = 1; slot <= 6; slot += 1) {
    const later = files.killed();
    fromLater(later.bytesOf(name), slot, seed);
    const before = textOf(later);
    await assert.rejects(openJournal(later, { expected: true }), {
      code: "KBZ_VERSION",
      message: new RegExp(`${name} .*slot ${slot} holds a decree of the unknown kind 4000`),
    });
    assert.equal(textOf(later), before, "nothing was changed");
    // Nor is it given up with what is damaged beside it.
    const bytes = later.bytesOf(name);
    const at = bytes.findIndex((byte, offset) => offset >= 512 && byte !== 0);
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    if (slot <= 2)
      await assert.rejects(openJournal(later, { expected: true }), { code: "KBZ_VERSION" });
  }
});
