/** A set of strings in the order of their UTF-16 units, the same everywhere; no locale. */

const chunkMax = 1024;

export class SortedKeys {
  /** Each sorted, none empty, in order. */
  readonly #chunks: string[][] = [];

  add(key: string): void {
    const place = this.#chunkOf(key);
    const chunk = this.#chunks[place];
    if (chunk === undefined) {
      this.#chunks.push([key]);
      return;
    }
    const at = firstFrom(chunk, key);
    if (chunk[at] === key) return;
    chunk.splice(at, 0, key);
    if (chunk.length > chunkMax) this.#chunks.splice(place + 1, 0, chunk.splice(chunkMax / 2));
  }

  delete(key: string): void {
    const place = this.#chunkOf(key);
    const chunk = this.#chunks[place];
    if (chunk === undefined) return;
    const at = firstFrom(chunk, key);
    if (chunk[at] !== key) return;
    chunk.splice(at, 1);
    if (chunk.length === 0) this.#chunks.splice(place, 1);
  }

  /** All from the first that is not below `key`, in order. */
  *from(key: string): Generator<string, void, void> {
    const first = this.#chunkOf(key);
    for (let place = first; place < this.#chunks.length; place += 1) {
      const chunk = this.#chunks[place] ?? [];
      const begin = place === first ? firstFrom(chunk, key) : 0;
      for (let at = begin; at < chunk.length; at += 1) yield chunk[at] ?? "";
    }
  }

  /** The chunk where `key` is, or belongs. */
  #chunkOf(key: string): number {
    let low = 0;
    let high = this.#chunks.length - 1;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const last = this.#chunks[middle]?.at(-1) ?? "";
      if (last < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** The place of the first that is not below `key`. */
function firstFrom(chunk: readonly string[], key: string): number {
  let low = 0;
  let high = chunk.length;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if ((chunk[middle] ?? "") < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
