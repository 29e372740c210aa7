/**
 * A table from pairs of 32-bit words to small numbers, in typed arrays with open addressing: a
 * `Map` or `Set` ends at 2²⁴ entries and takes several times the memory. Nothing is ever taken out.
 */
const slotsFirst = 1 << 12;

export class PairTable {
  /** High word, low word and value + 1 of each slot; a third of 0 marks an empty one. */
  #slots = new Int32Array(3 * slotsFirst);
  #mask = slotsFirst - 1;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The value of a pair, or -1. */
  get(high: number, low: number): number {
    return (this.#slots[this.#find(high | 0, low | 0) + 2] ?? 0) - 1;
  }

  /** The value that the pair has already, or -1 when it was added with `value`, from 0. */
  add(high: number, low: number, value: number): number {
    const at = this.#find(high | 0, low | 0);
    const known = (this.#slots[at + 2] ?? 0) - 1;
    if (known !== -1) return known;
    this.#put(at, [high, low, value + 1]);
    this.#size += 1;
    // Beyond two thirds the chains get long.
    if (3 * this.#size > 2 * (this.#mask + 1)) this.#grow();
    return -1;
  }

  #put(at: number, words: readonly [number, number, number]): void {
    [this.#slots[at], this.#slots[at + 1], this.#slots[at + 2]] = words;
  }

  /** The place of the pair, or of the empty slot where it belongs. */
  #find(high: number, low: number): number {
    const slots = this.#slots;
    let mixed = Math.imul(high ^ (high >>> 15), 0x85eb_ca6b) ^ Math.imul(low, 0xc2b2_ae35);
    mixed ^= mixed >>> 15;
    for (let slot = mixed & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const at = 3 * slot;
      if (slots[at + 2] === 0 || (slots[at] === high && slots[at + 1] === low)) return at;
    }
  }

  #grow(): void {
    const before = this.#slots;
    this.#slots = new Int32Array(2 * before.length);
    this.#mask = 2 * this.#mask + 1;
    for (let at = 0; at < before.length; at += 3) {
      const [high = 0, low = 0, value = 0] = before.subarray(at, at + 3);
      if (value !== 0) this.#put(this.#find(high, low), [high, low, value]);
    }
  }
}
