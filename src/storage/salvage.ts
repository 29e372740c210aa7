/**
 * What is left of damaged groups: records that are whole by themselves. Whether they are still part
 * of the log is not known here: the hash of a later decree must say so.
 */
import type { Ballot, Slot } from "../../consensus/index.ts";
import { DecodeError, LaterVersionError, viewOf } from "../codec/bytes.ts";
import { laterDecree } from "./damage.ts";
import { groupHeaderBytes, recordHeaderBytes } from "./group.ts";
import { readRecord, readWriteAccepted, type GroupHeader } from "./group-reader.ts";
import type { SegmentHeader, SegmentWindow } from "./segment.ts";
import type { Place } from "./slot-index.ts";

/** Bytes of a segment, by its position in the list. */
export interface Region {
  readonly segment: number;
  readonly from: number;
  readonly to: number;
}

export interface SalvagedRecord {
  readonly slot: Slot;
  readonly place: Place;
}

const stepBytes = 1024 * 1024;

/**
 * Every record in a region whose header and body match their checksums.
 * @throws {KibitzerError} `KBZ_VERSION` when one is of a later version.
 */
export async function salvage(
  segment: {
    readonly path: string;
    readonly header: SegmentHeader;
    readonly window: SegmentWindow;
  },
  { from, to }: Region,
): Promise<readonly SalvagedRecord[]> {
  const { header, window } = segment;
  const found: SalvagedRecord[] = [];
  let at = from;
  while (at + recordHeaderBytes <= to) {
    const length = Math.min(stepBytes, to - at);
    const bytes = await window.at(at, length);
    const hit = findHeader(bytes, at);
    if (hit === null) {
      at += Math.max(1, length - recordHeaderBytes + 1);
      continue;
    }
    const record = await readWhole(segment, { offset: at + hit, to });
    if (record === null) {
      at += hit + 1;
      continue;
    }
    const { size, slot } = record;
    found.push({ slot, place: { generation: header.generation, offset: at + hit, size } });
    at += hit + size;
  }
  return found;
}

/** Headers of records name their own offset: where the next one seems to be, or null. */
function findHeader(bytes: Uint8Array, offset: number): number | null {
  const view = viewOf(bytes);
  const word = recordHeaderBytes - 12;
  for (let at = 0; at + recordHeaderBytes <= bytes.length; at += 1) {
    if (view.getUint32(at + word, true) === (offset + at) % 2 ** 32) return at;
  }
  return null;
}

async function readWhole(
  { path, header, window }: Parameters<typeof salvage>[0],
  { offset, to }: { readonly offset: number; readonly to: number },
): Promise<{ readonly slot: Slot; readonly size: number } | null> {
  const head = await window.at(offset, recordHeaderBytes);
  const size = recordHeaderBytes + viewOf(head).getUint32(0, true);
  if (offset + size > to) return null;
  const bytes = await window.at(offset, size);
  try {
    const { decree } = readRecord(bytes, viewOf(bytes), 0, {
      offset,
      seed: header.seed,
      group: null,
    });
    return { slot: decree.slot, size };
  } catch (error) {
    if (error instanceof LaterVersionError) throw laterDecree(path, error);
    if (!(error instanceof DecodeError)) throw error;
    return null;
  }
}

/** The ballot of the log after a damaged group: that of its only write; null when that is lost. */
export function ballotAfter(
  bytes: Uint8Array,
  { writes }: GroupHeader,
  place: { readonly segment: SegmentHeader; readonly offset: number; readonly number: number },
): Ballot | null {
  return writes === 1 ? readWriteAccepted(bytes, groupHeaderBytes, place) : null;
}
