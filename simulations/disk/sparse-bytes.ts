/**
 * The content of a simulated file: pages that copies share until one of them is written, so that a
 * copy is cheap and zeros cost nothing. Knows nothing of durability.
 */
import { assert } from "../../consensus/assert.ts";
import { isZero } from "../../src/codec/zeros.ts";

const pageBytes = 4096;
const zeroPage = Buffer.alloc(pageBytes);

export class SparseBytes {
  readonly #pages: Map<number, Uint8Array>;
  /** Pages that no copy has: they are changed in place. */
  readonly #own = new Set<number>();
  #size: number;

  constructor(original?: SparseBytes) {
    this.#pages = new Map(original === undefined ? [] : original.#pages);
    this.#size = original === undefined ? 0 : original.#size;
    if (original !== undefined) original.#own.clear();
  }

  get size(): number {
    return this.#size;
  }

  write(bytes: Uint8Array, position: number): void {
    if (bytes.length === 0) return;
    let done = 0;
    while (done < bytes.length) {
      const at = position + done;
      const offset = at % pageBytes;
      const count = Math.min(pageBytes - offset, bytes.length - done);
      this.#writePage(Math.floor(at / pageBytes), offset, bytes.subarray(done, done + count));
      done += count;
    }
    this.#size = Math.max(this.#size, position + bytes.length);
  }

  /** Fills `target` as far as the content reaches; returns how many bytes. */
  read(target: Uint8Array, position: number): number {
    const count = Math.max(0, Math.min(target.length, this.#size - position));
    let done = 0;
    while (done < count) {
      const at = position + done;
      const offset = at % pageBytes;
      const piece = Math.min(pageBytes - offset, count - done);
      const page = this.#pages.get(Math.floor(at / pageBytes)) ?? zeroPage;
      target.set(page.subarray(offset, offset + piece), done);
      done += piece;
    }
    return count;
  }

  /** Cuts off what lies after `size`, or grows with zeros up to it. */
  truncate(size: number): void {
    assert(Number.isSafeInteger(size) && size >= 0, "a size is whole and not negative");
    if (size < this.#size) {
      for (const page of this.#pages.keys()) {
        if (page * pageBytes >= size) this.#drop(page);
      }
      const rest = size % pageBytes;
      if (rest > 0) {
        this.#writePage(Math.floor(size / pageBytes), rest, zeroPage.subarray(rest));
      }
    }
    this.#size = size;
  }

  #writePage(number: number, offset: number, bytes: Uint8Array): void {
    const before = this.#pages.get(number);
    if (before !== undefined && this.#own.has(number)) {
      before.set(bytes, offset);
      return;
    }
    if (before === undefined && isZero(bytes)) return;
    const page = new Uint8Array(pageBytes);
    if (before !== undefined) page.set(before);
    page.set(bytes, offset);
    this.#pages.set(number, page);
    this.#own.add(number);
  }

  #drop(number: number): void {
    this.#pages.delete(number);
    this.#own.delete(number);
  }
}
