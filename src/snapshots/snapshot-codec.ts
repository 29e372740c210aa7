/**
 * A snapshot as chunks, each with its place and checksum: opening, the replicated state, the parts,
 * end. Equal states give equal bytes on all nodes, however parts cut them. Does no I/O.
 */
import type { Hash, Index, RepublicState, Slot } from "../../consensus/index.ts";
import { DecodeError, viewOf } from "../codec/bytes.ts";
import { crc32 } from "../codec/crc32.ts";
import { isHexText, isText, isWhole, listOf, matches, type Check } from "../codec/shapes.ts";

export const snapshotVersion = 1;
export const chunkHeaderBytes = 32;
/** Bytes of a chunk: large enough to be fast, small enough not to hold anybody up. */
export const chunkBytesMax = 262_144;
const chunkMagic = 0x4e_53_42_4b;

const kindCodes = { opening: 1, republic: 2, part: 3, end: 4 } as const;
export type ChunkKind = keyof typeof kindCodes;
const kinds = new Map<number, ChunkKind>([
  [1, "opening"],
  [2, "republic"],
  [3, "part"],
  [4, "end"],
]);

/** What a snapshot says of itself: nothing of the node that made it. */
export interface SnapshotOpening {
  readonly version: number;
  readonly republic: string;
  readonly slot: Slot;
  readonly index: Index;
  readonly hash: Hash;
  readonly stateHash: Hash;
  /** The names of its parts, in their order. */
  readonly parts: readonly string[];
}

export interface SnapshotEnd {
  readonly chunks: number;
}

export interface Chunk {
  readonly kind: ChunkKind;
  /** Of the part, from 0; 0 for all other kinds. */
  readonly part: number;
  readonly body: Uint8Array;
}

export interface ChunkHeader {
  readonly kind: ChunkKind;
  readonly part: number;
  readonly size: number;
  readonly checksum: number;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** @param republic Whose it is: its own log may have begun under an earlier identity. */
export function openingOf(
  state: RepublicState,
  republic: string,
  parts: readonly string[],
): SnapshotOpening {
  const { slot, index, hash, stateHash } = state;
  return { version: snapshotVersion, republic, slot, index, hash, stateHash, parts };
}

export function encodeDocument(document: SnapshotOpening | SnapshotEnd): Uint8Array {
  return encoder.encode(JSON.stringify(document));
}

const openingShape: Readonly<Record<string, Check>> = {
  version: isWhole,
  republic: isHexText,
  slot: isWhole,
  index: isWhole,
  hash: isHexText,
  stateHash: isHexText,
  parts: listOf(isText),
};

/** @throws {DecodeError} */
export function decodeOpening(body: Uint8Array): SnapshotOpening {
  const document = parse(body);
  if (isOpening(document)) return document;
  throw new DecodeError(chunkHeaderBytes, "expected the opening of a snapshot");
}

/** @throws {DecodeError} */
export function decodeEnd(body: Uint8Array): SnapshotEnd {
  const document = parse(body);
  if (isEnd(document)) return document;
  throw new DecodeError(0, "expected the end of a snapshot");
}

/** @param number Of the chunk in its file, from 0; it is part of the checksum. */
export function encodeChunkHeader(
  { kind, part, body }: Chunk,
  number: number,
  seed: number,
): Uint8Array {
  const header = new Uint8Array(chunkHeaderBytes);
  const view = viewOf(header);
  view.setUint32(0, chunkMagic, true);
  view.setUint32(4, kindCodes[kind], true);
  view.setUint32(8, number, true);
  view.setUint32(12, part, true);
  view.setUint32(16, body.length, true);
  view.setUint32(20, crc32(body), true);
  view.setUint32(28, crc32(header.subarray(0, 28), seed), true);
  return header;
}

/** @throws {DecodeError} */
export function decodeChunkHeader(header: Uint8Array, number: number, seed: number): ChunkHeader {
  const view = viewOf(header);
  const isIntact =
    header.length === chunkHeaderBytes &&
    view.getUint32(0, true) === chunkMagic &&
    view.getUint32(28, true) === crc32(header.subarray(0, 28), seed);
  const kind = isIntact ? kinds.get(view.getUint32(4, true)) : undefined;
  const isHere = isIntact && view.getUint32(8, true) === number && view.getUint32(24, true) === 0;
  if (kind === undefined || !isHere) {
    throw new DecodeError(0, `expected the header of chunk ${number}, found none intact`);
  }
  const size = view.getUint32(16, true);
  return { kind, part: view.getUint32(12, true), size, checksum: view.getUint32(20, true) };
}

function parse(body: Uint8Array): unknown {
  try {
    const document: unknown = JSON.parse(decoder.decode(body));
    return document;
  } catch {
    throw new DecodeError(0, "expected JSON");
  }
}

function isOpening(value: unknown): value is SnapshotOpening {
  return matches(value, openingShape);
}

function isEnd(value: unknown): value is SnapshotEnd {
  return matches(value, { chunks: isWhole });
}

/** A chunk of another snapshot does not match. */
export function seedOf({ slot, stateHash }: Pick<RepublicState, "slot" | "stateHash">): number {
  return crc32(encoder.encode(`${slot} ${stateHash}`));
}
