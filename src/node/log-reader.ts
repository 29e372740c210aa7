/**
 * Reads users' entries back by index, from the journal, and tells those who wait when there are
 * more. Shows only what is decided, and nothing but users' entries.
 */
import { limits, type Applied, type Index, type Slot } from "../../consensus/index.ts";
import type { FramedDecree } from "../codec/decree-codec.ts";
import { LogIndex } from "./log-index.ts";
import type { EntriesBatch } from "../requests.ts";
import type { Journal } from "../storage/journal.ts";

interface Waiter {
  readonly index: Index;
  readonly slot: Slot;
  resolve(): void;
}

/** Rows of the index that one read spans at most; bounds the work of a read of tiny batches. */
const rowsMax = 4096;

export class LogReader {
  readonly #index = new LogIndex();
  /** From which slot on which government is in force. */
  readonly #governments: { readonly slot: Slot; readonly number: number }[] = [];
  readonly #waiters = new Set<Waiter>();
  #slot: Slot = 0;
  #journal: Journal | null = null;

  /** From now on entries are read from `journal`. */
  attach(journal: Journal): void {
    this.#journal = journal;
  }

  get indexLast(): Index {
    return this.#index.indexLast;
  }

  /** The last applied slot. */
  get slot(): Slot {
    return this.#slot;
  }

  /** Takes note of what was applied, in slot order; wakes those who waited for it. */
  take(applied: readonly Applied[]): void {
    for (const { decree, effect, government } of applied) {
      this.#slot = decree.slot;
      if (this.#governments.at(-1)?.number !== government) {
        this.#governments.push({ slot: decree.slot, number: government });
      }
      if (decree.value.kind === "batch" && effect.kind === "applied") {
        this.#index.append({ index: effect.index, count: decree.value.count, slot: decree.slot });
      }
    }
    for (const waiter of this.#waiters) {
      if (waiter.index > this.indexLast || waiter.slot > this.#slot) continue;
      this.#waiters.delete(waiter);
      waiter.resolve();
    }
  }

  /** Resolves once `index` is there and `slot` is applied, or when `signal` aborts. */
  async reached(
    { index = 0, slot = 0 }: { readonly index?: Index; readonly slot?: Slot },
    signal: AbortSignal,
  ): Promise<void> {
    if (index <= this.indexLast && slot <= this.#slot) return;
    if (signal.aborted) return;
    await new Promise<void>((resolve) => {
      const waiter: Waiter = {
        index,
        slot,
        resolve: () => {
          signal.removeEventListener("abort", onAbort);
          resolve();
        },
      };
      const onAbort = (): void => {
        this.#waiters.delete(waiter);
        resolve();
      };
      signal.addEventListener("abort", onAbort, { once: true });
      this.#waiters.add(waiter);
    });
  }

  /**
   * The batches that hold the indexes from `index` on, in order: at least one when `index` is
   * there, and no more than about `bytesMax` bytes.
   * @throws {KibitzerError} `KBZ_DAMAGED` when the journal is.
   */
  async read(index: Index, bytesMax: number): Promise<readonly EntriesBatch[]> {
    const journal = this.#journal;
    if (journal === null || index > this.indexLast) return [];
    const rowFirst = this.#index.rowOf(Math.max(1, index));
    const rowLast = Math.min(this.#index.rows, rowFirst + rowsMax) - 1;
    const slotFirst = this.#index.at(rowFirst).slot;
    const framed = await journal.read(slotFirst, this.#index.at(rowLast).slot, bytesMax);
    const batches: EntriesBatch[] = [];
    let row = rowFirst;
    for (const { decree, body } of framed) {
      const indexed = row <= rowLast ? this.#index.at(row) : null;
      if (indexed === null || indexed.slot !== decree.slot) continue;
      if (decree.value.kind !== "batch" || body === null) continue;
      const { slot, when } = decree;
      const { publisher, sequence, count } = decree.value;
      const government = this.#governmentAt(slot);
      batches.push({
        index: indexed.index,
        slot,
        government,
        when,
        publisher,
        sequence,
        count,
        body,
      });
      row += 1;
    }
    return batches;
  }

  /**
   * Decided decrees of all kinds, from `slotFirst` on and none after `slotLast`; none when that is
   * not decided here.
   */
  async decrees(
    slotFirst: Slot,
    slotLast: Slot,
    bytesMax: number,
  ): Promise<readonly FramedDecree[]> {
    const last = Math.min(slotLast, this.#slot, slotFirst + limits.learnSlotsMax - 1);
    if (this.#journal === null || slotFirst > last) return [];
    return await this.#journal.read(slotFirst, last, bytesMax);
  }

  #governmentAt(slot: Slot): number {
    return this.#governments.findLast((change) => change.slot <= slot)?.number ?? 0;
  }
}
