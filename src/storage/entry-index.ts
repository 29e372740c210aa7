/**
 * Finds the slots of the newest users' entries: one row for each batch that took indexes, in order,
 * in typed arrays, and which government decided it. Older ones are settled, see `SlotArchive`.
 */
import { assert, type Applied, type Index, type Slot } from "../../consensus/index.ts";

const rowsPerChunk = 8192;

/** A batch that took the indexes `index … index + count - 1`. */
export interface IndexedBatch {
  readonly index: Index;
  readonly count: number;
  readonly slot: Slot;
  /** The number of the government that decided it. */
  readonly government: number;
}

interface Change {
  readonly slot: Slot;
  readonly number: number;
}

export class EntryIndex {
  /** Pairs of first index and slot, by the number of their first row. */
  readonly #chunks = new Map<number, Float64Array>();
  /** From which slot on which government is in force. */
  #governments: Change[] = [];
  /** Rows are numbered from the start of this life; those before the first are settled. */
  #rowFirst = 0;
  #rowEnd = 0;
  #indexBase: Index = 0;
  #indexLast: Index = 0;
  #slot: Slot = 0;

  /** The last index there is; 0 for none. */
  get indexLast(): Index {
    return this.#indexLast;
  }

  /** The last index that is not here any more. */
  get indexBase(): Index {
    return this.#indexBase;
  }

  /** The last slot that was noted. */
  get slot(): Slot {
    return this.#slot;
  }

  get rowEnd(): number {
    return this.#rowEnd;
  }

  /** Takes note of what was applied, in slot order. */
  note({ decree, effect, government }: Applied): void {
    assert(decree.slot === this.#slot + 1, "slots are applied in order");
    this.#slot = decree.slot;
    if (this.#governments.at(-1)?.number !== government) {
      this.#governments.push({ slot: decree.slot, number: government });
    }
    if (decree.value.kind !== "batch" || effect.kind !== "applied") return;
    this.append({ index: effect.index, count: decree.value.count, slot: decree.slot });
  }

  append({ index, count, slot }: Omit<IndexedBatch, "government">): void {
    assert(index === this.#indexLast + 1, "indexes are dense");
    assert(count >= 1, "a batch has an entry");
    const number = Math.floor(this.#rowEnd / rowsPerChunk);
    let chunk = this.#chunks.get(number);
    if (chunk === undefined) {
      chunk = new Float64Array(2 * rowsPerChunk);
      this.#chunks.set(number, chunk);
    }
    const at = this.#rowEnd % rowsPerChunk;
    chunk[2 * at] = index;
    chunk[2 * at + 1] = slot;
    this.#rowEnd += 1;
    this.#indexLast = index + count - 1;
  }

  /** The row of the batch that holds `index`, which is here. */
  rowOf(index: Index): number {
    assert(index > this.#indexBase && index <= this.#indexLast, "only what is here has a row");
    return this.#lastRow(0, index);
  }

  /** The first row of a slot after `slot`. */
  rowAfter(slot: Slot): number {
    if (this.#rowFirst === this.#rowEnd || this.#cell(this.#rowFirst, 1) > slot) {
      return this.#rowFirst;
    }
    return this.#lastRow(1, slot) + 1;
  }

  at(row: number): IndexedBatch {
    assert(row >= this.#rowFirst && row < this.#rowEnd, "only a row that is here is read");
    const index = this.#cell(row, 0);
    const next = row + 1 < this.#rowEnd ? this.#cell(row + 1, 0) : this.#indexLast + 1;
    const slot = this.#cell(row, 1);
    return { index, count: next - index, slot, government: this.governmentAt(slot) };
  }

  /** The number of the government in force when `slot` was decided; 0 when that is not here. */
  governmentAt(slot: Slot): number {
    return this.#governments.findLast((change) => change.slot <= slot)?.number ?? 0;
  }

  /** Forgets the rows of slots up to `slot`. */
  settle(slot: Slot): void {
    const row = this.rowAfter(slot);
    this.#indexBase = row < this.#rowEnd ? this.#cell(row, 0) - 1 : this.#indexLast;
    this.#rowFirst = row;
    const first = Math.floor(row / rowsPerChunk);
    for (const number of this.#chunks.keys()) if (number < first) this.#chunks.delete(number);
    const kept = this.#governments.findLastIndex((change) => change.slot <= slot + 1);
    this.#governments = this.#governments.slice(Math.max(0, kept));
  }

  /** Goes on after a slot whose predecessors are not here. */
  restart(from: { readonly slot: Slot; readonly index: Index }): void {
    this.#chunks.clear();
    this.#governments = [];
    this.#rowFirst = this.#rowEnd;
    this.#slot = from.slot;
    this.#indexBase = from.index;
    this.#indexLast = from.index;
  }

  /** The last row whose cell is at most `most`; the first one's is. */
  #lastRow(column: 0 | 1, most: number): number {
    let low = this.#rowFirst;
    let high = this.#rowEnd - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.#cell(middle, column) <= most) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #cell(row: number, column: 0 | 1): number {
    const cell = this.#chunks.get(Math.floor(row / rowsPerChunk))?.[
      2 * (row % rowsPerChunk) + column
    ];
    assert(cell !== undefined, "a row has its cells");
    return cell;
  }
}
