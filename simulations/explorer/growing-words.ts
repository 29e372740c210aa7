/** A list of unsigned 32-bit words that only grows, without an object for each. */
export class GrowingWords {
  #words = new Uint32Array(1 << 12);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  at(index: number): number {
    return this.#words[index] ?? 0;
  }

  set(index: number, word: number): void {
    this.#words[index] = word;
  }

  push(word: number): void {
    if (this.#length === this.#words.length) {
      const words = new Uint32Array(2 * this.#length);
      words.set(this.#words);
      this.#words = words;
    }
    this.#words[this.#length] = word;
    this.#length += 1;
  }
}
