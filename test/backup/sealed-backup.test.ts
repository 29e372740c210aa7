/** Backups whose seals are right, and whose content is not: what they hold must fit together. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  backupKinds,
  backupVersions,
  encodeFirstLine,
  encodeJson,
  encodeRecord,
  type BackupKind,
} from "../../src/backup/backup-format.ts";
import { BackupReading, verifyBackup } from "../../src/backup/backup-reading.ts";
import { writeBackup } from "../../src/backup/backup-writing.ts";
import { crc32 } from "../../src/codec/crc32.ts";
import { collect, inChunks } from "./cut-log.ts";
import { identity, log, snapshotOf, sourceOf } from "./small-log.ts";

type Piece = readonly [BackupKind, Uint8Array];

function sealed(
  pieces: readonly Piece[],
  version: (typeof backupVersions)[keyof typeof backupVersions] = backupVersions.fromSnapshot,
): Uint8Array {
  const line = encodeFirstLine(version);
  const all: Uint8Array[] = [line];
  let seal = crc32(line);
  for (const [kind, payload] of pieces) {
    const record = encodeRecord(kind, [payload], seal);
    ({ seal } = record);
    all.push(...record.pieces);
  }
  return Buffer.concat(all);
}

const header = (slotFirst: number, slotLast = 5): Piece => [
  backupKinds.header,
  encodeJson({ slotFirst, slotLast, when: 1, version: "0.1.0" }),
];
const end: Piece = [
  backupKinds.end,
  encodeJson({
    republic: { name: "r", identity },
    slot: 5,
    index: 1,
    hash: log().at(-1)?.decree.hash,
  }),
];

async function snapshot(slot: number, options = {}): Promise<Piece> {
  return [backupKinds.snapshot, await snapshotOf(slot, options)];
}

/** The decrees after slot 4, as they are in a backup that begins there. */
async function decreesAfter4(): Promise<Piece> {
  const source = sourceOf(4, await snapshotOf(4));
  const { bytes } = await collect(writeBackup(source, {}));
  const last = encodeRecord(end[0], [end[1]], 0).pieces.reduce(
    (sum, { length }) => sum + length,
    0,
  );
  const [whole, start] = [Buffer.from(bytes), bytes.length - last];
  for (let at = 18; ;) {
    const [length, kind] = [whole.readUInt32LE(at), whole.readUInt32LE(at + 4)];
    assert.ok(at < start);
    if (kind === backupKinds.decrees) {
      return [backupKinds.decrees, whole.subarray(at + 12, at + 12 + length)];
    }
    at += 12 + length;
  }
}

test("a snapshot is taken only whole, once, first, and where it belongs", async () => {
  const four = await snapshot(4);
  const [, bytes] = four;
  const decrees = await decreesAfter4();
  const piece = (from: number, to?: number): Piece => [four[0], bytes.subarray(from, to)];
  const { slot } = await verifyBackup(inChunks(sealed([header(5), four, decrees, end])));
  assert.equal(slot, 5);
  await verifyBackup(inChunks(sealed([header(5), piece(0, 9), piece(9), decrees, end])));
  const more: Piece = [four[0], Uint8Array.of(0)];
  const wrong: readonly (readonly [string, readonly Piece[], RegExp])[] = [
    ["of another slot", [header(5), await snapshot(3), decrees, end], /snapshot after slot 4/],
    ["of a later slot", [header(6, 4), await snapshot(5), end], /snapshot after slot 5|its end/],
    [
      "of another republic",
      [header(5), await snapshot(4, { republic: "0".repeat(16) }), decrees, end],
      /another republic/,
    ],
    ["missing", [header(5), decrees, end], /its snapshot, at byte 0/],
    ["cut off", [header(5), piece(0, -1), decrees, end], /its snapshot/],
    ["followed by something", [header(5), four, more, decrees, end], /follows its end/],
    ["there twice", [header(5), four, four, decrees, end], /follows its end/],
    ["behind the decrees", [header(5), four, decrees, four, end], /found a record of 2/],
    ["before none", [header(5), four, end], /its end does not say/],
    ["in a log from slot 1 on", [header(1), four, decrees, end], /what the backup holds/],
    ["before slot 0", [header(0), four, decrees, end], /what the backup holds/],
  ];
  for (const [what, pieces, message] of wrong) {
    const refused = { code: "KBZ_DAMAGED", message };
    await assert.rejects(verifyBackup(inChunks(sealed(pieces))), refused, what);
  }
  const old = sealed([header(5), four, decrees, end], backupVersions.fromSlot1);
  await assert.rejects(verifyBackup(inChunks(old)), { code: "KBZ_DAMAGED" });
});

test("parts of state machines are read in one go, or left out", async () => {
  const three: Piece = await snapshot(4, { parts: 3 });
  const bytes = sealed([header(5), three, await decreesAfter4(), end]);
  const reading = new BackupReading(inChunks(bytes, 100));
  const beginning = await reading.beginning();
  const sizes = new Map<string, number>();
  for (const { name, pieces } of beginning?.parts.slice(0, 2) ?? []) {
    for await (const piece of pieces) sizes.set(name, (sizes.get(name) ?? 0) + piece.length);
  }
  assert.deepEqual(
    [...sizes],
    [
      ["machine", 900],
      ["machine1", 900],
    ],
  );
  const slots: number[] = [];
  for await (const { decree } of reading.decrees()) slots.push(decree.slot);
  assert.deepEqual(slots, [5]);
  assert.equal(reading.summary?.bytes, bytes.length);
});
