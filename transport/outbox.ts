/**
 * Gathers the frames of one turn, so that they leave in one write. Small pieces are copied
 * together, large ones stay as they are. Writes nothing itself.
 */
import {
  coveredHeaderBytes,
  frameHeaderBytes,
  piecesBytes,
  versionOf,
  writeFrameChecksum,
  writeFrameHead,
} from "./framing.ts";
import type { FrameKind, Framing } from "./framing.ts";

/** Above this a piece costs less as an extra entry of the write than as a copy. */
const copyBytesMax = 4096;
const slabBytes = 64 * 1024;

export class Outbox {
  /** As the parser's: that of both sides, once the other one has introduced itself. */
  framing: Framing;
  readonly #head = new Uint8Array(coveredHeaderBytes);
  #pieces: Uint8Array[] = [];
  #bytes = 0;
  /**
   * Where small pieces are copied to; the part from `#runStart` to `#runEnd` is not in `#pieces`.
   */
  #slab = new Uint8Array(0);
  #runStart = 0;
  #runEnd = 0;

  constructor(framing: Framing) {
    this.framing = framing;
  }

  get bytes(): number {
    return this.#bytes;
  }

  append(kind: FrameKind, id: number, body: readonly Uint8Array[]): void {
    const { checksum } = this.framing;
    const version = versionOf(kind, this.framing);
    const bodyBytes = piecesBytes(body);
    writeFrameHead(this.#head, { version, kind, id, bodyBytes });
    this.#makeRoom(frameHeaderBytes);
    const slab = this.#slab;
    const start = this.#runEnd;
    slab.set(this.#head, start);
    this.#runEnd += frameHeaderBytes;
    for (const piece of body) this.#appendPiece(piece);
    const end = start + frameHeaderBytes + bodyBytes;
    let sum = checksum(this.#head);
    // Above two pieces a view costs less than a call for each, where they were copied together.
    if (body.length > 2 && slab === this.#slab && this.#runEnd === end)
      sum = checksum(slab.subarray(start + frameHeaderBytes, end), sum);
    else for (const piece of body) sum = checksum(piece, sum);
    writeFrameChecksum(slab, start, sum);
    this.#bytes += frameHeaderBytes + bodyBytes;
  }

  /** Everything appended since the last time, in order. */
  take(): readonly Uint8Array[] {
    this.#endRun();
    const pieces = this.#pieces;
    this.#pieces = [];
    this.#bytes = 0;
    return pieces;
  }

  #appendPiece(piece: Uint8Array): void {
    if (piece.length === 0) return;
    if (piece.length > copyBytesMax) {
      this.#endRun();
      this.#pieces.push(piece);
      return;
    }
    this.#makeRoom(piece.length);
    this.#slab.set(piece, this.#runEnd);
    this.#runEnd += piece.length;
  }

  #makeRoom(bytes: number): void {
    if (this.#slab.length - this.#runEnd >= bytes) return;
    this.#endRun();
    // The old slab lives on for as long as the network holds views into it.
    this.#slab = new Uint8Array(slabBytes);
    this.#runStart = 0;
    this.#runEnd = 0;
  }

  #endRun(): void {
    if (this.#runEnd === this.#runStart) return;
    this.#pieces.push(this.#slab.subarray(this.#runStart, this.#runEnd));
    this.#runStart = this.#runEnd;
  }
}
