/**
 * A group on disk: all writes of one sync. Header, then for each write its header and the records
 * of its decrees, then zeros up to whole sectors, then a trailer. Encoding only; does no I/O.
 */
import {
  assert,
  sameBallot,
  type Ballot,
  type Heard,
  type Slot,
  type Write,
} from "../../consensus/index.ts";
import { putHex16, viewOf } from "../codec/bytes.ts";
import { crc32 } from "../codec/crc32.ts";
import { decreeHeaderBytes, encodeDecreeHeader } from "../codec/decree-codec.ts";
import { extentBytes, putExtent, putHash, type Extent } from "./extents.ts";
import { sectorBytes, type SegmentHeader } from "./segment.ts";

export const groupHeaderBytes = 224;
export const writeHeaderBytes = 128;
export const recordHeaderBytes: number = decreeHeaderBytes + 16;
export const trailerBytes = 8;
export const groupMagic = 0x47_5a_42_4b;
export const endMarker = 0x21_64_6e_65;
export const groupKind = 1;
export const markKind = 2;
/** Decrees that stood elsewhere and were damaged there: it changes nothing else of the log. */
export const mendKind = 3;

/** Where the parts of a header stand. */
export const headerPlaces: Readonly<
  Record<
    "extent" | "slotLow" | "length" | "decided" | "hash" | "changes" | "checksum" | "end",
    number
  >
> = {
  extent: 72,
  slotLow: 72 + extentBytes,
  length: 80 + extentBytes,
  decided: 88 + extentBytes,
  hash: 96 + extentBytes,
  changes: 104 + extentBytes,
  checksum: groupHeaderBytes - 8,
  end: groupHeaderBytes - 4,
};

/** Bodies up to this many bytes are copied beside their headers: cheaper than one more piece. */
const copyBytesMax = 4096;

/** A write and the bodies of its decrees, as `decreeBody` makes them. */
export interface FramedWrite {
  readonly write: Write;
  readonly bodies: readonly Uint8Array[];
}

/** What a write carries besides its log: rare, so it is JSON. */
export interface Extras {
  readonly promised: Ballot | null;
  readonly heard: readonly Heard[] | null;
  readonly lostUpTo: Slot;
}

/** Where a group goes. */
export interface GroupPlace {
  readonly segment: SegmentHeader;
  readonly republic: string;
  /** Groups are numbered from 1, without a gap, across segments. */
  readonly number: number;
  readonly offset: number;
  /** Where the log ends before a group, or after the group that a mark is of. */
  readonly extent: Extent;
}

/** What a group makes of the log. */
export interface GroupEffect {
  readonly kind: "group" | "mend";
  readonly after: Extent;
}

export interface EncodedGroup {
  /** To be written one after the other. */
  readonly pieces: readonly Uint8Array[];
  /** Whole sectors. */
  readonly size: number;
}

/** The bytes that writes take in a group, its own header and trailer left out. */
export function sizeOfWrite({ write, bodies }: FramedWrite): number {
  let size = writeHeaderBytes + extrasOf(write).length;
  for (const body of bodies) size += recordHeaderBytes + body.length;
  return size;
}

export function sizeOfGroup(writes: readonly FramedWrite[]): number {
  let size = groupHeaderBytes + trailerBytes;
  for (const write of writes) size += sizeOfWrite(write);
  return roundUp(size);
}

export function roundUp(size: number): number {
  return Math.ceil(size / sectorBytes) * sectorBytes;
}

const noExtras = new Uint8Array(0);
const encoder = new TextEncoder();

function extrasOf(write: Write): Uint8Array {
  const { promised, heard, lostUpTo } = write;
  if (promised === null && heard === null && lostUpTo === 0) return noExtras;
  const extras: Extras = { promised, heard, lostUpTo };
  return encoder.encode(JSON.stringify(extras));
}

/** Calls back with each record's offset in the file, in order. */
export type OnRecord = (offset: number, size: number) => void;

/** Encodes `writes` as the group at `place`: headers in one buffer, large bodies as they are. */
export function encodeGroup(
  writes: readonly FramedWrite[],
  place: GroupPlace,
  { kind, after }: GroupEffect,
): EncodedGroup {
  assert(writes.length > 0, "a group has a write");
  const size = sizeOfGroup(writes);
  const packer = new Packer(writes, place, size);
  let records = 0;
  for (const write of writes) {
    packer.write(write);
    records += write.bodies.length;
  }
  const pieces = packer.end();
  const header = pieces[0];
  assert(header !== undefined, "a group begins with its header");
  const first = writes[0];
  const last = writes.at(-1);
  assert(first !== undefined && last !== undefined, "a group has a write");
  const view = viewOf(header);
  putGroupHeader(view, place, kind === "group" ? groupKind : mendKind);
  putAfter(view, place.extent, after, slotLow(writes));
  view.setUint32(32, size, true);
  view.setUint32(36, writes.length, true);
  view.setUint32(40, records, true);
  view.setFloat64(48, first.write.number, true);
  view.setFloat64(56, last.write.number, true);
  // What follows the header in its sector is no zero, so its checksum may come after this.
  view.setUint32(44, countTailZeros(pieces), true);
  sealGroupHeader(header, view, place.segment.seed);
  return { pieces, size };
}

/** Says that group `place.number`, which ends at `place.offset`, was synced. */
export function encodeMark(place: GroupPlace): Uint8Array {
  const bytes = new Uint8Array(sectorBytes);
  const view = viewOf(bytes);
  putGroupHeader(view, place, markKind);
  view.setUint32(32, sectorBytes, true);
  sealGroupHeader(bytes, view, place.segment.seed);
  return bytes;
}

/** Calls `onRecord` for each record of `writes`, as `encodeGroup` places them. */
export function placeRecords(
  { write, bodies }: FramedWrite,
  offset: number,
  onRecord: OnRecord,
): number {
  let at = offset + writeHeaderBytes + extrasOf(write).length;
  for (const body of bodies) {
    onRecord(at, recordHeaderBytes + body.length);
    at += recordHeaderBytes + body.length;
  }
  return at;
}

/** The lowest slot that `writes` touch. */
function slotLow(writes: readonly FramedWrite[]): Slot {
  return writes.reduce((low, { write }) => Math.min(low, write.slotFirst), Infinity);
}

function putAfter(view: DataView, before: Extent, after: Extent, low: Slot): void {
  view.setFloat64(headerPlaces.slotLow, low, true);
  view.setFloat64(headerPlaces.length, after.length, true);
  view.setFloat64(headerPlaces.decided, after.decided, true);
  putHash(view, headerPlaces.hash, after.hash);
  // A new ballot has no room here: each write says its own.
  view.setUint32(headerPlaces.changes, sameBallot(before.accepted, after.accepted) ? 0 : 1, true);
}

function putGroupHeader(view: DataView, place: GroupPlace, kind: number): void {
  view.setUint32(0, groupMagic, true);
  view.setUint32(4, kind, true);
  view.setFloat64(8, place.segment.generation, true);
  view.setFloat64(16, place.number, true);
  view.setFloat64(24, place.offset, true);
  putHex16(view, 64, place.republic);
  putExtent(view, headerPlaces.extent, place.extent);
  view.setUint32(headerPlaces.end, endMarker, true);
}

/** Puts the checksum of a group's header where it belongs. */
function sealGroupHeader(bytes: Uint8Array, view: DataView, seed: number): void {
  const { checksum } = headerPlaces;
  view.setUint32(checksum, crc32(bytes.subarray(0, checksum), seed), true);
}

/** Lays out a group: one packed buffer, cut where a large body goes between. */
class Packer {
  readonly #place: GroupPlace;
  readonly #size: number;
  readonly #packed: Uint8Array;
  readonly #view: DataView;
  readonly #pieces: Uint8Array[] = [];
  /** Where the next byte goes in the packed buffer, and where the piece begins that it is in. */
  #at = groupHeaderBytes;
  #cut = 0;
  /** Where the next byte goes in the group. */
  #offset = groupHeaderBytes;

  constructor(writes: readonly FramedWrite[], place: GroupPlace, size: number) {
    this.#place = place;
    this.#size = size;
    let outside = 0;
    for (const { bodies } of writes) {
      for (const body of bodies) if (body.length > copyBytesMax) outside += body.length;
    }
    // Zeroed: what is not set below must not be what the memory held before.
    this.#packed = new Uint8Array(size - outside);
    this.#view = viewOf(this.#packed);
  }

  write({ write, bodies }: FramedWrite): void {
    const extras = extrasOf(write);
    const at = this.#at;
    const view = this.#view;
    const { accepted } = write;
    assert(accepted.id.length <= 63, "ids are short");
    view.setFloat64(at, write.number, true);
    view.setFloat64(at + 8, write.slotFirst, true);
    view.setFloat64(at + 16, write.decided, true);
    view.setUint32(at + 24, write.decrees.length, true);
    view.setUint32(at + 28, extras.length, true);
    view.setFloat64(at + 32, accepted.government, true);
    view.setFloat64(at + 40, accepted.round, true);
    view.setUint8(at + 48, accepted.id.length);
    for (let index = 0; index < accepted.id.length; index += 1) {
      view.setUint8(at + 49 + index, accepted.id.charCodeAt(index));
    }
    view.setUint32(at + 112, crc32(extras), true);
    this.#seal(writeHeaderBytes);
    this.#packed.set(extras, this.#at);
    this.#advance(extras.length);
    for (const [index, decree] of write.decrees.entries()) {
      const body = bodies[index];
      assert(body !== undefined, "each decree has its body");
      encodeDecreeHeader(decree, body, view, this.#at);
      this.#seal(recordHeaderBytes);
      this.#body(body);
    }
  }

  /** The pieces, trailer included. */
  end(): readonly Uint8Array[] {
    const left = this.#size - this.#offset;
    assert(left >= trailerBytes && left < sectorBytes + trailerBytes, "a group has its size");
    this.#view.setUint32(this.#at + left - 8, this.#place.number % 2 ** 32, true);
    this.#view.setUint32(this.#at + left - 4, endMarker, true);
    this.#pieces.push(this.#packed.subarray(this.#cut));
    return this.#pieces;
  }

  /** Ends a header of `size` bytes: its place in the file and its checksum are the last words. */
  #seal(size: number): void {
    const end = this.#at + size;
    this.#view.setUint32(end - 12, this.#place.offset + this.#offset, true);
    this.#view.setUint32(end - 8, this.#place.number % 2 ** 32, true);
    const seed = this.#place.segment.seed;
    const checksum = crc32(this.#packed.subarray(this.#at, end - 4), seed);
    this.#view.setUint32(end - 4, checksum, true);
    this.#advance(size);
  }

  #body(body: Uint8Array): void {
    if (body.length <= copyBytesMax) {
      this.#packed.set(body, this.#at);
      this.#advance(body.length);
      return;
    }
    this.#pieces.push(this.#packed.subarray(this.#cut, this.#at), body);
    this.#cut = this.#at;
    this.#offset += body.length;
  }

  #advance(size: number): void {
    this.#at += size;
    this.#offset += size;
  }
}

/**
 * How many zeros the sectors of the pieces end in, taken together. A sector that was never written,
 * or only its beginning, ends in more of them than it was given, unless it lost nothing; so after a
 * crash more mean that a group is torn, and else what does not match its checksum has rotted.
 */
export function countTailZeros(pieces: readonly Uint8Array[]): number {
  let zeros = 0;
  let end = sectorBytes;
  for (const [position, piece] of pieces.entries()) {
    for (; end <= piece.length; end += sectorBytes) {
      if (piece[end - 1] === 0) zeros += zerosBefore(pieces, position, end);
    }
    end -= piece.length;
  }
  return zeros;
}

/** Zeros before `end` of a piece, in its sector; that may begin in a piece before it. */
function zerosBefore(pieces: readonly Uint8Array[], position: number, end: number): number {
  let number = position;
  let at = end;
  for (let zeros = 0; zeros < sectorBytes; zeros += 1) {
    while (at === 0) {
      number -= 1;
      at = pieces[number]?.length ?? 0;
      assert(number >= 0, "a sector is longer than its end");
    }
    at -= 1;
    if (pieces[number]?.[at] !== 0) return zeros;
  }
  return sectorBytes;
}
