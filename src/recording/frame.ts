/**
 * Frames of a recording: header with a checksum of its own, then the body. So a cut, which leaves
 * less than a header or a body, is never taken for a flip, which leaves a wrong checksum.
 */
import { DecodeError, invert, viewOf } from "../codec/bytes.ts";
import { isZero } from "../codec/zeros.ts";
import { crc32 } from "../codec/crc32.ts";

export const frameHeaderBytes = 32;
/** A checkpoint is the largest frame there is. */
const frameBytesMax: number = 256 * 1024 * 1024;
const frameMagic = 0x52_5a_42_4b;

/** Codes are never reused. */
const kindCodes = { opening: 1, checkpoint: 2, input: 3, end: 4 } as const;
const kinds: ReadonlyMap<number, FrameKind> = invert(kindCodes);

/** `opening` is the first of a file, `end` the last of one that was closed cleanly. */
export type FrameKind = keyof typeof kindCodes;

export interface FrameHeader {
  readonly kind: FrameKind;
  /** Bytes of the body. */
  readonly size: number;
  readonly checksum: number;
}

/** Where a frame stands: its checksum covers that, so that a misplaced one is noticed. */
export interface FramePlace {
  readonly segment: number;
  readonly offset: number;
}

/** The header of a frame whose body is `chunks`. */
export function encodeFrameHeader(
  kind: FrameKind,
  chunks: readonly Uint8Array[],
  place: FramePlace,
): Uint8Array {
  // From the pool: an array of its own for each of these headers costs more than all the rest.
  const header = Buffer.allocUnsafe(frameHeaderBytes);
  let size = 0;
  let checksum = 0;
  for (const chunk of chunks) {
    size += chunk.length;
    checksum = crc32(chunk, checksum);
  }
  header.writeUInt32LE(frameMagic, 0);
  header.writeUInt32LE(kindCodes[kind], 4);
  header.writeUInt32LE(size, 8);
  header.writeUInt32LE(checksum, 12);
  header.writeUInt32LE(place.segment, 16);
  header.writeDoubleLE(place.offset, 20);
  header.writeUInt32LE(crc32(header.subarray(0, 28)), 28);
  return header;
}

/** @throws {DecodeError} when the whole header is there and is not one of this place. */
export function decodeFrameHeader(header: Uint8Array, place: FramePlace): FrameHeader {
  const view = viewOf(header);
  if (view.getUint32(28, true) !== crc32(header.subarray(0, 28))) {
    throw new DecodeError(place.offset, "a header does not match its checksum");
  }
  const kind = kinds.get(view.getUint32(4, true));
  const size = view.getUint32(8, true);
  const isHere =
    view.getUint32(0, true) === frameMagic &&
    view.getUint32(16, true) === place.segment &&
    view.getFloat64(20, true) === place.offset;
  if (kind === undefined || !isHere || size > frameBytesMax) {
    throw new DecodeError(place.offset, "a header does not belong at this place");
  }
  return { kind, size, checksum: view.getUint32(12, true) };
}

/** Whether a header was never written: a file system may lengthen a file before it fills it. */
export function isBlankHeader(header: Uint8Array): boolean {
  return isZero(header);
}

const namePattern = /^recording-\d{8,10}$/;

export function recordingName(segment: number): string {
  return `recording-${String(segment).padStart(8, "0")}`;
}

export function isRecordingName(name: string): boolean {
  return namePattern.test(name);
}

/** The number of a segment, by the name or path of its file. */
export function recordingNumber(name: string): number {
  return Number(name.slice(name.lastIndexOf("-") + 1));
}

/** What the first frame of a file says. */
export interface Opening {
  readonly version: number;
  /** The version of this package that recorded; absent in the oldest recordings. */
  readonly software?: string;
  /** When the segment was begun, milliseconds since 1970. */
  readonly when: number;
  /** Who recorded, for people and for checks: republic, id, cookie, starts. */
  readonly subject: Readonly<Record<string, string | number>>;
}

export const recordingVersion = 1;

export function encodeOpening(opening: Opening): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(opening));
}

/** Null when `body` is not an opening of any version. */
export function decodeOpening(body: Uint8Array): Opening | null {
  const value: unknown = JSON.parse(new TextDecoder().decode(body));
  return isOpening(value) ? value : null;
}

function isOpening(value: unknown): value is Opening {
  return (
    typeof value === "object" &&
    value !== null &&
    "version" in value &&
    Number.isSafeInteger(value.version) &&
    "when" in value &&
    typeof value.when === "number" &&
    "subject" in value &&
    typeof value.subject === "object"
  );
}
