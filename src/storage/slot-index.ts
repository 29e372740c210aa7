/**
 * Where each slot's record stands: 12 bytes a slot in chunks of typed arrays. Knows nothing of
 * files. The class is narrow, so that it can be made sparse.
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
  readonly #chunks: Uint32Array[] = [];
  #length = 0;

  /** The highest slot. */
  get length(): Slot {
    return this.#length;
  }

  push(generation: number, offset: number, size: number): void {
    assert(offset < 2 ** 32 && size < 2 ** 32, "segments are smaller than 4 GiB");
    const chunk = this.#chunkFor(this.#length);
    const at = (this.#length % chunkSlots) * wordsPerSlot;
    chunk[at] = generation;
    chunk[at + 1] = offset;
    chunk[at + 2] = size;
    this.#length += 1;
  }

  get(slot: Slot): Place {
    assert(slot >= 1 && slot <= this.#length, "only slots of the journal are looked up");
    const chunk = this.#chunkFor(slot - 1);
    const at = ((slot - 1) % chunkSlots) * wordsPerSlot;
    return {
      generation: chunk[at] ?? 0,
      offset: chunk[at + 1] ?? 0,
      size: chunk[at + 2] ?? 0,
    };
  }

  /** The record of a slot stands elsewhere now. */
  replace(slot: Slot, { generation, offset, size }: Place): void {
    assert(slot >= 1 && slot <= this.#length, "only slots of the journal are replaced");
    const chunk = this.#chunkFor(slot - 1);
    const at = ((slot - 1) % chunkSlots) * wordsPerSlot;
    chunk[at] = generation;
    chunk[at + 1] = offset;
    chunk[at + 2] = size;
  }

  /** Forgets every slot after `length`. */
  truncate(length: Slot): void {
    assert(length >= 0 && length <= this.#length, "truncation never makes the log longer");
    this.#length = length;
    this.#chunks.length = Math.ceil(length / chunkSlots);
  }

  #chunkFor(position: number): Uint32Array {
    const number = Math.floor(position / chunkSlots);
    const known = this.#chunks[number];
    if (known !== undefined) return known;
    assert(number === this.#chunks.length, "chunks are added in order");
    const made = new Uint32Array(chunkSlots * wordsPerSlot);
    this.#chunks.push(made);
    return made;
  }
}
