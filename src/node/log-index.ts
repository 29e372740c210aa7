/**
 * Finds the slot of a user's entry: one row for each batch that took indexes, in order, in typed
 * arrays, since there is one for each batch ever decided.
 */
import { assert, type Index, type Slot } from "../../consensus/index.ts";

const rowsPerChunk = 16_384;

/** A batch that took the indexes `index … index + count - 1`. */
export interface IndexedBatch {
  readonly index: Index;
  readonly count: number;
  readonly slot: Slot;
}

export class LogIndex {
  /** Pairs of first index and slot, chunk by chunk. */
  readonly #chunks: Float64Array[] = [];
  #rows = 0;
  #indexLast = 0;

  /** The last index there is; 0 for none. */
  get indexLast(): Index {
    return this.#indexLast;
  }

  get rows(): number {
    return this.#rows;
  }

  append({ index, count, slot }: IndexedBatch): void {
    assert(index === this.#indexLast + 1, "indexes are dense");
    assert(count >= 1, "a batch has an entry");
    const at = this.#rows % rowsPerChunk;
    if (at === 0) this.#chunks.push(new Float64Array(2 * rowsPerChunk));
    const chunk = this.#chunks.at(-1);
    assert(chunk !== undefined, "there is a chunk to append to");
    chunk[2 * at] = index;
    chunk[2 * at + 1] = slot;
    this.#rows += 1;
    this.#indexLast = index + count - 1;
  }

  /** The row of the batch that holds `index`, which is there. */
  rowOf(index: Index): number {
    assert(index >= 1 && index <= this.#indexLast, "only an index that is there has a row");
    let low = 0;
    let high = this.#rows - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.#cell(middle, 0) <= index) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  at(row: number): IndexedBatch {
    assert(row >= 0 && row < this.#rows, "only a row that is there is read");
    const index = this.#cell(row, 0);
    const next = row + 1 < this.#rows ? this.#cell(row + 1, 0) : this.#indexLast + 1;
    return { index, count: next - index, slot: this.#cell(row, 1) };
  }

  #cell(row: number, column: 0 | 1): number {
    const cell = this.#chunks[Math.floor(row / rowsPerChunk)]?.[2 * (row % rowsPerChunk) + column];
    assert(cell !== undefined, "a row has its cells");
    return cell;
  }
}
