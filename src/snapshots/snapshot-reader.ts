/**
 * Reads a snapshot forward, each chunk checked before it is given out. A file that is not whole, or
 * has anything behind its end, is damaged; nothing of it is believed then.
 */
import type { RepublicState, Slot } from "../../consensus/index.ts";
import { DecodeError } from "../codec/bytes.ts";
import { ByteReader } from "../codec/byte-reader.ts";
import { crc32 } from "../codec/crc32.ts";
import { readRepublicState } from "../codec/republic-codec.ts";
import { damaged, newerVersion } from "../storage/damage.ts";
import type { FileHandle, FileSystem } from "../world.ts";
import {
  chunkBytesMax,
  chunkHeaderBytes,
  decodeChunkHeader,
  decodeEnd,
  decodeOpening,
  snapshotVersion,
  type Chunk,
  type ChunkKind,
  type SnapshotOpening,
} from "./snapshot-codec.ts";
import { seedOf } from "./snapshot-writer.ts";

export interface SnapshotSource {
  readonly files: FileSystem;
  readonly path: string;
  /** What it must be: of this republic, after this slot. */
  readonly republic: string;
  readonly slot: Slot;
}

export interface ReadSnapshot {
  readonly opening: SnapshotOpening;
  readonly state: RepublicState;
}

const order: readonly ChunkKind[] = ["opening", "republic", "part", "end"];

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
  let opening: SnapshotOpening | null = null;
  const pieces: Uint8Array[] = [];
  for await (const chunk of chunksOf(source)) {
    if (chunk.kind === "opening") opening = decodeOpening(chunk.body);
    else if (chunk.kind === "republic") pieces.push(chunk.body);
    else if (!isWhole) break;
  }
  if (opening === null) throw damaged(source.path, 0, "it has no opening");
  const state = decodeState(source.path, pieces);
  const isSame =
    state.slot === opening.slot &&
    state.stateHash === opening.stateHash &&
    state.index === opening.index &&
    opening.republic === source.republic &&
    state.republic !== null;
  if (isSame) return { opening, state };
  throw damaged(source.path, 0, "its state is not the one that its opening names");
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

function decodeState(path: string, pieces: readonly Uint8Array[]): RepublicState {
  try {
    const reader = new ByteReader(Buffer.concat(pieces));
    const state = readRepublicState(reader);
    reader.end();
    return state;
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw damaged(path, error.offset, error.message);
  }
}

async function* chunksOf(source: SnapshotSource): AsyncGenerator<Chunk, void, void> {
  const { files, path } = source;
  if (!(await files.exists(path))) throw damaged(path, 0, "the snapshot is missing");
  const file = await files.open(path, "read");
  try {
    yield* new ChunkReader(file, source).run();
  } catch (error) {
    const isUnreadable = error instanceof Error && "code" in error && error.code === "EIO";
    throw isUnreadable ? damaged(path, 0, "it cannot be read", error) : error;
  } finally {
    await file.close();
  }
}

class ChunkReader {
  readonly #file: FileHandle;
  readonly #source: SnapshotSource;
  #seed = 0;
  #offset = 0;
  #chunks = 0;
  #last: { readonly kind: ChunkKind; readonly part: number } = { kind: "opening", part: 0 };

  constructor(file: FileHandle, source: SnapshotSource) {
    this.#file = file;
    this.#source = source;
  }

  async *run(): AsyncGenerator<Chunk, void, void> {
    try {
      const first = await this.#first();
      yield first;
      for (;;) {
        const chunk = await this.#next();
        if (chunk.kind === "end") {
          await this.#checkEnd(chunk);
          yield chunk;
          return;
        }
        yield chunk;
      }
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      throw damaged(this.#source.path, this.#offset + error.offset, error.message);
    }
  }

  /** The opening says what all checksums begin with; its own header is checked by that. */
  async #first(): Promise<Chunk> {
    const { slot, republic, path } = this.#source;
    const bytes = new Uint8Array(chunkHeaderBytes + 4096);
    const count = await this.#file.read(bytes, 0);
    const view = new DataView(bytes.buffer);
    const size = Math.min(view.getUint32(16, true), 4096);
    const body = bytes.subarray(chunkHeaderBytes, Math.min(chunkHeaderBytes + size, count));
    const opening = decodeOpening(body);
    this.#seed = seedOf(opening);
    const isWanted = opening.slot === slot && opening.republic === republic;
    const chunk = await this.#next();
    // Told only of what is whole: any other version may be damage.
    if (opening.version > snapshotVersion) {
      throw newerVersion(path, opening.version, snapshotVersion);
    }
    if (chunk.kind !== "opening" || !isWanted) {
      throw new DecodeError(0, `expected the snapshot after slot ${slot} of republic ${republic}`);
    }
    return chunk;
  }

  async #next(): Promise<Chunk> {
    const head = new Uint8Array(chunkHeaderBytes);
    const count = await this.#file.read(head, this.#offset);
    const header = decodeChunkHeader(head.subarray(0, count), this.#chunks, this.#seed);
    const { kind, part, size, checksum } = header;
    const [before, now] = [order.indexOf(this.#last.kind), order.indexOf(kind)];
    const isNext = now > before || (kind === this.#last.kind && part >= this.#last.part);
    if (!isNext || size > chunkBytesMax) throw new DecodeError(0, `no chunk of kind ${kind} here`);
    const body = new Uint8Array(size);
    const read = await this.#file.read(body, this.#offset + chunkHeaderBytes);
    if (read < size || crc32(body) !== checksum) {
      throw new DecodeError(chunkHeaderBytes, "a chunk does not match its checksum");
    }
    this.#offset += chunkHeaderBytes + size;
    this.#chunks += 1;
    this.#last = { kind, part };
    return { kind, part, body };
  }

  async #checkEnd({ body }: Chunk): Promise<void> {
    const size = await this.#file.size();
    if (decodeEnd(body).chunks === this.#chunks && size === this.#offset) return;
    throw new DecodeError(0, `expected ${this.#chunks} chunks and nothing behind them`);
  }
}
