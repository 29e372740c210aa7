/**
 * Frames: the bytes of every connection, of whatever kind. Pure. Never reads past a length that
 * the limit forbids, and copies a body only when it came in parts.
 *
 * A frame, numbers big-endian: u32 length of what follows · u8 version · u8 kind · u16 zero · u32
 * id of the call (zero where there is none) · u32 checksum of all before it and the body · body.
 */
import type { Checksum } from "./caller.ts";
import { introductionVersion } from "./protocol-range.ts";
import { PartialBody } from "./partial-body.ts";
import type { PartialRoom } from "./partial-body.ts";
import { TransportError } from "./transport-error.ts";

/** Explicit codes, never reused. */
export const frameKinds = {
  /** First frame, both ways: who speaks. */
  hello: 1,
  /** A request that wants an answer. */
  call: 2,
  answer: 3,
  /** The call failed. */
  failure: 4,
  /** A request that wants none. */
  tell: 5,
  /** The caller gave the call up. */
  abort: 6,
  /** The speaker closes the connection, and why. */
  bye: 7,
} as const;

export type FrameKind = (typeof frameKinds)[keyof typeof frameKinds];

export interface Frame {
  readonly kind: FrameKind;
  readonly id: number;
  readonly body: Uint8Array;
}

/** What both sides have to agree on before they understand a frame of each other. */
export interface Framing {
  /** Of all frames but introductions and goodbyes, which are of one version for ever. */
  readonly version: number;
  readonly checksum: Checksum;
}

/** The version that a frame of this kind names. */
export function versionOf(kind: FrameKind, { version }: Framing): number {
  return kind === frameKinds.hello || kind === frameKinds.bye ? introductionVersion : version;
}

/** Bytes of a frame before its body, the length included. */
export const frameHeaderBytes = 16;
/** The part of the header before its checksum, which it covers with the body. */
export const coveredHeaderBytes = 12;
/** The part of the header that the length counts. */
const countedHeaderBytes = 12;
const empty = new Uint8Array(0);

export interface FrameHead {
  readonly version: number;
  readonly kind: FrameKind;
  readonly id: number;
  readonly bodyBytes: number;
}

/** Writes the `coveredHeaderBytes` to the start of `target`. */
export function writeFrameHead(target: Uint8Array, head: FrameHead): void {
  const { id } = head;
  const length = countedHeaderBytes + head.bodyBytes;
  writeUint32(target, 0, length);
  target[4] = head.version;
  target[5] = head.kind;
  target[6] = 0;
  target[7] = 0;
  writeUint32(target, 8, id);
}

/** Completes the header at `offset`. */
export function writeFrameChecksum(target: Uint8Array, offset: number, checksum: number): void {
  writeUint32(target, offset + coveredHeaderBytes, checksum);
}

function writeUint32(target: Uint8Array, offset: number, value: number): void {
  target[offset] = value >>> 24;
  target[offset + 1] = value >>> 16;
  target[offset + 2] = value >>> 8;
  target[offset + 3] = value;
}

/** What the length of a frame with such a body would say, to be held against `frameBytesMax`. */
export function frameBytes(bodyBytes: number): number {
  return countedHeaderBytes + bodyBytes;
}

/** Bytes of all `pieces`. */
export function piecesBytes(pieces: readonly Uint8Array[]): number {
  let bytes = 0;
  for (const piece of pieces) bytes += piece.length;
  return bytes;
}

/** One copy of all `pieces`, one after the other. */
export function joinPieces(pieces: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(piecesBytes(pieces));
  let offset = 0;
  for (const piece of pieces) {
    joined.set(piece, offset);
    offset += piece.length;
  }
  return joined;
}

/** Big-endian. */
export function readUint32(bytes: Uint8Array, offset: number): number {
  const high = ((bytes[offset] ?? 0) << 8) | (bytes[offset + 1] ?? 0);
  const low = ((bytes[offset + 2] ?? 0) << 8) | (bytes[offset + 3] ?? 0);
  return high * 65_536 + low;
}

function isFrameKind(code: number | undefined): code is FrameKind {
  return code !== undefined && code >= frameKinds.hello && code <= frameKinds.bye;
}

function malformed(found: string): TransportError {
  return new TransportError(
    "KBZ_MALFORMED",
    `Wanted a frame of this protocol, got ${found}. Check what speaks at the other end.`,
    { outcome: "unknown" },
  );
}

function full(): TransportError {
  return new TransportError(
    "KBZ_BUSY",
    "Wanted the rest of a frame, but frames that have not come to their end hold all the room " +
      "that is for them. Try again later, or send less at once.",
    { outcome: "unknown" },
  );
}

/**
 * Takes a stream in chunks of any size and gives its frames. After an error it is not used again.
 * A body inside of one chunk is a view into it; another is gathered as it comes.
 */
export class FrameParser {
  /** Raised once the other side has introduced itself. */
  frameBytesMax: number;
  /** That of both sides, once the other one has introduced itself. */
  framing: Framing;
  readonly #room: PartialRoom | null;
  /** Of the frame that has begun. */
  readonly #header = new Uint8Array(frameHeaderBytes);
  readonly #covered = this.#header.subarray(0, coveredHeaderBytes);
  #headerFilled = 0;
  #chunk: Uint8Array = empty;
  #offset = 0;
  #kind: FrameKind = frameKinds.hello;
  /** Not null while a frame's header is read and its body is not yet whole. */
  #body: PartialBody | null = null;
  #frames = 0;

  /** @param room What bodies that come in parts may take, or null without a bound. */
  constructor(framing: Framing, frameBytesMax: number, room: PartialRoom | null = null) {
    this.framing = framing;
    this.frameBytesMax = frameBytesMax;
    this.#room = room;
  }

  /** The number of the frame that has begun and has not come to its end, or null. */
  get partial(): number | null {
    return this.#headerFilled > 0 || this.#body !== null ? this.#frames : null;
  }

  /** Bytes that have come of it. */
  get partialBytes(): number {
    return this.#body === null ? this.#headerFilled : frameHeaderBytes + this.#body.filled;
  }

  /** Bytes of memory that its body holds. */
  get heldBytes(): number {
    return this.#body?.held ?? 0;
  }

  /** Lets go of a frame that will not come to its end. */
  release(): void {
    this.#body?.release();
    this.#body = null;
    this.#headerFilled = 0;
  }

  /** Hands in the next chunk; the one before is used up: `next` gave null. */
  push(chunk: Uint8Array): void {
    if (this.#offset !== this.#chunk.length)
      throw new Error("a chunk came before the last was read");
    this.#chunk = chunk;
    this.#offset = 0;
  }

  /**
   * The next whole frame, or null when more bytes are needed.
   *
   * @throws {TransportError} `KBZ_MALFORMED`, `KBZ_VERSION`, `KBZ_TOO_LARGE` or `KBZ_BUSY`.
   */
  next(): Frame | null {
    if (this.#body !== null) return this.#fillBody(this.#body);
    const start = this.#offset;
    const filled = this.#headerFilled;
    const taken = Math.min(this.#chunk.length - start, frameHeaderBytes - filled);
    // So few bytes are copied faster one by one than through a view.
    for (let at = 0; at < taken; at += 1) this.#header[filled + at] = this.#chunk[start + at] ?? 0;
    this.#headerFilled += taken;
    this.#offset += taken;
    // A wrong length is refused before anything else of the frame has come.
    if (this.#headerFilled >= 4) this.#checkLength(readUint32(this.#header, 0));
    if (this.#headerFilled < frameHeaderBytes) return this.#needMore();
    this.#headerFilled = 0;
    return this.#begin();
  }

  #begin(): Frame | null {
    const header = this.#header;
    const kind = header[5];
    if (!isFrameKind(kind)) throw malformed(`kind ${kind}`);
    if (header[6] !== 0 || header[7] !== 0) throw malformed("reserved bits");
    const version = versionOf(kind, this.framing);
    if (header[4] !== version) {
      throw new TransportError(
        "KBZ_VERSION",
        `Wanted version ${version} of the protocol, got ${header[4]}. ` +
          "Bring both sides to versions that understand each other.",
        { outcome: "none" },
      );
    }
    this.#kind = kind;
    const bodyBytes = readUint32(header, 0) - countedHeaderBytes;
    const start = this.#offset;
    if (this.#chunk.length - start >= bodyBytes) {
      this.#offset += bodyBytes;
      return this.#end(this.#chunk.subarray(start, this.#offset));
    }
    this.#body = new PartialBody(bodyBytes, this.#room);
    return this.#fillBody(this.#body);
  }

  #fillBody(body: PartialBody): Frame | null {
    const start = this.#offset;
    const taken = Math.min(this.#chunk.length - start, body.missing);
    this.#offset += taken;
    if (!body.add(this.#chunk.subarray(start, start + taken))) throw full();
    if (body.missing > 0) return this.#needMore();
    body.release();
    this.#body = null;
    return this.#end(body.whole);
  }

  #end(body: Uint8Array): Frame {
    const { checksum } = this.framing;
    const found = checksum(body, checksum(this.#covered));
    if (found !== readUint32(this.#header, coveredHeaderBytes)) {
      throw malformed("a frame that was damaged on its way");
    }
    this.#frames += 1;
    return { kind: this.#kind, id: readUint32(this.#header, 8), body };
  }

  /** Lets go of a chunk that is used up, so that it can be freed while the stream is silent. */
  #needMore(): null {
    this.#chunk = empty;
    this.#offset = 0;
    return null;
  }

  #checkLength(length: number): void {
    if (length < countedHeaderBytes) throw malformed(`a frame of ${length} bytes`);
    if (length <= this.frameBytesMax) return;
    throw new TransportError(
      "KBZ_TOO_LARGE",
      `Wanted a frame of at most ${this.frameBytesMax} bytes, got one of ${length}. ` +
        "Send less at once, or check what speaks at the other end.",
      { outcome: "unknown" },
    );
  }
}
