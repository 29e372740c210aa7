/**
 * Reads a snapshot forward, each chunk checked before it is given out. A file that is not whole, or
 * has anything behind its end, is damaged; nothing of it is believed then.
 */
import type { Slot } from "../../consensus/index.ts";
import { DecodeError } from "../codec/bytes.ts";
import { damaged, newerVersion } from "../storage/damage.ts";
import type { FileHandle, FileSystem } from "../world.ts";
import {
  chunkBytesMax,
  chunkHeaderBytes,
  decodeOpening,
  snapshotVersion,
  type Chunk,
} from "./snapshot-codec.ts";
import { SnapshotHead, SnapshotScan, type ReadSnapshot } from "./snapshot-scan.ts";

export interface SnapshotSource {
  readonly files: FileSystem;
  readonly path: string;
  /** What it must be: of this republic, after this slot. */
  readonly republic: string;
  readonly slot: Slot;
}

/** Bytes of one read: a chunk of the largest size. */
const readBytes = chunkHeaderBytes + chunkBytesMax;

/**
 * All of a snapshot, read through to its end.
 * @throws {KibitzerError} `KBZ_DAMAGED`, `KBZ_VERSION`.
 */
export async function verifySnapshot(source: SnapshotSource): Promise<ReadSnapshot> {
  return await readOpening(source, true);
}

/**
 * The replicated state in a snapshot, whose parts are checked once they are read.
 * @throws {KibitzerError} `KBZ_DAMAGED`, `KBZ_VERSION`.
 */
export async function readSnapshot(source: SnapshotSource): Promise<ReadSnapshot> {
  return await readOpening(source, false);
}

async function readOpening(source: SnapshotSource, isWhole: boolean): Promise<ReadSnapshot> {
  const head = new SnapshotHead();
  for await (const chunk of chunksOf(source)) if (!head.take(chunk) && !isWhole) break;
  try {
    return head.read();
  } catch (error) {
    throw asDamage(source.path, error);
  }
}

/** The pieces of one part. @throws {KibitzerError} `KBZ_DAMAGED`. */
export async function* partOf(
  source: SnapshotSource,
  part: number,
): AsyncGenerator<Uint8Array, void, void> {
  for await (const chunk of chunksOf(source)) {
    if (chunk.kind === "part" && chunk.part === part) yield chunk.body;
  }
}

async function* chunksOf(source: SnapshotSource): AsyncGenerator<Chunk, void, void> {
  const { files, path } = source;
  if (!(await files.exists(path))) throw damaged(path, 0, "the snapshot is missing");
  const file = await files.open(path, "read");
  try {
    yield* chunksIn(file, source);
  } catch (error) {
    throw asDamage(path, error);
  } finally {
    await file.close();
  }
}

async function* chunksIn(
  file: FileHandle,
  source: SnapshotSource,
): AsyncGenerator<Chunk, void, void> {
  const scan = new SnapshotScan();
  const size = await file.size();
  for (let offset = 0; offset < size;) {
    const bytes = new Uint8Array(Math.min(readBytes, size - offset));
    const count = await file.read(bytes, offset);
    if (count === 0) break;
    offset += count;
    for (const chunk of scan.push(bytes.subarray(0, count))) {
      if (chunk.kind === "opening") checkOpening(chunk, source);
      yield chunk;
    }
  }
  scan.finish();
}

function checkOpening({ body }: Chunk, { path, slot, republic }: SnapshotSource): void {
  const opening = decodeOpening(body);
  // Told only of what is whole: any other version may be damage.
  if (opening.version > snapshotVersion) throw newerVersion(path, opening.version, snapshotVersion);
  if (opening.slot === slot && opening.republic === republic) return;
  throw new DecodeError(0, `expected the snapshot after slot ${slot} of republic ${republic}`);
}

function asDamage(path: string, error: unknown): unknown {
  if (error instanceof DecodeError) return damaged(path, error.offset, error.message);
  const isUnreadable = error instanceof Error && "code" in error && error.code === "EIO";
  return isUnreadable ? damaged(path, 0, "it cannot be read", error) : error;
}
