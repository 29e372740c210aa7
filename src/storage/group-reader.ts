/**
 * Reads groups back. Everything is checked; what does not match throws `DecodeError` with its
 * offset in the file, and the caller judges whether that is damage or a write that never ended.
 */
import type { Ballot, Hash, Slot, Write } from "../../consensus/index.ts";
import { DecodeError, LaterVersionError, getHex16, viewOf } from "../codec/bytes.ts";
import { isZero } from "../codec/zeros.ts";
import { crc32 } from "../codec/crc32.ts";
import type { FramedDecree } from "../codec/decree-codec.ts";
import { decodeBodySize, decodeDecree } from "../codec/decree-codec.ts";
import {
  endMarker,
  groupHeaderBytes,
  groupKind,
  groupMagic,
  headerPlaces,
  markKind,
  mendKind,
  recordHeaderBytes,
  trailerBytes,
  writeHeaderBytes,
  type Extras,
  type GroupPlace,
} from "./group.ts";
import { heardShape } from "./read-start.ts";
import { getExtent, getHash, type Extent } from "./extents.ts";
import { sectorBytes } from "./segment.ts";
import {
  isBallot,
  isHexText,
  isWhole,
  listOf,
  matches,
  nullOr,
  type Check,
} from "../codec/shapes.ts";

export interface GroupHeader {
  readonly kind: "group" | "mark" | "mend";
  readonly number: number;
  /** Where the log ended before this group, or after the one that a mark is of. */
  readonly extent: Extent;
  /** The lowest slot that the group touches. */
  readonly slotLow: Slot;
  /** Where the log ends after the group; of a mark all this is zero. */
  readonly length: Slot;
  readonly decided: Slot;
  readonly hash: Hash | null;
  readonly changesBallot: boolean;
  /** Whole sectors. */
  readonly size: number;
  readonly writes: number;
  readonly records: number;
  readonly tailZeros: number;
  readonly writeFirst: number;
  readonly writeLast: number;
}

const kinds: ReadonlyMap<number, GroupHeader["kind"]> = new Map([
  [groupKind, "group"],
  [markKind, "mark"],
  [mendKind, "mend"],
]);

export interface ReadRecord {
  readonly framed: FramedDecree;
  readonly offset: number;
  readonly size: number;
}

export interface ReadWrite {
  readonly write: Write;
  readonly records: readonly ReadRecord[];
}

/** The header of a group or a mark at the start of `sector`, or null when there is none intact. */
export function readGroupHeader(
  sector: Uint8Array,
  place: Omit<GroupPlace, "number" | "extent">,
): GroupHeader | null {
  const view = viewOf(sector);
  const { checksum, end, changes } = headerPlaces;
  if (view.getUint32(0, true) !== groupMagic || view.getUint32(end, true) !== endMarker)
    return null;
  if (view.getUint32(checksum, true) !== crc32(sector.subarray(0, checksum), place.segment.seed))
    return null;
  const isHere =
    view.getFloat64(8, true) === place.segment.generation &&
    view.getFloat64(24, true) === place.offset &&
    getHex16(view, 64) === place.republic;
  const size = view.getUint32(32, true);
  const isWhole = size % sectorBytes === 0 && place.offset + size <= place.segment.size;
  const kind = kinds.get(view.getUint32(4, true));
  if (!isHere || !isWhole || kind === undefined) return null;
  const length = view.getFloat64(headerPlaces.length, true);
  return {
    kind,
    extent: getExtent(view, headerPlaces.extent),
    slotLow: view.getFloat64(headerPlaces.slotLow, true),
    length,
    decided: view.getFloat64(headerPlaces.decided, true),
    hash: getHash(view, headerPlaces.hash, length),
    changesBallot: view.getUint32(changes, true) !== 0,
    number: view.getFloat64(16, true),
    size,
    writes: view.getUint32(36, true),
    records: view.getUint32(40, true),
    tailZeros: view.getUint32(44, true),
    writeFirst: view.getFloat64(48, true),
    writeLast: view.getFloat64(56, true),
  };
}

/**
 * The writes of the group `header`, whose bytes are `bytes`.
 * @throws {DecodeError} with the offset in the file.
 */
export function readGroup(
  bytes: Uint8Array,
  header: GroupHeader,
  place: Omit<GroupPlace, "extent">,
): readonly ReadWrite[] {
  const reader = new GroupReader(bytes, place);
  const writes: ReadWrite[] = [];
  for (let count = 0; count < header.writes; count += 1) writes.push(reader.write());
  reader.end();
  const records = writes.reduce((sum, write) => sum + write.records.length, 0);
  if (
    records !== header.records ||
    writes[0]?.write.number !== header.writeFirst ||
    writes.at(-1)?.write.number !== header.writeLast
  ) {
    throw new DecodeError(place.offset, "the group does not hold what its header says");
  }
  return writes;
}

/**
 * The decree whose record begins at `at` of `bytes`, which stands at `offset` in the file.
 * @throws {DecodeError} with the offset in the file; `LaterVersionError` when it is whole.
 */
export function readRecord(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  where: { readonly offset: number; readonly seed: number; readonly group: number | null },
): FramedDecree {
  checkHeader(bytes, view, at, { ...where, size: recordHeaderBytes });
  try {
    return decodeDecree(bytes, view, at, at + recordHeaderBytes);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    const offset = where.offset + error.offset - at;
    if (error instanceof LaterVersionError) throw new LaterVersionError(offset, error.message);
    throw new DecodeError(offset, error.message);
  }
}

function checkHeader(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  where: {
    readonly offset: number;
    readonly seed: number;
    readonly group: number | null;
    readonly size: number;
  },
): void {
  const end = at + where.size;
  if (end > bytes.length) throw new DecodeError(where.offset, "expected a header, found the end");
  const checksum = crc32(bytes.subarray(at, end - 4), where.seed);
  if (view.getUint32(end - 4, true) !== checksum) {
    throw new DecodeError(where.offset, "a header does not match its checksum");
  }
  const isHere = view.getUint32(end - 12, true) === where.offset;
  const isOfGroup = where.group === null || view.getUint32(end - 8, true) === where.group % 2 ** 32;
  if (!isHere || !isOfGroup) throw new DecodeError(where.offset, "a header is at a wrong place");
}

/** The ballot that the write whose header begins at `at` names, or null when it is not intact. */
export function readWriteAccepted(
  bytes: Uint8Array,
  at: number,
  place: Pick<GroupPlace, "segment" | "offset" | "number">,
): Ballot | null {
  const view = viewOf(bytes);
  const where = { offset: place.offset + at, seed: place.segment.seed, group: place.number };
  try {
    checkHeader(bytes, view, at, { ...where, size: writeHeaderBytes });
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return null;
  }
  return readAccepted(bytes, view, at);
}

function readAccepted(bytes: Uint8Array, view: DataView, at: number): Ballot {
  const idBytes = bytes.subarray(at + 49, at + 49 + view.getUint8(at + 48));
  return {
    government: view.getFloat64(at + 32, true),
    round: view.getFloat64(at + 40, true),
    id: String.fromCharCode(...idBytes),
  };
}

class GroupReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #place: Omit<GroupPlace, "extent">;
  #at = groupHeaderBytes;

  constructor(bytes: Uint8Array, place: Omit<GroupPlace, "extent">) {
    this.#bytes = bytes;
    this.#view = viewOf(bytes);
    this.#place = place;
  }

  write(): ReadWrite {
    const at = this.#at;
    const view = this.#view;
    this.#header(writeHeaderBytes);
    const accepted = readAccepted(this.#bytes, view, at);
    const extras = this.#extras(view.getUint32(at + 28, true), view.getUint32(at + 112, true));
    const records: ReadRecord[] = [];
    const count = view.getUint32(at + 24, true);
    for (let index = 0; index < count; index += 1) records.push(this.#record());
    const slotFirst = view.getFloat64(at + 8, true);
    for (const [index, { framed }] of records.entries()) {
      if (framed.decree.slot === slotFirst + index) continue;
      throw this.#error(at, `expected slot ${slotFirst + index}, found ${framed.decree.slot}`);
    }
    const write: Write = {
      number: view.getFloat64(at, true),
      promised: extras.promised,
      accepted,
      slotFirst,
      decrees: records.map((record) => record.framed.decree),
      decided: view.getFloat64(at + 16, true),
      heard: extras.heard,
      lostUpTo: extras.lostUpTo,
      base: extras.base,
    };
    return { write, records };
  }

  /** Zeros up to the trailer, and the trailer. */
  end(): void {
    const trailerAt = this.#bytes.length - trailerBytes;
    const isPadded = this.#at <= trailerAt && isZero(this.#bytes, this.#at, trailerAt);
    const isEnded =
      this.#view.getUint32(trailerAt, true) === this.#place.number % 2 ** 32 &&
      this.#view.getUint32(trailerAt + 4, true) === endMarker;
    if (!isPadded || !isEnded) throw this.#error(this.#at, "expected the end of a group");
  }

  #record(): ReadRecord {
    const at = this.#at;
    const offset = this.#place.offset + at;
    this.#header(recordHeaderBytes);
    const where = { offset, seed: this.#place.segment.seed, group: this.#place.number };
    const framed = readRecord(this.#bytes, this.#view, at, where);
    this.#at += decodeBodySize(this.#view, at);
    return { framed, offset, size: this.#at - at };
  }

  #extras(size: number, checksum: number): Extras {
    const at = this.#at;
    const bytes = this.#bytes.subarray(at, at + size);
    if (bytes.length !== size || crc32(bytes) !== checksum) {
      throw this.#error(at, "the notes of a write do not match their checksum");
    }
    this.#at += size;
    if (size === 0) return { promised: null, heard: null, lostUpTo: 0, base: null };
    const extras: unknown = JSON.parse(new TextDecoder().decode(bytes));
    if (isExtras(extras)) return extras;
    throw this.#error(at, "the notes of a write are not notes");
  }

  #header(size: number): void {
    const where = { offset: this.#place.offset + this.#at, seed: this.#place.segment.seed };
    checkHeader(this.#bytes, this.#view, this.#at, { ...where, group: this.#place.number, size });
    this.#at += size;
  }

  #error(at: number, message: string): DecodeError {
    return new DecodeError(this.#place.offset + at, message);
  }
}

const extrasShape: Readonly<Record<string, Check>> = {
  promised: nullOr(isBallot),
  lostUpTo: isWhole,
  base: nullOr((base) => matches(base, { slot: isWhole, hash: isHexText })),
  heard: nullOr(listOf((note) => matches(note, heardShape))),
};

function isExtras(value: unknown): value is Extras {
  return matches(value, extrasShape);
}
