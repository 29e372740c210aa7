/**
 * The one source of chance in a simulation: a small, fast, seeded generator (sfc32 by Chris
 * Doty-Humphrey). Never reads the clock or the platform's randomness, so a seed is a whole run.
 */

/** A generator whose draws depend on its seed and on the number of earlier draws, nothing else. */
export class Prng {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number | string) {
    const text = String(seed);
    this.#a = mixText(0x9e37_79b9, text);
    this.#b = mixText(0x243f_6a88, text);
    this.#c = mixText(0xb7e1_5162, text);
    for (let round = 0; round < 12; round += 1) this.word();
  }

  /** 32 random bits, unsigned. */
  word(): number {
    const result = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + result) | 0;
    return result >>> 0;
  }

  /** Uniform, 0 ≤ fraction < 1. */
  fraction(): number {
    return this.word() / 0x1_0000_0000;
  }

  /** Uniform among the whole numbers from `min` to `max`, both included. */
  integer(min: number, max: number): number {
    if (max < min) throw new RangeError(`no whole number between ${min} and ${max}`);
    return min + Math.floor(this.fraction() * (max - min + 1));
  }

  /** Uniform, min ≤ value < max. */
  between(min: number, max: number): number {
    return min + this.fraction() * (max - min);
  }

  /** Exponentially distributed with the given mean: many short, few long. */
  exponential(mean: number): number {
    return -Math.log(1 - this.fraction()) * mean;
  }

  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  pick<Item>(items: readonly Item[]): Item {
    const item = items[this.integer(0, items.length - 1)];
    if (item === undefined) throw new RangeError("nothing to pick from");
    return item;
  }

  /** A new array with the items in another order (Fisher–Yates). */
  shuffle<Item>(items: readonly Item[]): Item[] {
    const left = [...items];
    const shuffled: Item[] = [];
    while (left.length > 0) shuffled.push(...left.splice(this.integer(0, left.length - 1), 1));
    return shuffled;
  }

  /** 16 random hex digits. */
  hex16(): string {
    return hex(this.word()) + hex(this.word());
  }

  /**
   * An independent generator named by `label`; takes one draw of this one. A part with a fork of
   * its own may draw more or less without changing what the other parts draw.
   */
  fork(label: string): Prng {
    return new Prng(`${label}:${hex(this.word())}`);
  }
}

function mixText(seed: number, text: string): number {
  let mixed = seed;
  for (let at = 0; at < text.length; at += 1) {
    mixed = Math.imul(mixed ^ text.charCodeAt(at), 0x85eb_ca6b);
    mixed ^= mixed >>> 15;
  }
  return mixed | 0;
}

function hex(word: number): string {
  return word.toString(16).padStart(8, "0");
}
