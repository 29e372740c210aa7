/**
 * Checks a snapshot as its bytes come, out of a file, of a backup, or from a node: each chunk
 * before it is given out, and that nothing is missing between them or follows the last. Holds one
 * chunk at a time; does no I/O.
 */
import { assert, type RepublicState } from "../../consensus/index.ts";
import { DecodeError, joined, viewOf } from "../codec/bytes.ts";
import { ByteReader } from "../codec/byte-reader.ts";
import { crc32 } from "../codec/crc32.ts";
import { readRepublicState } from "../codec/republic-codec.ts";
import {
  chunkBytesMax,
  chunkHeaderBytes,
  decodeChunkHeader,
  decodeEnd,
  decodeOpening,
  seedOf,
  type Chunk,
  type ChunkHeader,
  type ChunkKind,
  type SnapshotOpening,
} from "./snapshot-codec.ts";

const order: readonly ChunkKind[] = ["opening", "republic", "part", "end"];
/** It says how all else is checked, and is read before it was. */
const openingBytesMax = 4096;

/** The chunks of a snapshot, of pieces of any size. All offsets of its errors are of the whole. */
export class SnapshotScan {
  #rest: Uint8Array = new Uint8Array(0);
  /** Where the next chunk begins. */
  #offset = 0;
  #chunks = 0;
  #seed: number | null = null;
  #last: { readonly kind: ChunkKind; readonly part: number } = { kind: "opening", part: 0 };
  #isOver = false;

  /**
   * The chunks that are whole with `bytes`; what is left is kept for the next ones.
   * @throws {DecodeError}
   */
  *push(bytes: Uint8Array): Generator<Chunk, void, void> {
    this.#rest = this.#rest.length === 0 ? bytes : joined([this.#rest, bytes]);
    for (let chunk = this.#next(); chunk !== null; chunk = this.#next()) yield chunk;
  }

  /** There is nothing more. @throws {DecodeError} when it was not the whole snapshot. */
  finish(): void {
    if (!this.#isOver) throw this.#wrong(0, `expected chunk ${this.#chunks}, found none whole`);
  }

  /** Null as long as it is not whole. */
  #next(): Chunk | null {
    if (this.#isOver && this.#rest.length > 0) throw this.#wrong(0, "something follows its end");
    if (this.#isOver || this.#rest.length < chunkHeaderBytes) return null;
    this.#seed ??= this.#seedHere();
    if (this.#seed === null) return null;
    const header = this.#header(this.#seed);
    const end = chunkHeaderBytes + header.size;
    if (this.#rest.length < end) return null;
    const body = this.#rest.subarray(chunkHeaderBytes, end);
    if (crc32(body) !== header.checksum) {
      throw this.#wrong(chunkHeaderBytes, "a chunk does not match its checksum");
    }
    const { kind, part } = header;
    this.#chunks += 1;
    if (kind === "end") this.#end(body);
    this.#rest = this.#rest.subarray(end);
    this.#offset += end;
    this.#last = { kind, part };
    return { kind, part, body };
  }

  /** The opening says what all checksums begin with; its own header is checked by that. */
  #seedHere(): number | null {
    const size = viewOf(this.#rest).getUint32(16, true);
    if (size > openingBytesMax) throw this.#wrong(0, `an opening of ${size} bytes`);
    if (this.#rest.length < chunkHeaderBytes + size) return null;
    const body = this.#rest.subarray(chunkHeaderBytes, chunkHeaderBytes + size);
    return seedOf(this.#decoded(() => decodeOpening(body)));
  }

  #header(seed: number): ChunkHeader {
    const head = this.#rest.subarray(0, chunkHeaderBytes);
    const header = this.#decoded(() => decodeChunkHeader(head, this.#chunks, seed));
    const { kind, part, size } = header;
    const [before, now] = [order.indexOf(this.#last.kind), order.indexOf(kind)];
    const isNext = now > before || (kind === this.#last.kind && part >= this.#last.part);
    const isFirst = this.#chunks === 0;
    if (!isNext || isFirst !== (kind === "opening") || size > chunkBytesMax) {
      throw this.#wrong(0, `no chunk of kind ${kind} here`);
    }
    return header;
  }

  #end(body: Uint8Array): void {
    const { chunks } = this.#decoded(() => decodeEnd(body));
    if (chunks !== this.#chunks) throw this.#wrong(0, `expected ${chunks} chunks`);
    this.#isOver = true;
  }

  #decoded<Value>(decode: () => Value): Value {
    try {
      return decode();
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      throw this.#wrong(error.offset, error.message);
    }
  }

  #wrong(offset: number, message: string): DecodeError {
    return new DecodeError(this.#offset + offset, message);
  }
}

export interface ReadSnapshot {
  readonly opening: SnapshotOpening;
  readonly state: RepublicState;
}

/** The opening of a snapshot and the replicated state, of the chunks that it begins with. */
export class SnapshotHead {
  #opening: SnapshotOpening | null = null;
  readonly #pieces: Uint8Array[] = [];

  get opening(): SnapshotOpening | null {
    return this.#opening;
  }

  /** False when `chunk` is what follows, and all of this is there. @throws {DecodeError} */
  take({ kind, body }: Chunk): boolean {
    if (kind === "opening") this.#opening = decodeOpening(body);
    else if (kind === "republic") this.#pieces.push(body);
    else return false;
    return true;
  }

  /** @throws {DecodeError} */
  read(): ReadSnapshot {
    const opening = this.#opening;
    assert(opening !== null, "the first chunk is the opening");
    const reader = new ByteReader(joined(this.#pieces));
    const state = readRepublicState(reader);
    reader.end();
    const isSame =
      state.slot === opening.slot &&
      state.hash === opening.hash &&
      state.stateHash === opening.stateHash &&
      state.index === opening.index &&
      state.republic !== null;
    if (isSame) return { opening, state };
    throw new DecodeError(0, "its state is not the one that its opening names");
  }
}
