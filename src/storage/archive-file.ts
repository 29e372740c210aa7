/**
 * The rows of an archive as bytes: where the record of each slot stands, which index came before
 * it, and which government decided it, in blocks with a checksum each. Does no I/O.
 */
import { assert } from "../../consensus/index.ts";
import { viewOf } from "../codec/bytes.ts";
import { crc32 } from "../codec/crc32.ts";
import type { ArchivedSlots } from "./manifest.ts";
import type { Place } from "./slot-index.ts";

export interface ArchivedRow extends Place {
  /** How many indexes the archive's slots before this one took. */
  readonly taken: number;
  readonly government: number;
}

export const blockBytes = 4096;
const rowBytes = 20;
const checksumAt = blockBytes - 4;
export const rowsPerBlock: number = Math.floor(checksumAt / rowBytes);

const prefix = "index-";

export function archiveName({ slotFirst }: Pick<ArchivedSlots, "slotFirst">): string {
  return `${prefix}${String(slotFirst).padStart(16, "0")}`;
}

export function isArchiveName(name: string): boolean {
  return /^index-\d{16}$/.test(name);
}

export function blocksOf({ slotFirst, slotLast }: ArchivedSlots): number {
  return Math.ceil((slotLast - slotFirst + 1) / rowsPerBlock);
}

/** Gathers rows into blocks, and their checksum. */
export class ArchiveEncoder {
  readonly #slotFirst: number;
  #block = new Uint8Array(blockBytes);
  #view = viewOf(this.#block);
  #rows = 0;
  #blocks = 0;
  #checksum = 0;

  constructor(slotFirst: number) {
    this.#slotFirst = slotFirst;
  }

  /** Of all blocks given out so far. */
  get checksum(): number {
    return this.#checksum;
  }

  /** The block that is full with this row, or null. */
  row({ generation, offset, size, taken, government }: ArchivedRow): Uint8Array | null {
    assert(taken < 2 ** 32 && generation < 2 ** 32, "an archive has fewer than 2^32 of anything");
    const at = this.#rows * rowBytes;
    this.#view.setUint32(at, generation, true);
    this.#view.setUint32(at + 4, offset, true);
    this.#view.setUint32(at + 8, size, true);
    this.#view.setUint32(at + 12, taken, true);
    this.#view.setUint32(at + 16, government, true);
    this.#rows += 1;
    return this.#rows === rowsPerBlock ? this.#seal() : null;
  }

  /** The last block, unless there is nothing in it. */
  end(): Uint8Array | null {
    return this.#rows === 0 ? null : this.#seal();
  }

  #seal(): Uint8Array {
    const block = this.#block;
    const checksum = blockChecksum(block, this.#slotFirst, this.#blocks);
    this.#view.setUint32(checksumAt, checksum, true);
    this.#checksum = crc32(block.subarray(checksumAt), this.#checksum);
    this.#block = new Uint8Array(blockBytes);
    this.#view = viewOf(this.#block);
    this.#rows = 0;
    this.#blocks += 1;
    return block;
  }
}

/** Over its rows and its place: a block of another place, or of another file, is none. */
function blockChecksum(block: Uint8Array, slotFirst: number, number: number): number {
  const place = new Uint8Array(16);
  const view = viewOf(place);
  view.setFloat64(0, slotFirst, true);
  view.setFloat64(8, number, true);
  return crc32(block.subarray(0, checksumAt), crc32(place));
}

/** One block that was read back, or made again. */
export class ArchiveBlock {
  readonly #view: DataView;

  /** @param block As an encoder gave it out. */
  constructor(block: Uint8Array) {
    this.#view = viewOf(block);
  }

  /** Null when `block` is not block `number` of the archive that begins with `slotFirst`. */
  static read(block: Uint8Array, slotFirst: number, number: number): ArchiveBlock | null {
    const found = viewOf(block).getUint32(checksumAt, true);
    const isIntact = found === blockChecksum(block, slotFirst, number);
    return isIntact ? new ArchiveBlock(block) : null;
  }

  row(position: number): ArchivedRow {
    assert(position >= 0 && position < rowsPerBlock, "a block has its rows");
    const at = position * rowBytes;
    const view = this.#view;
    return {
      generation: view.getUint32(at, true),
      offset: view.getUint32(at + 4, true),
      size: view.getUint32(at + 8, true),
      taken: view.getUint32(at + 12, true),
      government: view.getUint32(at + 16, true),
    };
  }
}
