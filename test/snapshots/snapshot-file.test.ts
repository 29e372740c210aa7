/** Snapshots as files: written, read back, and never taken for another or for whole when not. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import type { RepublicState } from "../../consensus/index.ts";
import { SnapshotFiles } from "../../src/snapshots/snapshot-files.ts";
import { readSnapshot, verifySnapshot } from "../../src/snapshots/snapshot-reader.ts";
import { writeSnapshot, type NamedPieces } from "../../src/snapshots/snapshot-writer.ts";
import { republicState } from "../node/consensus-arbitraries.ts";
import { MemoryFiles } from "../storage/memory-files.ts";

const identity = "0123456789abcdef";
const signal = new AbortController().signal;
const pause = async (): Promise<void> => {};

function ours(state: RepublicState): RepublicState {
  return { ...state, slot: 7, republic: { name: "town", identity } };
}

async function* cut(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array, void, void> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function written(
  state: RepublicState,
  parts: readonly NamedPieces[] = [],
): Promise<{ readonly files: SnapshotFiles; readonly disk: MemoryFiles }> {
  const disk = new MemoryFiles();
  const files = new SnapshotFiles(disk, "/data");
  await disk.makeDirectory(files.directory);
  const path = files.temporary(7);
  await writeSnapshot({ files: disk, path, republic: identity, state, parts, pause, signal });
  assert.notEqual(await files.adopt(7, identity), null);
  return { files, disk };
}

async function bytesOf(disk: MemoryFiles, path: string): Promise<Uint8Array> {
  const file = await disk.open(path, "read");
  const bytes = new Uint8Array(await file.size());
  await file.read(bytes, 0);
  await file.close();
  return bytes;
}

async function joined(pieces: AsyncIterable<Uint8Array> | null): Promise<string> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces ?? []) all.push(piece);
  return Buffer.concat(all).toString("hex");
}

const sample: RepublicState = ours(fc.sample(republicState, { numRuns: 1, seed: 5 })[0]!);

test("whatever the state is, it is read back as it was", async () => {
  await fc.assert(
    fc.asyncProperty(republicState, async (drawn) => {
      const state = ours(drawn);
      const { files } = await written(state);
      // Those that are drawn may be without a prototype.
      const found = await files.state(7, identity);
      assert.equal(JSON.stringify(found), JSON.stringify(state));
    }),
    { numRuns: 50 },
  );
});

test("parts come back whole, and however they were cut the file is the same", async () => {
  const first = new Uint8Array(700_000).map((_, at) => at % 251);
  const second = new Uint8Array(3).fill(9);
  const filesOf = async (size: number): ReturnType<typeof written> =>
    await written(sample, [
      { name: "first", pieces: cut(first, size) },
      { name: "second", pieces: cut(second, 1) },
    ]);
  const [one, other] = [await filesOf(1000), await filesOf(262_145)];
  const [left, right] = [await bytesOf(one.disk, one.files.path(7)), other];
  assert.deepEqual(left, await bytesOf(right.disk, right.files.path(7)));
  const held = await joined(await one.files.part(7, identity, "first"));
  assert.equal(held, Buffer.from(first).toString("hex"));
  assert.equal(await joined(await one.files.part(7, identity, "second")), "090909");
  assert.equal(await one.files.part(7, identity, "third"), null);
  assert.deepEqual(await one.files.partsOf(7, identity), ["first", "second"]);
});

test("no byte of it can be another one, or be missing, or be too much", async () => {
  const pieces = cut(new Uint8Array(40).fill(1), 7);
  const { files, disk } = await written(sample, [{ name: "one", pieces }]);
  const path = files.path(7);
  const source = files.source(7, identity);
  const bytes = await bytesOf(disk, path);
  const file = await disk.open(path, "write");
  for (const [at, byte] of bytes.entries()) {
    await file.write([Uint8Array.of(byte ^ (1 << (at % 8)))], at);
    await assert.rejects(verifySnapshot(source), { code: "KBZ_DAMAGED" }, `byte ${at}`);
    await file.write([Uint8Array.of(byte)], at);
  }
  await verifySnapshot(source);
  await file.write([Uint8Array.of(0)], bytes.length);
  await assert.rejects(verifySnapshot(source), { code: "KBZ_DAMAGED" });
  for (const size of [bytes.length - 1, bytes.length - 40, 100, 31, 0]) {
    await file.truncate(size);
    await assert.rejects(verifySnapshot(source), { code: "KBZ_DAMAGED" }, `cut at ${size}`);
  }
});

test("one of another slot or republic is none", async () => {
  const { files, disk } = await written(sample);
  await assert.rejects(readSnapshot(files.source(7, "f".repeat(16))), { code: "KBZ_DAMAGED" });
  await disk.rename(files.path(7), files.path(8));
  assert.equal(await files.state(8, identity), null);
  assert.equal(await files.state(7, identity), null);
});

test("a half-made one is not adopted, and what nobody needs goes", async () => {
  const { files, disk } = await written(sample);
  const bytes = await bytesOf(disk, files.path(7));
  const half = await disk.open(files.temporary(9), "create");
  await half.write([bytes.subarray(0, 90)], 0);
  assert.equal(await files.adopt(9, identity), null);
  assert.deepEqual(await files.list(), [7]);
  const other = await disk.open(files.temporary(11), "create");
  await other.close();
  files.use(11);
  await files.tidy([]);
  assert.deepEqual(await disk.list(files.directory), ["snapshot-0000000000000011.tmp"]);
});
