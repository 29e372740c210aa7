/** Snapshots on a full disk: they cost no node, take no space for nothing, and come later. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { emptyRepublic, type RepublicState } from "../../consensus/index.ts";
import { silent } from "../../src/logger.ts";
import type { Response, SnapshotRequest } from "../../src/requests.ts";
import { SnapshotDownload } from "../../src/snapshots/snapshot-download.ts";
import { SnapshotFiles } from "../../src/snapshots/snapshot-files.ts";
import { writeSnapshot } from "../../src/snapshots/snapshot-writer.ts";
import { MemoryFiles } from "../storage/memory-files.ts";

const identity = "0123456789abcdef";
const state: RepublicState = {
  ...emptyRepublic(),
  slot: 7,
  republic: { name: "town", identity },
};

async function bytesOfSnapshot(): Promise<Uint8Array> {
  const disk = new MemoryFiles();
  const files = new SnapshotFiles(disk, "/data");
  await disk.makeDirectory(files.directory);
  const signal = new AbortController().signal;
  const path = files.temporary(7);
  const rest = { parts: [], pause: async () => {}, signal };
  await writeSnapshot({ files: disk, path, republic: identity, state, ...rest });
  return disk.bytesOf(path);
}

test("a download without space ends, leaves nothing behind, and comes again", async () => {
  const bytes = await bytesOfSnapshot();
  const disk = new MemoryFiles();
  const files = new SnapshotFiles(disk, "/data");
  const failures: unknown[] = [];
  const found: RepublicState[] = [];
  const call = async (_id: string, { offset }: SnapshotRequest): Promise<Response> => {
    const piece = bytes.subarray(offset, offset + 50);
    return { kind: "chunk", offset, size: bytes.length, bytes: piece };
  };
  const download = new SnapshotDownload({
    files,
    peers: { call: async (id, request) => await call(id, request as SnapshotRequest) },
    logger: silent,
    republic: () => identity,
    downloaded: (read) => found.push(read),
    failed: (error) => failures.push(error),
  });
  disk.bytesMax = 120;
  download.start({ from: "b", slot: 7 });
  await download.idle();
  assert.deepEqual([failures, found], [[], []]);
  assert.deepEqual(await disk.list(files.directory), []);
  disk.bytesMax = Infinity;
  download.start({ from: "b", slot: 7 });
  await download.idle();
  assert.deepEqual(found, [state]);
  await download.close();
});
