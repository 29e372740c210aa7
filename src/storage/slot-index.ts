/**
 * Where the records of the newest slots stand: 12 bytes a slot in chunks of typed arrays. Older
 * ones are settled: they stand in files, see `SlotArchive`. Knows nothing of files itself.
 */
import { assert, type Slot } from "../../consensus/index.ts";

export interface Place {
  /** Of its segment. */
  readonly generation: number;
  /** Of the record's header in the file. */
  readonly offset: number;
  /** Of header and body. */
  readonly size: number;
}

const chunkSlots = 8192;
const wordsPerSlot = 3;

export class SlotIndex {
  /** By the position of their first slot. */
  readonly #chunks = new Map<number, Uint32Array>();
  #base = 0;
  #length = 0;

  /** The last slot that is not here, but settled, or gone from the log. */
  get base(): Slot {
    return this.#base;
  }

  /** The highest slot. */
  get length(): Slot {
    return this.#length;
  }

  push(generation: number, offset: number, size: number): void {
    assert(offset < 2 ** 32 && size < 2 ** 32, "segments are smaller than 4 GiB");
    const number = Math.floor(this.#length / chunkSlots);
    let chunk = this.#chunks.get(number);
    if (chunk === undefined) {
      chunk = new Uint32Array(chunkSlots * wordsPerSlot);
      this.#chunks.set(number, chunk);
    }
    const at = (this.#length % chunkSlots) * wordsPerSlot;
    chunk[at] = generation;
    chunk[at + 1] = offset;
    chunk[at + 2] = size;
    this.#length += 1;
  }

  get(slot: Slot): Place {
    assert(slot > this.#base && slot <= this.#length, "only slots that are here are looked up");
    const chunk = this.#chunks.get(Math.floor((slot - 1) / chunkSlots));
    assert(chunk !== undefined, "a slot has its chunk");
    const at = ((slot - 1) % chunkSlots) * wordsPerSlot;
    return {
      generation: chunk[at] ?? 0,
      offset: chunk[at + 1] ?? 0,
      size: chunk[at + 2] ?? 0,
    };
  }

  /** The record of a slot stands elsewhere now. */
  replace(slot: Slot, { generation, offset, size }: Place): void {
    assert(slot > this.#base && slot <= this.#length, "only slots that are here are replaced");
    const chunk = this.#chunks.get(Math.floor((slot - 1) / chunkSlots));
    assert(chunk !== undefined, "a slot has its chunk");
    const at = ((slot - 1) % chunkSlots) * wordsPerSlot;
    chunk[at] = generation;
    chunk[at + 1] = offset;
    chunk[at + 2] = size;
  }

  /** Forgets every slot after `length`. */
  truncate(length: Slot): void {
    assert(length >= 0 && length <= this.#length, "truncation never makes the log longer");
    this.#length = length;
    this.#base = Math.min(this.#base, length);
    const chunks = Math.ceil(length / chunkSlots);
    for (const number of this.#chunks.keys()) if (number >= chunks) this.#chunks.delete(number);
  }

  /** Forgets where the slots up to `slot` stand. */
  settle(slot: Slot): void {
    assert(slot <= this.#length, "only what is there is settled");
    this.#base = Math.max(this.#base, slot);
    const first = Math.floor(this.#base / chunkSlots);
    for (const number of this.#chunks.keys()) if (number < first) this.#chunks.delete(number);
  }

  /** The log goes on after `slot`, without anything before it. */
  restart(slot: Slot): void {
    this.#chunks.clear();
    this.#base = slot;
    this.#length = slot;
  }
}
