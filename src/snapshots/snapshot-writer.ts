/**
 * Writes a snapshot under a temporary name, chunk by chunk and never much at once, and syncs it.
 * Gives it no name of its own: whoever read it back does.
 */
import { assert, type RepublicState } from "../../consensus/index.ts";
import { encodeRepublic } from "../codec/republic-codec.ts";
import type { FileHandle, FileSystem } from "../world.ts";
import {
  chunkBytesMax,
  encodeChunkHeader,
  encodeDocument,
  openingOf,
  seedOf,
  type Chunk,
} from "./snapshot-codec.ts";

export interface NamedPieces {
  readonly name: string;
  readonly pieces: AsyncIterable<Uint8Array>;
}

export interface WriteOptions {
  readonly files: FileSystem;
  readonly path: string;
  /** The identity of the republic that it belongs to. */
  readonly republic: string;
  readonly state: RepublicState;
  /** In the order of their names. */
  readonly parts: readonly NamedPieces[];
  /** Lets others have their turn. */
  pause(): Promise<void>;
  readonly signal: AbortSignal;
}

/** Synced so often, so that no sync of the journal waits behind much. */
const syncBytes = 1_048_576;

/** Resolves with the bytes of the file, once all of them are durable. */
export async function writeSnapshot(options: WriteOptions): Promise<number> {
  const { files, path } = options;
  if (await files.exists(path)) await files.remove(path);
  const file = await files.open(path, "create");
  try {
    return await new SnapshotWriter(file, options).run();
  } finally {
    await file.close();
  }
}

class SnapshotWriter {
  readonly #file: FileHandle;
  readonly #options: WriteOptions;
  readonly #seed: number;
  #offset = 0;
  #chunks = 0;
  #unsynced = 0;

  constructor(file: FileHandle, options: WriteOptions) {
    this.#file = file;
    this.#options = options;
    const { slot, stateHash } = options.state;
    this.#seed = seedOf({ slot, stateHash });
  }

  async run(): Promise<number> {
    const { state, republic, parts } = this.#options;
    const opening = openingOf(
      state,
      republic,
      parts.map(({ name }) => name),
    );
    await this.#chunk({ kind: "opening", part: 0, body: encodeDocument(opening) });
    await this.#pieces("republic", 0, encodeRepublic(state));
    for (const [part, { pieces }] of parts.entries()) await this.#pieces("part", part, pieces);
    const body = encodeDocument({ chunks: this.#chunks + 1 });
    await this.#chunk({ kind: "end", part: 0, body });
    await this.#file.datasync();
    return this.#offset;
  }

  /** In chunks of one size, however they came. */
  async #pieces(
    kind: "republic" | "part",
    part: number,
    pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  ): Promise<void> {
    let body = new Uint8Array(chunkBytesMax);
    let filled = 0;
    for await (const piece of pieces) {
      for (let from = 0; from < piece.length;) {
        const taken = Math.min(piece.length - from, chunkBytesMax - filled);
        body.set(piece.subarray(from, from + taken), filled);
        filled += taken;
        from += taken;
        if (filled < chunkBytesMax) continue;
        await this.#chunk({ kind, part, body });
        body = new Uint8Array(chunkBytesMax);
        filled = 0;
      }
      await this.#options.pause();
    }
    if (filled > 0) await this.#chunk({ kind, part, body: body.subarray(0, filled) });
  }

  async #chunk(chunk: Chunk): Promise<void> {
    this.#options.signal.throwIfAborted();
    assert(chunk.body.length <= chunkBytesMax, "a chunk has its bound");
    const header = encodeChunkHeader(chunk, this.#chunks, this.#seed);
    await this.#file.write([header, chunk.body], this.#offset);
    const bytes = header.length + chunk.body.length;
    this.#offset += bytes;
    this.#chunks += 1;
    this.#unsynced += bytes;
    if (this.#unsynced < syncBytes) return;
    await this.#file.datasync();
    this.#unsynced = 0;
  }
}
