/**
 * The configurations a search has been in: which operations are done, and the state they led to
 * (Lowe, "Testing for linearizability", 2017). Compares them whole, never by hash alone, so that a
 * collision cannot turn into a verdict.
 */
import { assert } from "../../consensus/assert.ts";
import { at } from "./machine.ts";

const slotsFirst = 1024;
const wordsFirst = 8192;

/**
 * A set of operations. Those with an answer are done nearly in order of their invocation, so only
 * the words between the first one missing and the last one done are looked at.
 */
export class Progress {
  readonly #words: Int32Array;
  #low = 0;
  #high = -1;

  constructor(count: number) {
    this.#words = new Int32Array((count >>> 5) + 1);
  }

  /** The first word that is not full. */
  get low(): number {
    return this.#low;
  }

  /** The last word that is not empty. */
  get high(): number {
    return this.#high;
  }

  word(place: number): number {
    return at(this.#words, place);
  }

  add(member: number): void {
    const place = member >>> 5;
    this.#words[place] = at(this.#words, place) | (1 << (member & 31));
    if (place > this.#high) this.#high = place;
    while (this.#low < this.#words.length - 1 && at(this.#words, this.#low) === -1) this.#low += 1;
  }

  delete(member: number): void {
    const place = member >>> 5;
    this.#words[place] = at(this.#words, place) & ~(1 << (member & 31));
    if (place < this.#low) this.#low = place;
    while (this.#high >= 0 && at(this.#words, this.#high) === 0) this.#high -= 1;
  }
}

export class Configurations {
  /** Places in the pool, plus one; 0 is free. */
  #slots = new Int32Array(slotsFirst);
  #pool = new Int32Array(wordsFirst);
  #used = 0;
  #count = 0;
  #made = new Int32Array(64);
  #length = 0;

  get count(): number {
    return this.#count;
  }

  /** Bytes held. */
  get bytes(): number {
    return 4 * (this.#slots.length + this.#pool.length);
  }

  /** False when it was there before. */
  add(state: number, answered: Progress, unanswered: Progress): boolean {
    this.#compose(state, answered, unanswered);
    const hash = this.#hash();
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    for (;;) {
      const place = at(this.#slots, slot);
      if (place === 0) break;
      if (this.#isAt(place - 1, hash)) return false;
      slot = (slot + 1) & mask;
    }
    this.#slots[slot] = this.#append(hash) + 1;
    this.#count += 1;
    if (2 * this.#count > this.#slots.length) this.#growSlots();
    return true;
  }

  /** The configuration as words: equal ones, and only those, give equal words. */
  #compose(state: number, answered: Progress, unanswered: Progress): void {
    const { low, high } = answered;
    const inWindow = Math.max(0, high - low + 1);
    this.#length = 3 + inWindow + unanswered.high + 1;
    if (this.#length > this.#made.length) this.#made = new Int32Array(2 * this.#length);
    const made = this.#made;
    made[0] = state;
    made[1] = low;
    made[2] = inWindow;
    let place = 3;
    for (let word = low; word <= high; word += 1) {
      made[place] = answered.word(word);
      place += 1;
    }
    for (let word = 0; word <= unanswered.high; word += 1) {
      made[place] = unanswered.word(word);
      place += 1;
    }
    assert(place === this.#length, "a configuration has the length that it was given");
  }

  #hash(): number {
    let hash = 0x2545_f491;
    for (let place = 0; place < this.#length; place += 1) {
      hash = Math.imul(hash ^ at(this.#made, place), 0x85eb_ca6b);
      hash ^= hash >>> 15;
    }
    return hash;
  }

  #isAt(place: number, hash: number): boolean {
    const pool = this.#pool;
    if (at(pool, place) !== hash || at(pool, place + 1) !== this.#length) return false;
    for (let word = 0; word < this.#length; word += 1) {
      if (at(pool, place + 2 + word) !== at(this.#made, word)) return false;
    }
    return true;
  }

  #append(hash: number): number {
    const place = this.#used;
    this.#used += 2 + this.#length;
    if (this.#used > this.#pool.length) {
      const grown = new Int32Array(Math.max(2 * this.#pool.length, this.#used));
      grown.set(this.#pool);
      this.#pool = grown;
    }
    this.#pool[place] = hash;
    this.#pool[place + 1] = this.#length;
    this.#pool.set(this.#made.subarray(0, this.#length), place + 2);
    return place;
  }

  #growSlots(): void {
    const grown = new Int32Array(2 * this.#slots.length);
    const mask = grown.length - 1;
    for (const place of this.#slots) {
      if (place === 0) continue;
      let slot = at(this.#pool, place - 1) & mask;
      while (grown[slot] !== 0) slot = (slot + 1) & mask;
      grown[slot] = place;
    }
    this.#slots = grown;
  }
}
