/**
 * Where the log ends after each group: its ballot, length, decided slot and last hash. Written into
 * every group and mark, so that what a damaged group held is known from its neighbours.
 */
import {
  assert,
  ballotZero,
  hashZero,
  type Ballot,
  type Hash,
  type Slot,
  type Write,
} from "../../consensus/index.ts";
import { getHex16, putHex16 } from "../codec/bytes.ts";

export interface Extent {
  /** The ballot of the log. */
  readonly accepted: Ballot;
  readonly length: Slot;
  readonly decided: Slot;
  /** The hash of the log at `length`; null when damage has hidden it. */
  readonly hash: Hash | null;
}

const nothingWritten: Extent = {
  accepted: ballotZero,
  length: 0,
  decided: 0,
  hash: hashZero,
};

export const extentBytes = 104;
const idBytesMax = 63;

export function putExtent(view: DataView, at: number, extent: Extent): void {
  const { accepted, length, decided, hash } = extent;
  assert(accepted.id.length <= idBytesMax, "ids are short");
  view.setFloat64(at, accepted.government, true);
  view.setFloat64(at + 8, accepted.round, true);
  view.setUint8(at + 16, accepted.id.length);
  for (let index = 0; index < accepted.id.length; index += 1) {
    view.setUint8(at + 17 + index, accepted.id.charCodeAt(index));
  }
  view.setFloat64(at + 80, length, true);
  view.setFloat64(at + 88, decided, true);
  putHash(view, at + 96, hash);
}

export function getExtent(view: DataView, at: number): Extent {
  const size = Math.min(view.getUint8(at + 16), idBytesMax);
  const id = Array.from({ length: size }, (_, index) => view.getUint8(at + 17 + index));
  return {
    accepted: {
      government: view.getFloat64(at, true),
      round: view.getFloat64(at + 8, true),
      id: String.fromCharCode(...id),
    },
    length: view.getFloat64(at + 80, true),
    decided: view.getFloat64(at + 88, true),
    hash: getHash(view, at + 96, view.getFloat64(at + 80, true)),
  };
}

/** Zeros stand for a hash that is not known; of an empty log they are the hash. */
export function putHash(view: DataView, at: number, hash: Hash | null): void {
  putHex16(view, at, hash ?? hashZero);
}

export function getHash(view: DataView, at: number, length: Slot): Hash | null {
  const hash = getHex16(view, at);
  return hash === hashZero && length > 0 ? null : hash;
}

/** Follows the end of the log from write to write. */
export class Extents {
  #now: Extent = nothingWritten;
  /** From the last decided slot on: no write goes back behind it. */
  readonly #hashes = new Map<Slot, Hash>([[0, hashZero]]);

  get now(): Extent {
    return this.#now;
  }

  copy(): Extents {
    const copy = new Extents();
    copy.#now = this.#now;
    copy.#hashes.clear();
    for (const [slot, hash] of this.#hashes) copy.#hashes.set(slot, hash);
    return copy;
  }

  apply(write: Write): void {
    const { slotFirst, decrees, lostUpTo } = write;
    const before = this.#now.length;
    const written = slotFirst - 1 + decrees.length;
    const length = Math.max(written, lostUpTo);
    for (let slot = slotFirst; slot <= before; slot += 1) {
      if (slot < written + 1 || slot > lostUpTo) this.#hashes.delete(slot);
    }
    for (const { slot, hash } of decrees) this.#hashes.set(slot, hash);
    const decided = Math.max(this.#now.decided, write.decided);
    for (let slot = this.#now.decided; slot < decided; slot += 1) this.#hashes.delete(slot);
    const hash = this.#hashes.get(length) ?? null;
    this.#now = { accepted: write.accepted, length, decided, hash };
  }

  /** Groups were lost after which the log ended so. */
  jump(extent: Extent): void {
    this.#now = extent;
    this.#hashes.clear();
    if (extent.hash !== null) this.#hashes.set(extent.length, extent.hash);
  }
}
